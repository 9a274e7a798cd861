"""Plans: the proposal in money, its limits and prices, whom it leaves out and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import RenderableType

from alamo.cli import formats
from alamo.cli.output import Column, column, interval_column, next_step, note, refusals, table
from alamo.cli.views.actions import paused
from alamo.cli.views.funnel import caps_by_value, fatigue_charged, funnel, quiet_hours
from alamo.cli.views.limits import limit_columns

_NEXT = {
    "proposed": "alamo plan approve {plan}",
    "approved": "alamo plan launch {plan}",
    "launching": "alamo plan launch {plan}",
    "stopping": "alamo plan stop {plan}",
}


def plan(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    """One plan in full."""
    yield from plan_summary(data)
    if data.get("log"):
        yield table("Who did what", _LOG[1:], data["log"])


def plan_summary(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    """The money, the actions, the limits and the exclusions of a plan."""
    summary = data["summary"]
    yield note(f"Plan {data['plan_id']} of cycle {data['cycle']}: {data['state']}", "bold")
    if summary.get("restores"):
        yield from _restoring(summary)
        return
    yield from (note(f"Warning: {words}", "bold yellow") for words in summary.get("warnings", ()))
    yield from paused(summary.get("paused") or [])
    yield from (note(f"Stale: {change['said']}", "bold yellow") for change in data.get("stale", ()))
    if data.get("lacks_person"):
        yield note(f"Takes two people: {data['lacks_person']}", "bold yellow")
    yield note(_money_line(summary))
    yield from _exploration(summary.get("exploration") or {})
    yield table("What is drawn", _ACTIONS, summary.get("actions", []))
    if summary.get("limits"):
        yield table("Limits", limit_columns(summary["limits"]), summary["limits"])
        yield from _set_apart(summary["limits"])
    yield from funnel(summary.get("funnel"))
    yield from caps_by_value(summary.get("caps_by_value"))
    yield from fatigue_charged(summary.get("fatigue"))
    yield from quiet_hours(summary.get("quiet_hours"))
    excluded = summary.get("excluded") or {}
    if excluded:
        rows = [{"reason": reason, "customers": n} for reason, n in excluded.items()]
        reasons = [column("not contactable because", "reason"), column("customer × action", "customers", formats.count)]
        yield table("Left out", reasons, rows)
    yield from refusals(summary)
    yield from _next(data)


def _set_apart(limits: Sequence[Mapping[str, Any]]) -> Iterator[RenderableType]:
    """Say what exploration is expected to use of maxima whatever the values say, and what is kept for the counter."""
    for key, words in (("explored", "Exploration is expected to use"), ("kept", "Kept for the counter:")):
        maxima = [row for row in limits if row.get("side") == "maximum" and row.get(key)]
        parts = ", ".join(f"{formats.amount(row[key])} of {row['limit']}" for row in maxima)
        yield from [note(f"{words} {parts}.")] if parts else ()


def plans(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    """All plans, oldest first."""
    columns = [
        column("plan", "plan_id"),
        column("cycle", "cycle", formats.count),
        column("state", "state"),
        column("made", "created_at", formats.moment),
        column("valid until", "valid_until", formats.moment),
        column("approved by", "approved_by"),
        column("launched by", "launched_by"),
    ]
    yield table("Plans", columns, data["rows"])


def moved(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    """A plan that was approved or cancelled."""
    yield note(f"Plan {data['plan_id']} is {data['state']}.", "bold")
    yield from _next(data)


def load(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Messages by hour and channel."""
    yield note(f"Plan {data['plan']}, launched {formats.moment(data['at'])} (UTC)", "bold")
    columns = [
        column("channel", "channel"),
        column("messages", "messages", formats.count),
        column("first in the hour from", "first_hour", formats.moment),
        column("last", "last_hour", formats.moment),
        column("most in an hour", "peak", formats.count),
        column("in the hour from", "peak_hour", formats.moment),
    ]
    yield table("By channel", columns, data["channels"])
    hours = [
        column("hour from (UTC)", "hour", formats.moment),
        column("channel", "channel"),
        column("messages", "messages", formats.count),
    ]
    yield table("Hour by hour", hours, data["rows"])
    for channel, left in data["waiting"].items():
        yield note(
            f"{formats.count(left)} messages of {channel} would not have gone out in three months", "bold yellow"
        )


def log(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Who did what with plans."""
    yield table("Who did what with plans", _LOG, data["rows"])


def standing(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Standing approvals and how far they go."""
    columns = [
        column("id", "id"),
        column("granted by", "by"),
        column("second", "second"),
        column("until", "until", formats.moment),
        column("money a plan", "most_money", formats.amount),
        column("contacts a plan", "most_contacts", formats.count),
        column("money in all", "total_money", formats.amount),
        Column("only", lambda row: ", ".join([*row["channels"], *row["actions"]]) or formats.ABSENT, right=False),
        column("revoked by", "revoked_by"),
    ]
    yield table("Standing approvals", columns, data["rows"])


def _next(data: Mapping[str, Any]) -> list[RenderableType]:
    """Return the next command for a plan; a stale one is made again."""
    if data.get("stale"):
        approved = data["state"] == "approved"
        return next_step(f"alamo plan cancel {data['plan_id']}, then: alamo run" if approved else "alamo run")
    if data.get("lacks_person") and data["state"] == "approved":
        another = f"somebody else than {data.get('approved_by')}"
        return next_step(f"alamo plan launch {data['plan_id']} --by NAME   ({another})")
    return next_step(_NEXT[data["state"]].format(plan=data["plan_id"])) if data["state"] in _NEXT else []


def launch(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    """What became of a launch."""
    yield note(f"Plan {data['plan']}: {formats.count(data['decisions'])} decisions on record.", "bold")
    rows = [{"state": state, "deliveries": n} for state, n in sorted(data.get("deliveries", {}).items())]
    yield table("Deliveries", [column("state", "state"), column("number", "deliveries", formats.count)], rows)
    yield from quiet_hours(data.get("quiet_hours"))
    yield from next_step("alamo status")


def _exploration(told: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Say what learning costs, and what that comes from; nothing for a plan of a version that did not tell."""
    if told.get("set_by"):
        share = f" ({formats.percent(told['cost_share'])} of the expected gain)" if told.get("cost_share") else ""
        yield note(f"exploration costs {formats.money(told['cost_money'])}{share}, set by: {told['set_by']}", "dim")


def stopped(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    """What a stop left of a launch."""
    yield note(f"Plan {data['plan']} is stopped: nothing more is sent.", "bold")
    yield from launch(data)


def rolled_back(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    """What is in force after a rollback."""
    yield note(f"Plan {data['plan']} is rolled back; what was sent stays as it is.", "bold")
    if data.get("in_force"):
        yield note(f"In force for real time: plan {data['in_force']}, with the policy of {data['policy_of']}.")
    else:
        yield note("No plan was launched before it, so nothing is decided in real time until the next launch.")
    yield from next_step("alamo status")


def _restoring(summary: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Say what a plan is for that restores the policy of another."""
    said = ". ".join(summary.get("warnings", ()))
    yield note(f"{said[:1].upper()}{said[1:]}. It plans nobody and sends nothing by itself.")
    yield from next_step(f"alamo plan show {summary['restores']}")


def _money_line(summary: Mapping[str, Any]) -> str:
    gain = summary.get("gain") or {}
    expected = formats.money(gain.get("mean"), signed=True)
    ends = formats.interval(gain.get("lower"), gain.get("upper"), formats.money)
    parts = [
        f"expected gain {expected} ({ends})",
        f"cost {formats.money(summary.get('cost_money'))}",
        f"{formats.count(summary.get('contacted'))} of {formats.count(summary.get('customers'))} customers contacted",
        f"{formats.count(summary.get('control'))} in the control group",
        f"{formats.count(summary.get('universal_control'))} in the universal control",
    ]
    if summary.get("washout"):
        parts.append(f"{formats.count(summary['washout'])} wait to take it over")
    return " · ".join(parts)


_ACTIONS = (
    column("action", "action"),
    column("channel", "channel"),
    column("customers", "customers", formats.count),
    column("share", "share", formats.percent),
    column("cost each", "cost_money", formats.money),
    column("cost", "cost_total_money", formats.money),
    Column("expected gain", lambda row: formats.money(row.get("expected_gain_money"), signed=True)),
    interval_column("interval", "gain_lower", "gain_upper", formats.money),
)
_LOG = (
    column("plan", "plan_id"),
    column("act", "act"),
    column("by", "by"),
    column("at", "at", formats.moment),
    Column("why", lambda row: row.get("reason") or formats.ABSENT, right=False),
)
