"""The best of several policies before they run, and a policy in words grown on a log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import RenderableType

from alamo.cli import formats
from alamo.cli.output import Column, column, interval_column, note, refusals, table

Data = Mapping[str, Any]


def policy_choice(data: Data) -> Iterator[RenderableType]:
    """Every candidate, and what the choice is worth on units that had no part in it."""
    level = formats.percent(data.get("level"), 0)
    columns = [
        column("policy", "policy"),
        column("value per row", "value", formats.number),
        column("against what runs", "gain", formats.signed),
        interval_column(f"{level} interval", "gain_lower", "gain_upper", formats.signed),
        Column("", lambda row: "chosen" if row.get("chosen") else "", right=False),
    ]
    yield table("Policies, each by itself", columns, data.get("rows", []))
    yield note(choice_worth(data))
    yield note(f"The running policy: {formats.number(data.get('behaviour_value'))} per row", "dim")
    yield from used(data)
    yield from refusals(data)


def choice_worth(data: Data) -> str:
    """Write what choosing is worth, without the flattery of the largest of many."""
    gain = data.get("gain")
    if not gain:
        return "Nothing could be chosen."
    chosen = data.get("policy")
    who = f"{chosen!r}, chosen by both halves of the units," if chosen else "Choosing like this (the halves disagree)"
    return f"{who} brings {_gain(gain)} per row against what runs, on units that had no part in the choice."


def policy_tree(data: Data) -> Iterator[RenderableType]:
    """Who gets what, what that brings, and what the tree as a whole is worth."""
    level = formats.percent(data.get("level"), 0)
    columns = [
        column("who", "who"),
        column("action", "action"),
        column("share", "share", formats.percent),
        column(f"against {data.get('control')}", "mean", formats.signed),
        interval_column(f"{level} interval", "lower", "upper", formats.signed),
    ]
    yield table("A policy in words, judged on units that did not grow it", columns, data.get("rows", []))
    for key, words in worths(data):
        yield note(f"{words}: {_gain(data[key])} per row")
    grown, judged = formats.count(data.get("n_growing")), formats.count(data.get("n_judging"))
    yield note(f"grown on {grown} rows, judged on {judged}; outcomes net of costs", "dim")
    yield from used(data)
    for key, what in (("model_file", "The tree"), ("out", "Per row")):
        if data.get(key):
            yield note(f"{what}: {data[key]}")
    yield from refusals(data)


def worths(data: Data) -> list[tuple[str, str]]:
    """Return the keys of the differences that are there, and what each is against."""
    told = [("gain_over_running", "Against what runs")]
    told += [("gain_over_single", f"Against {data.get('single')} for everybody, the best single action")]
    return [(key, words) for key, words in told if data.get(key)]


def used(data: Data) -> Iterator[RenderableType]:
    """Say which columns were taken as known before the draw."""
    if data.get("features"):
        yield note(f"used as known before the draw: {', '.join(data['features'])}", "dim")


def _gain(gain: Data) -> str:
    return f"{formats.signed(gain['mean'])} ({formats.interval(gain['lower'], gain['upper'], formats.signed)})"
