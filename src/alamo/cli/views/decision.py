"""One decision, and its reason down to the numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import RenderableType

from alamo.cli import formats
from alamo.cli.output import Column, column, next_step, note, table


def decision(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    """What was decided for a customer, and with which probabilities."""
    yield note(f"{data['customer_id']}: {data['action_id']} ({data['reason']})", "bold")
    yield table("What could be drawn", _OPTIONS, data.get("options", []))
    if data.get("excluded"):
        rows = [{"action_id": action, "reason": reason} for action, reason in data["excluded"].items()]
        yield table("What could not", _INELIGIBLE, rows)
    yield from next_step(f"alamo explain {data['decision_id']}" if data.get("decision_id") else None)


def explanation(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Why a decision came out as it did."""
    yield note(f"Decision {data['decision_id']} of {data['customer_id']}, {formats.moment(data['decided_at'])}", "bold")
    yield note(f"{data['action_id']}: {data['reason']}")
    yield table("What could be drawn", _OPTIONS, data.get("options", []))
    if data.get("ineligible"):
        yield table("What could not", _INELIGIBLE, data["ineligible"])
    if data.get("prices"):
        columns = [
            column("limit", "limit"),
            column("price", "price", formats.number),
            column("left for the block", "remaining", formats.number),
        ]
        yield table(f"Prices in block {data.get('block')}", columns, data["prices"])
    rule = data.get("rule")
    if rule:
        yield note(
            f"temperature {formats.money(rule['temperature_money'])} · floor {formats.percent(rule['floor_share'])} · "
            f"control {formats.percent(rule['control_share'])} · draw {formats.figure(data.get('draw'))} · "
            f"policy {str(data.get('policy_version'))[:12]}",
            "dim",
        )


_INELIGIBLE = (column("action", "action_id"), column("not open because", "reason"))
_OPTIONS = (
    column("action", "action_id"),
    Column("value", lambda row: formats.money(row.get("value_mean_money"), signed=True)),
    column("± sd", "value_sd_money", formats.money),
    column("cost", "cost_money", formats.money),
    Column("less prices", lambda row: formats.money(row.get("net_money"), signed=True)),
    column("probability", "p", formats.percent),
)
