"""The page of micro-segments: how large they are, and what they are expected to bring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from alamo.cli import formats
from alamo.cli.html.charts import bars
from alamo.cli.html.marks import Picture

Data = Mapping[str, Any]

_SHOWN = 30


def segments(data: Data) -> tuple[str, list[Picture]]:
    """Return the title and the pictures of ``alamo.segments/1``."""
    rows = data["rows"]
    sizes = [_line(row, "customers", formats.count) for row in rows[:_SHOWN]]
    best = sorted(rows, key=lambda row: -row["money"])[:_SHOWN]
    money = [_line(row, "money", formats.money) for row in best]
    ahead = f"expected per customer in the next {data['days_ahead']} days, {data['currency']}"
    moved = data["migration"]
    reasons = [
        {"name": formats.label(row["feature"].replace(":", ": ")), "value": float(row["customers"])}
        | {"written": formats.count(row["customers"])}
        for row in moved["reasons"]
    ]
    share = f"{formats.percent(moved['moved_share'])} changed segment from {moved['from']} to {moved['to']}"
    return f"{data['segments']} segments of {formats.count(data['customers'])} customers", [
        bars(sizes, _first(rows, "is the largest"), f"customers; the {len(sizes)} largest segments"),
        bars(money, _first(best, "brings most per customer"), f"{ahead}; the {len(money)} highest"),
        bars(reasons, share, "customers, by what moved them"),
    ]


def _first(rows: Sequence[Data], what: str) -> str:
    return f"{rows[0]['segment']} {what}" if rows else "There is no segment"


def _line(row: Data, key: str, write: Any) -> dict[str, Any]:
    return {"name": f"{row['number']} {row['segment']}", "value": float(row[key]), "written": write(row[key])}
