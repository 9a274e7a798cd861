"""Uplift of a file: what acting on it earns, what it rests on, and why it is predicted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import RenderableType

from alamo.cli import formats
from alamo.cli.output import Column, column, interval_column, note, refusals, table

_MOST_COLUMNS = 10


def uplift(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    """What a policy by uplift earns on the hold-out, which learners carry it, what is kept of it, and why."""
    columns = [
        column("policy over", "action"),
        column("value per unit", "value_of_policy", formats.number),
        interval_column("interval", "lower", "upper"),
        column("best single action", "value_of_best_single_action", formats.number),
        Column("gain", lambda row: formats.signed((row.get("gain") or {}).get("mean"))),
        Column("gain interval", lambda row: formats.interval(*_ends(row.get("gain")), formats.signed)),
        column("Qini", "qini", formats.number),
        column("AUUC", "auuc", formats.number),
        column("calibration slope", "calibration_slope", formats.number),
    ]
    yield table("On the rows held out", columns, data.get("holdout", []))
    yield from _rankings(data)
    learners = [
        column("action", "action"),
        column("learner", "learner"),
        column("weight", "weight", formats.percent),
        column("DR loss", "dr_loss", formats.number),
    ]
    yield table("Learners", learners, data.get("rows", []))
    yield from _kept(data)
    yield from _importance(data)
    for curve in data.get("what_if") or []:
        yield from _curve(curve)
    for words, key in (("Scores", "scores"), ("What columns add, per row", "contributions"), ("Model", "model")):
        if data.get(key):
            yield note(f"{words}: {data[key]}")
    yield from refusals(data)


def _rankings(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Say how sure the rankings are: one file can seldom tell two good ones apart."""
    level = formats.percent(data.get("level"), 0)
    for row in data.get("intervals") or []:
        if row["figure"] in ("qini", "calibration slope"):
            ends = formats.interval(row["lower"], row["upper"])
            yield note(
                f"{row['action']}: {row['figure']} {formats.number(row['mean'])}, {level} interval {ends}", "dim"
            )
        elif row["figure"] == "gain" and row["action"] is None:
            ends = formats.interval(row["anytime_lower"], row["anytime_upper"], formats.signed)
            yield note(f"gain of the policy over all actions, always-valid interval: {ends}", "dim")


def _kept(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    if data.get("kept"):
        columns = [
            column("action", "action"),
            column("of what is common to all", "common", lambda value: formats.percent(value, 0)),
            Column("measured", lambda row: _slope(row, "common")),
            column("of differences between customers", "contrast", lambda value: formats.percent(value, 0)),
            Column("measured", lambda row: _slope(row, "contrast")),
        ]
        yield table("Kept, because units not seen bear it out (1 ± 0 would be all of it)", columns, data["kept"])


def _slope(row: Mapping[str, Any], part: str) -> str:
    if row[f"{part}_se"] is None:
        return formats.ABSENT
    return f"{formats.number(row[f'{part}_slope'], 3)} ± {formats.number(row[f'{part}_se'], 2)}"


def _importance(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    found = data.get("importance") or []
    if not found:
        return
    columns = [
        column("action", "action"),
        column("column", "column"),
        column("moves the effect by", "mean_absolute", formats.number),
        column("loss if shuffled", "loss_change", formats.signed),
        interval_column("interval", "lower", "upper", formats.signed),
    ]
    by_action: dict[Any, list[Mapping[str, Any]]] = {}
    for row in found:
        by_action.setdefault(row["action"], []).append(row)
    shown = [row for rows in by_action.values() for row in rows[:_MOST_COLUMNS]]
    yield table("What predicted effects rest on (an interval that holds 0: these rows cannot tell)", columns, shown)


def _curve(curve: Mapping[str, Any]) -> Iterator[RenderableType]:
    columns = [
        Column(curve["column"], lambda row: _value(row.get("value"))),
        column("effect", "effect", formats.signed),
        interval_column("interval", "lower", "upper", formats.signed),
        column("rows", "n", formats.count),
        column("seen there", "seen", formats.signed),
        interval_column("interval", "seen_lower", "seen_upper", formats.signed),
    ]
    shape = "" if curve["shape"] is None else f" ({curve['shape']})"
    title = f"{curve['action']}: effect if {curve['column']} were this for everybody{shape}"
    yield table(title, columns, curve["points"])
    if curve["change"] is not None:
        ends = formats.interval(curve["change_lower"], curve["change_upper"], formats.signed)
        yield note(f"last less first value: {formats.signed(curve['change'])}, interval {ends}", "dim")


def _value(value: Any) -> str:
    return formats.number(value) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def _ends(gain: Mapping[str, Any] | None) -> tuple[Any, Any]:
    return (None, None) if not gain else (gain.get("lower"), gain.get("upper"))
