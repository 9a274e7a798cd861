"""The analysis of an experiment file: effects, guardrails, and how far to trust them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import RenderableType

from alamo.cli import formats
from alamo.cli.output import Column, column, interval_column, note, refusals, table

_LARGE = 0.05
_DOUBT = 0.01


def experiment(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Effects of each action against control, per outcome and segment."""
    level = formats.percent(data.get("level"), 0)
    rows, tests = data.get("rows", []), _tests(data)
    columns = [
        column("action", "action"),
        *([column("segment", "segment")] if any(row.get("segment") is not None for row in rows) else []),
        column("outcome", "outcome"),
        column("effect", "mean", formats.signed),
        interval_column(f"{level} interval", "lower", "upper", formats.signed),
        interval_column("always valid", "anytime_lower", "anytime_upper", formats.signed),
        column("without it", "baseline", formats.number),
        column("n", "n", formats.count),
        column("control", "n_control", formats.count),
        *([Column("adjusted p", lambda row: _adjusted_p(row, tests))] if tests else []),
        Column("", lambda row: _verdict(row, tests), right=False),
    ]
    yield table("Effect per unit against control", columns, rows)
    yield note(
        f"{formats.count(data.get('units'))} units · {formats.count(data.get('intervals_shown'))} intervals shown, "
        "not adjusted for their number · always valid: may be looked at after every new row",
        "dim",
    )
    yield from _multiplicity(data.get("multiplicity"))
    yield from _guardrails(data, level)
    yield from _power(data.get("power") or [])
    yield from _tails(data)
    yield from _over_time(data, level)
    yield from _placebo(data.get("aa"))
    yield from _ratio_check(data.get("ratio_check") or {})
    yield from refusals(data)


def _tests(data: Mapping[str, Any]) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Return (action, outcome) → adjusted test; empty where nothing is adjusted."""
    return {(test["action"], test["outcome"]): test for test in (data.get("multiplicity") or {}).get("tests", [])}


def _adjusted_p(row: Mapping[str, Any], tests: Mapping[tuple[str, str], Mapping[str, Any]]) -> str:
    if row.get("segment") is not None:
        return formats.ABSENT
    return formats.number(tests[row["action"], row["outcome"]]["adjusted_p_value"], 2)


def _multiplicity(found: Mapping[str, Any] | None) -> Iterator[RenderableType]:
    if found is not None:
        yield note(
            f"{len(found['tests'])} pooled effects tested together ({found['method']}): of those called found, at most "
            f"{formats.percent(found['rate'], 0)} are false on average; segments and guardrails stay out",
            "dim",
        )


def _guardrails(data: Mapping[str, Any], level: str) -> Iterator[RenderableType]:
    rows = data.get("guardrails") or []
    if not rows:
        return
    columns = [
        column("action", "action"),
        column("outcome", "outcome"),
        Column("accepted", lambda row: f"{formats.number(row['margin'])} {'more' if row['worse'] == 'up' else 'less'}"),
        column("effect", "mean", formats.signed),
        interval_column(f"{level} interval", "lower", "upper", formats.signed),
        column("", "verdict"),
        column("always valid says", "anytime_verdict"),
    ]
    yield table("Guardrails: what must not get worse", columns, rows)


def _power(rows: Sequence[Mapping[str, Any]]) -> Iterator[RenderableType]:
    if not rows:
        return
    columns = [
        column("action", "action"),
        column("outcome", "outcome"),
        column("finds from", "detectable", formats.number),
        column("finds from, always valid", "anytime_detectable", formats.number),
        column("to find", "target", formats.number),
        Column("", lambda row: "(as measured)" if row["target_measured"] else "(asked for)", right=False),
        Column("needs about", lambda row: _needs(row, ""), right=False),
        Column("needs, always valid", lambda row: _needs(row, "anytime_"), right=False),
    ]
    yield table("What can be found, 4 times in 5", columns, rows)


def _needs(row: Mapping[str, Any], interval: str) -> str:
    if interval and row["anytime_detectable"] is None:
        return formats.ABSENT
    units, days = row[f"{interval}units_needed"], row[f"{interval}days_needed"]
    if units is None:
        return "out of reach"
    if units == 0:
        return "no more"
    return f"{formats.count(units)} more units" if days is None else f"{formats.count(days)} more days"


def _tails(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    for row in data.get("winsorised") or []:
        words = f"{row['outcome']} is capped at {formats.number(row['upper_cap'])}: "
        words += f"{formats.count(row['units_capped'])} units, {formats.percent(row['share_removed'])} of its total; "
        words += f"uncapped, {row['action']} has {_effect(row, 'mean_uncapped', 'lower_uncapped', 'upper_uncapped')}"
        yield note(words, "yellow")
    for row in data.get("largest_units") or []:
        words = f"{row['outcome']}: one unit (of {row['arm']}) holds {formats.percent(row['share'])} of the total; "
        words += f"without it {row['action']} has {_effect(row, 'mean_without', 'lower_without', 'upper_without')}"
        yield note(words, "yellow" if row["share"] >= _LARGE else "dim")


def _effect(row: Mapping[str, Any], mean: str, lower: str, upper: str) -> str:
    return f"{formats.signed(row[mean])} [{formats.interval(row[lower], row[upper], formats.signed)}]"


def _over_time(data: Mapping[str, Any], level: str) -> Iterator[RenderableType]:
    if data.get("over_time"):
        columns = [
            column("action", "action"),
            column("outcome", "outcome"),
            column("from", "period"),
            column("effect", "mean", formats.signed),
            interval_column(f"{level} interval", "lower", "upper", formats.signed),
            column("n", "n", formats.count),
            column("control", "n_control", formats.count),
        ]
        yield table("Over time", columns, data["over_time"])
    for row in data.get("trends") or []:
        words = f"{row['action']} on {row['outcome']}: {row['says']}, {_effect(row, 'slope', 'lower', 'upper')}"
        yield note(f"{words} per {row['per']}", "dim" if row["says"] == "no trend found" else "yellow")


def _placebo(found: Mapping[str, Any] | None) -> Iterator[RenderableType]:
    if found is None:
        return
    columns = [
        column("outcome", "outcome"),
        column("answered", "answered", formats.count),
        column("found", "false", formats.count),
        column("expected", "expected", formats.number),
        column("always valid: found", "anytime_false", formats.count),
        Column("", _trust, right=False),
    ]
    title = f"Control against itself, {formats.count(found['splits'])} times: whatever is found is false"
    yield table(title, columns, found["rows"])
    yield note(f"The ratio check raised {formats.count(found['ratio_alarms'])} false alarms.", "dim")
    if found.get("redrawn") is not None:
        few = f"Control has {formats.count(found['redrawn'])} clusters"
        yield note(f"{few}: they were drawn with replacement, as many as the compared arms have.", "dim")


def _trust(row: Mapping[str, Any]) -> str:
    known = [p for p in (row["p_value"], row["anytime_p_value"]) if p is not None]
    if not known:
        return "no interval to judge"
    return "too many: do not trust these intervals" if min(known) < _DOUBT else "as it should be"


def _verdict(row: Mapping[str, Any], tests: Mapping[tuple[str, str], Mapping[str, Any]]) -> str:
    pooled = row.get("segment") is None
    found = tests[row["action"], row["outcome"]]["found"] if tests and pooled else row.get("found")
    if found is None:
        return ""
    if not found:
        return "nothing found"
    return "helps" if (row.get("mean") or 0) > 0 else "harms"


def _ratio_check(check: Mapping[str, Any]) -> Iterator[RenderableType]:
    p_value = check.get("p_value")
    if p_value is None:
        return
    counts = ", ".join(f"{arm} {formats.count(n)}" for arm, n in (check.get("counts") or {}).items())
    if p_value < 0.001:
        first = check.get("first_seen")
        since = "" if first is None else f"; first seen on {first['time']} after {formats.count(first['draws'])} draws"
        words = f"The arms' sizes do not fit the design (p = {p_value:.2g}: {counts}{since}); trust no effect."
        yield note(words, "bold red")
    else:
        yield note(f"Arms fit the design (p = {p_value:.2g}: {counts})", "dim")
