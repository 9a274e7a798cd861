"""Reports: effects, segments, value, policy and the loop over time; model health is in `alamo.cli.views.health`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rich.console import RenderableType

from alamo.cli import formats
from alamo.cli.output import Column, column, heading, interval_column, note, refusals, table
from alamo.cli.views.actions import paused
from alamo.cli.views.calibration import side_by_side
from alamo.cli.views.effect_parts import shrunk_effects, stages_and_time, verdict
from alamo.cli.views.funnel import fatigue_known, funnel, of_rows, pressure
from alamo.cli.views.health import health

PROGRAMME = "*"
"""Action id of the programme as a whole."""


def effects(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    """What each action changes, pooled first, then per segment."""
    pooled = [row for row in data["rows"] if row.get("segment") is None]
    columns = [
        Column("action", action_name, right=False),
        Column("effect", lambda row: formats.money(row.get("mean"), signed=True)),
        interval_column("always-valid interval", "anytime_lower", "anytime_upper", formats.money),
        interval_column("fixed-n interval", "lower", "upper", formats.money),
        column("without it", "baseline", formats.money),
        column("n", "n", formats.count),
        column("control", "n_control", formats.count),
        Column("", verdict, right=False),
    ]
    yield table(f"Effects in {data.get('unit')}, {_as_of(data)}", columns, pooled)
    parts = [row for row in data["rows"] if row.get("segment") is not None]
    told = "Segment effects, shrunk towards what the segments share"
    yield from shrunk_effects(parts, "segment", "Segments", told)
    yield note(
        f"{formats.percent(data.get('level'), 0)} intervals, {formats.count(data.get('intervals_shown'))} shown; "
        "the always-valid one may be looked at after every cycle",
        "dim",
    )
    yield from paused(data.get("paused") or [])
    if data.get("own_controls"):
        yield table("What an action adds to all others, against its own control", _OWN_CONTROLS, data["own_controls"])
    yield from stages_and_time(data)
    yield from side_by_side(data)
    yield from refusals(data)


def segments(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Segments and what is known of the customers in them."""
    columns = [
        column("segment", "segment"),
        column("customers", "customers", formats.count),
        column("share", "share", formats.percent),
        column("orders a year", "orders_365d_per_customer", formats.number),
        column("money a year", "money_365d_per_customer", formats.money),
        column("margin a year", "margin_365d_per_customer", formats.money),
        column("days since the last order", "recency_days", formats.count),
    ]
    yield table(f"Segments, per customer, {_as_of(data)}", columns, data["rows"])


def value(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Residual lifetime value per segment."""
    columns = [
        column("segment", "segment"),
        column("customers", "customers", formats.count),
        column("per customer", "residual_value_money_per_customer", formats.money),
        column("together", "residual_value_money", formats.money),
        column("share", "share_of_value", formats.percent),
    ]
    horizon = formats.count(data.get("horizon_days"))
    yield table(f"Residual value over {horizon} days, {_as_of(data)}", columns, data["rows"])
    yield note(str(data.get("label", "")), "dim")


def policy(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    """The newest policy: shares, limits and prices."""
    columns = [
        column("action", "action"),
        column("channel", "channel"),
        column("customers", "customers", formats.count),
        column("share", "share", formats.percent),
        column("cost each", "cost_money", formats.money),
        column("cost", "cost_total_money", formats.money),
        column("expected gain", "expected_gain_money", formats.money),
    ]
    yield table(f"Policy of plan {data.get('plan')} ({data.get('state')}), {_as_of(data)}", columns, data["rows"])
    if data.get("limits"):
        yield table("Limits and prices", _LIMITS, data["limits"])
    yield note(
        f"temperature {formats.money(data.get('temperature_money'))} · "
        f"floor {formats.percent(data.get('floor_share'))} · "
        f"control at least {formats.percent(data.get('control_share'))} · "
        f"snapshot {str(data.get('policy_version'))[:12]}",
        "dim",
    )


def loop(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    """The loop over time, one row per cycle."""
    columns = [
        column("cycle", "cycle", formats.count),
        column("decided", "decided_at", formats.moment),
        column("decisions", "decisions", formats.count),
        column("contacted", "contacted", formats.count),
        column("control", "control", formats.count),
        column("universal control", "universal_control", formats.count),
        column("cost", "cost_money", formats.money),
        column("observed", "observed", formats.count),
        Column("gain", lambda row: formats.money(row.get("gain_money"), signed=True)),
        interval_column("interval", "gain_lower", "gain_upper", formats.money),
    ]
    yield table(f"The loop in {data.get('currency')}, gain net of cost", columns, data["rows"])
    yield note(f"{formats.percent(data.get('level'), 0)} intervals; a cycle without a gain has not matured yet", "dim")


def contacts(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Who is left at each stage of the newest plan."""
    yield heading(f"Contacts of plan {data.get('plan')} ({data.get('state')}), {_as_of(data)}")
    yield from funnel(of_rows(data["rows"]))
    yield from pressure(data.get("pressure"))
    yield from fatigue_known(data)
    yield from refusals(data)


_OWN_CONTROLS = (
    column("action", "action"),
    Column("adds per decision", lambda row: formats.money(row.get("mean_money"), signed=True)),
    interval_column("interval", "lower", "upper", formats.money),
    column("without it", "baseline_money", formats.money),
    column("customers", "n", formats.count),
    column("its control", "n_control", formats.count),
    column("since cycle", "since_cycle", formats.count),
)

VIEWS: dict[str, Callable[[Mapping[str, Any]], Iterator[RenderableType]]] = {
    "effects": effects,
    "segments": segments,
    "value": value,
    "policy": policy,
    "loop": loop,
    "contacts": contacts,
    "health": health,
}
"""The view of each report."""

_LIMITS = (
    column("limit", "limit"),
    column("bound", "bound", formats.amount),
    column("used", "used", formats.amount),
    column("price", "price", formats.number),
)


def action_name(row: Mapping[str, Any]) -> str:
    """Return the action's name; the programme as a whole in words."""
    return "all together, against the universal control" if row.get("action") == PROGRAMME else str(row.get("action"))


def _as_of(data: Mapping[str, Any]) -> str:
    return f"as of {formats.moment(data.get('as_of'))}"
