"""Effects by lifecycle stage and over the cycles: what stands below the pooled effects of the loop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import RenderableType

from alamo.cli import formats
from alamo.cli.output import Column, column, interval_column, note, table


def stages_and_time(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Show the stages in which something was found, and how each action's effect moves with its age."""
    told = "Effects by lifecycle stage at the decision, shrunk likewise"
    yield from shrunk_effects(data.get("by_stage") or [], "stage", "Lifecycle stages", told)
    yield from _over_time(data.get("over_time") or [], data.get("trends") or [])


def verdict(row: Mapping[str, Any]) -> str:
    """Return what the interval to act on says."""
    if not row.get("found"):
        return "nothing found"
    return "helps" if (row.get("mean") or 0) > 0 else "harms"


def shrunk_effects(rows: Sequence[Mapping[str, Any]], part: str, title: str, told: str) -> Iterator[RenderableType]:
    """Show the rows in which something was found; the rest is counted, and stands in ``--json`` and ``--html``.

    Parameters
    ----------
    rows
        Effects, each of one `part`, the key and the heading of its name.
    title
        Of the table.
    told
        What the effects are; begins the line below.
    """
    if not rows:
        return
    columns = [
        column("action", "action"),
        column(part, part),
        Column("effect", lambda row: formats.money(row.get("mean"), signed=True)),
        interval_column("shrunk interval", "lower", "upper", formats.money),
        column("n", "n", formats.count),
        column("control", "n_control", formats.count),
        Column("", verdict, right=False),
    ]
    found = [row for row in rows if row.get("found")]
    if found:
        yield table(f"{title} in which something was found", columns, found)
    yield note(
        f"{told}: {len(found)} of {len(rows)} exclude zero, not adjusted for their number; all of them with --html or "
        "--json",
        "dim",
    )


def _over_time(rows: Sequence[Mapping[str, Any]], trends: Sequence[Mapping[str, Any]]) -> Iterator[RenderableType]:
    if trends:
        columns = [
            column("action", "action"),
            column("since cycle", "since_cycle", formats.count),
            column("cycles", "cycles", formats.count),
            Column("effect then", lambda row: formats.money(row["first"], signed=True)),
            Column("now", lambda row: formats.money(row["newest"], signed=True)),
            Column("change per cycle", lambda row: formats.money(row["slope"], signed=True)),
            interval_column("fixed-n interval", "lower", "upper", formats.money),
            column("", "says"),
        ]
        yield table("Does it wear off? A line through the cycles", columns, trends)
    if rows:
        found = sum(bool(row["found"]) for row in rows)
        moving = sum(row["says"] != "no trend found" for row in trends)
        yield note(
            f"{moving} of {len(trends)} trends and {found} of {len(rows)} effects of single cycles exclude zero, for "
            "one look and not adjusted for their number; every cycle with --html or --json",
            "dim",
        )
