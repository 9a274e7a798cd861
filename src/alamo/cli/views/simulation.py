"""Simulation: what the loop earned in a market whose truth is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import RenderableType

from alamo.cli import formats
from alamo.cli.output import Column, column, interval_column, note, refusals, table


def simulation(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Per cycle: truth beside the engine's own estimate; per action: the effect beside its interval."""
    yield table(f"Scenario {data.get('scenario')}, seed {data.get('seed')}: incremental profit", _CYCLES, data["rows"])
    yield table("Actions: the truth and what was inferred", _ACTIONS, data.get("actions", []))
    for row in data.get("paused") or []:
        yield note(f"Paused in cycle {row['cycle']} by {row['by']}: {row['action']}, {row['reason']}", "bold yellow")
    coverage = data.get("coverage") or {}
    yield note(
        f"Coverage: {formats.count(coverage.get('missed'))} of {formats.count(coverage.get('pairs'))} actions "
        f"missed at some look, {formats.count(coverage.get('without_interval'))} still without an interval",
        "dim",
    )
    yield note("Simulated market: no customer was written to.", "dim")
    yield from refusals(data)


_CYCLES = (
    column("cycle", "cycle", formats.count),
    column("policy", "policy"),
    Column("true", lambda row: formats.money(row.get("profit_true"), signed=True)),
    Column("estimate", lambda row: formats.money(row.get("profit_estimate"), signed=True)),
    interval_column("interval", "lower", "upper", formats.money),
    column("of the oracle", "oracle_share", formats.percent),
    column("regret", "regret", formats.money),
    column("cost of learning", "learning_cost", formats.money),
    column("limits broken", "limits_broken", formats.count),
)
_ACTIONS = (
    column("action", "id"),
    Column("true effect", lambda row: formats.money(row.get("true_effect"), signed=True)),
    Column("estimate", lambda row: formats.money(row.get("estimate"), signed=True)),
    interval_column("always-valid interval", "lower", "upper", formats.money),
    column("share", "share", formats.percent),
    column("floor", "floor", formats.percent),
)
