"""Actions: how they stand, and what is known of their harm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import RenderableType

from alamo.cli import formats
from alamo.cli.output import Column, column, next_step, note, table


def states(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Every action, then its harm by each guardrail that says something."""
    yield table("Actions", _STATES, data["rows"])
    judged = [row for row in data["guardrails"] if row.get("bound") is not None]
    if judged:
        yield table("Harm per decision, against no action", _HARM, judged)
        yield note("  The bound holds at every look: harm is at least that. Events are shares of decisions.", "dim")
    elif data["guardrails"]:
        yield note("  No guardrail has a bound yet: too few outcomes.", "dim")
    stopped = [row for row in data["rows"] if row["state"] == "paused"]
    yield from paused(stopped)


def paused(rows: list[Mapping[str, Any]]) -> Iterator[RenderableType]:
    """Say which actions are paused and how they come back; nothing where none is."""
    for row in rows:
        when = formats.moment(row.get("since") or row.get("at"))
        yield note(f"Paused: {row['action']}, {when}, by {row['by']}: {row['reason']}", "bold yellow")
    if rows:
        yield from next_step(f"alamo actions resume {rows[0]['action']} --reason WORDS")


def _share_or_money(key: str) -> Column:
    def write(row: Mapping[str, Any]) -> str:
        value = row.get(key)
        return formats.money(value) if row.get("metric") == "outcome" else formats.percent(value)

    return Column({"mean": "harm", "bound": "at least"}.get(key, key), write)


_STATES = (
    column("action", "action"),
    column("channel", "channel"),
    column("state", "state"),
    column("since", "since", formats.moment),
    column("by", "by"),
    column("reason", "reason"),
)
_HARM = (
    column("action", "action"),
    column("metric", "metric"),
    _share_or_money("mean"),
    _share_or_money("bound"),
    _share_or_money("tolerated"),
    column("decisions with it", "n_action", formats.count),
    column("with none", "n_control", formats.count),
)
