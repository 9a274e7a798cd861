"""Model health: the newest judged cycle check by check, what has moved, and when to fit the model anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from alamo.cli import formats
from alamo.cli.output import Column, column, heading, interval_column, next_step, note, table
from alamo.domain.health_table import ALARMS

Row = Mapping[str, Any]

FEATURES = "feature drift"
TITLES = {
    "calibration level": "Calibration, level: effect shown less effect predicted, per decision",
    "calibration slope": "Calibration, slope: how much of a predicted difference between customers is there",
    "forecast": "Forecast: what the cycle brought less what its plan promised",
    "effect drift": "Effect drift: the newest cycle's effect less that of the earlier ones, per decision",
    "value forecast": "Value forecast: margin that came as a share of the one expected",
    "challenger": "Champion and challengers: what the model's choices earn more than theirs, per decision",
    "challenger loss": "Champion and challengers: how much larger their squared error is than the model's",
}
"""What the number of each check is; features have a table of their own."""
_COUNTED = {
    "holds": ("holds", "keep", "no difference"),
    "watch": ("watch",),
    "fails": ALARMS,
    "refused": ("refused",),
}


def health(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    """The newest cycle of every check, then the cycles before, then when to fit the model anew."""
    rows = data["rows"]
    for check, title in TITLES.items():
        mine = newest(rows, check)
        if mine:
            yield table(f"{title}, cycle {mine[0]['cycle']}, {_as_of(mine)}", _columns(check), mine)
    yield from _features(newest(rows, FEATURES))
    yield from _refused(rows)
    yield from _cycles(rows)
    yield note(
        f"{formats.percent(data.get('level'), 0)} intervals for one look; p is adjusted for all that is looked at in "
        "the cycle, and the verdict goes by it: where nothing is wrong, any check fails in at most "
        f"{formats.percent(1.0 - (data.get('level') or 0.95), 0)} of the cycles",
        "dim",
    )
    yield from _advice(data.get("advice") or {})


def newest(rows: Sequence[Row], check: str) -> list[Row]:
    """Return the rows of a check from the newest cycle in which it was tested; empty where it never was."""
    tested = [row for row in rows if row["aspect"] == check and row["verdict"] != "refused"]
    last = max((row["cycle"] for row in tested), default=0)
    return [row for row in tested if row["cycle"] == last]


def writer(check: str) -> Any:
    """Return how the number of a check is written."""
    money = check in ("calibration level", "effect drift", "forecast", "challenger")
    return formats.money if money else formats.percent if check == "value forecast" else formats.number


def ends_writer(check: str) -> Any:
    """Return how what was expected and found is written: money but for slopes and features."""
    return formats.number if check in ("calibration slope", FEATURES) else formats.money


def _columns(check: str) -> list[Column]:
    write, ends = writer(check), ends_writer(check)
    headings = ("theirs", "the model's") if check == "challenger" else ("expected", "found")
    sides = [column(heading, key, ends) for heading, key in zip(headings, ("expected", "found"), strict=True)]
    named = {"calibration slope": "slope", "value forecast": "share"}.get(check, "difference")
    against = check.startswith("challenger")
    return [
        column("against" if against else "of", "subject"),
        *([] if check in ("calibration slope", "challenger loss") else sides),
        column(named, "value", write),
        interval_column("interval", "lower", "upper", write),
        column("p", "p_value", chance),
        column("customers", "n", formats.count),
        column("", "verdict"),
    ]


def _features(rows: Sequence[Row]) -> Iterator[RenderableType]:
    if not rows:
        return
    moved = sorted((row for row in rows if row["verdict"] != "holds"), key=lambda row: -row["value"])
    columns = [
        column("feature", "subject"),
        column("stability index", "value", formats.number),
        column("by chance up to", "threshold", formats.number),
        column("p", "p_value", chance),
        column("", "verdict"),
        column("", "reason"),
    ]
    title = f"Features: customers of cycle {rows[0]['cycle']} against those the model learned from, {_as_of(rows)}"
    if moved:
        yield table(title, columns, moved)
    else:
        yield heading(title)
    yield note(f"{len(rows) - len(moved)} of {len(rows)} features have not moved enough to matter", "dim")


def _refused(rows: Sequence[Row]) -> Iterator[RenderableType]:
    """Show what the newest cycle could not answer."""
    last = max((row["cycle"] for row in rows), default=0)
    said: dict[str, list[str]] = {}
    for row in rows:
        if row["verdict"] == "refused" and row["cycle"] == last:
            said.setdefault(row["reason"], []).append(f"{row['aspect']} of {row['subject']}")
    if said:
        yield heading("Not answered")
    for reason, what in said.items():
        yield note(f"  {', '.join(what)}: {reason}", "yellow")


def _cycles(rows: Sequence[Row]) -> Iterator[RenderableType]:
    cycles = sorted({row["cycle"] for row in rows})
    counted = [
        {"cycle": cycle}
        | {
            heading: sum(row["cycle"] == cycle and row["verdict"] in verdicts for row in rows)
            for heading, verdicts in _COUNTED.items()
        }
        | {"what": ", ".join(f"{row['aspect']} of {row['subject']}" for row in rows if _fails(row, cycle))}
        for cycle in cycles
    ]
    counts = [column(heading, heading, formats.count) for heading in _COUNTED]
    yield table(
        "Checks by cycle", [column("cycle", "cycle", formats.count), *counts, column("failing", "what")], counted
    )


def _fails(row: Row, cycle: int) -> bool:
    return bool(row["cycle"] == cycle and row["verdict"] in ALARMS)


def _advice(advice: Mapping[str, Any]) -> Iterator[RenderableType]:
    if advice:
        yield Text.assemble((verdict(advice), "bold red" if advice.get("retrain") else "bold"), f": {why(advice)}")
    if advice.get("retrain"):
        yield from next_step(advice.get("command"))


def verdict(advice: Mapping[str, Any]) -> str:
    """Say in a few words whether to fit the model anew."""
    if advice.get("retrain"):
        return "Fit the model anew now"
    return "Fitting anew now would change nothing" if advice.get("failing") else "No need to fit the model anew"


def why(advice: Mapping[str, Any]) -> str:
    """Return the reasons as one sentence."""
    return "; ".join(advice.get("why", []))


def chance(value: Any) -> str:
    """Write a p-value, the smallest ones as a bound."""
    return "< 0.0001" if isinstance(value, float) and value < 1e-4 else formats.number(value, 2)


def _as_of(rows: Sequence[Row]) -> str:
    return f"as of {formats.moment(max(str(row['as_of']) for row in rows))}"
