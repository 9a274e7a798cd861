"""Pictures of the loop's effects: pooled, calibrated, by segment, by lifecycle stage, and cycle by cycle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from alamo.cli import formats
from alamo.cli.html.charts import forest, over_time
from alamo.cli.html.marks import Picture
from alamo.cli.html.tables import named

Data = Mapping[str, Any]


def effects(data: Data) -> tuple[str, list[Picture]]:
    """Return the title and the pictures of the page."""
    unit = str(data.get("unit", ""))
    pooled = [_effect_line(row, named(row), "anytime_") for row in data["rows"] if row.get("segment") is None]
    found = [line["name"] for line in pooled if line["found"]]
    message = f"Found so far: {', '.join(found)}" if found else "No effect has been found so far"
    pictures = [forest(pooled, message, f"{unit}; intervals that may be looked at after every cycle")]
    pictures += _calibrated(data.get("calibration") or [], unit)
    within = [row for row in data["rows"] if row.get("segment") is not None]
    for action in dict.fromkeys(row["action"] for row in within):
        lines = [_effect_line(row, row["segment"], "") for row in within if row["action"] == action]
        pictures.append(forest(lines, f"{action} by segment, shrunk towards what the segments share", unit))
    pictures += [*_by_stage(data.get("by_stage") or [], unit), *_over_time(data, unit)]
    return "What each action changes", pictures


def _calibrated(rows: Sequence[Data], unit: str) -> list[Picture]:
    """Show proxy and calibrated effect of each action one below the other; nothing without a longer outcome."""
    lines = []
    for row in rows:
        for part in ("proxy", "calibrated") if row.get("label") != "proxy" else ("proxy",):
            found = row[part]
            excludes = found["lower"] > 0 or found["upper"] < 0
            lines.append({**found, "name": f"{row['action']}: {part}", "found": excludes})
    if not lines:
        return []
    message = "What the longer outcome makes of the effects"
    return [forest(lines, message, f"{unit}; calibrated against {rows[0]['long_days']} days, for one look")]


def _effect_line(row: Data, name: Any, prefix: str) -> dict[str, Any]:
    lower, upper = row.get(f"{prefix}lower"), row.get(f"{prefix}upper")
    return {"name": str(name), "mean": row.get("mean"), "lower": lower, "upper": upper, "found": row.get("found")}


def _by_stage(rows: Sequence[Data], unit: str) -> list[Picture]:
    pictures = []
    for action in dict.fromkeys(row["action"] for row in rows):
        lines = [_effect_line(row, row["stage"], "") for row in rows if row["action"] == action]
        found = sum(bool(line["found"]) for line in lines)
        message = f"{action} by lifecycle stage: {found} of {len(lines)} shrunk intervals exclude zero"
        pictures.append(forest(lines, message, unit))
    return pictures


def _over_time(data: Data, unit: str) -> list[Picture]:
    """Draw each action cycle by cycle; the dashed line is the trend, where there is one to test."""
    rows = data.get("over_time") or []
    trends = {row["action"]: row for row in data.get("trends") or []}
    pictures = []
    for action in dict.fromkeys(row["action"] for row in rows):
        mine = [row for row in rows if row["action"] == action]
        trend = trends.get(action)
        drawn = [
            {"cycle": row["cycle"], "value": row["mean"], "lower": row["lower"], "upper": row["upper"]}
            | ({} if trend is None else {"trend": _on_the_line(trend, row["cycle"])})
            for row in mine
        ]
        message = f"{action} over time: {_moves(trend)}"
        pictures.append(over_time(drawn, message, f"{unit}; {len(mine)} intervals, each for one look", "trend"))
    return pictures


def _on_the_line(trend: Data, cycle: int) -> float:
    return float(trend["first"] + trend["slope"] * (cycle - trend["since_cycle"]))


def _moves(trend: Data | None) -> str:
    if trend is None:
        return "too few cycles for a trend"
    interval = formats.interval(trend["lower"], trend["upper"], formats.money)
    return f"{trend['says']}, {formats.money(trend['slope'], signed=True)} per cycle ({interval})"
