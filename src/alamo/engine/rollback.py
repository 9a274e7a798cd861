"""Rollback: a plan's policy is no longer followed, and for real time the one launched before is in force again.

What was sent stays as it is; what was decided stays decided, so whoever has a decision of this cycle gets no other. The
policy before comes back as a plan of the present cycle with its own draws: the salt is this cycle's, because a draw of
an earlier cycle has been seen, and its limits are those it was made under less what this cycle has sent already; of a
limit per day, week or month, less all that has been sent since it was made.

Not supported: limits changed since that policy was made; they count from the next plan on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from alamo.domain.errors import StateError
from alamo.domain.money import minor_per_major
from alamo.domain.policy import BlockState, LimitRow, PolicySnapshot
from alamo.domain.records import PlanAct, PlanRecord
from alamo.engine.batch import cycle_salt, plan_name
from alamo.engine.context import Context
from alamo.engine.gate import plan_named
from alamo.engine.responsibility import responsible
from alamo.engine.takeback import LAUNCHING, PATIENCE_SECONDS, stop
from alamo.steering.control import universal_control, washout_of

_LAUNCHED = ("launching", "launched", "stopping", "stopped", "rolled_back")
_SENT = ("reserved", "sent", "unknown")


@dataclass(frozen=True, slots=True)
class Rollback:
    """A plan that was rolled back, and the plan that is in force for real time instead; None where there is none."""

    plan: PlanRecord
    in_force: PlanRecord | None

    def to_dict(self) -> dict[str, Any]:
        """Return the rollback as it stands in ``--json``."""
        after = self.in_force
        return {
            "schema": "alamo.rollback/1",
            "plan": self.plan.plan_id,
            "state": self.plan.state,
            "in_force": None if after is None else after.plan_id,
            "policy_of": None if after is None else after.summary.get("restores", after.plan_id),
        }


def rollback(context: Context, plan_id: str | None, *, by: str, reason: str = "") -> Rollback:
    """Roll a launched plan back, by default the last one; a launch that is under way is stopped first.

    Killed anywhere, the same command ends it; again it changes nothing.

    Raises
    ------
    StateError
        If the plan was never launched, or a later one is in force: taking the earlier back would undo that one.
    """
    name = responsible(context, by)
    plan = plan_named(context, plan_id or _last_launched(context))
    if plan.state not in _LAUNCHED:
        raise StateError(
            f"plan {plan.plan_id} is {plan.state}, so there is nothing to roll back",
            hint=f"Look at it with: alamo plan show {plan.plan_id}",
            code="plan.not_launched",
            details={"plan": plan.plan_id, "state": plan.state},
        )
    if plan.state in ("launching", "stopping"):
        stop(context, plan.plan_id, by=name, reason=reason)
    with context.state.lock(LAUNCHING, wait_seconds=PATIENCE_SECONDS):
        plan = plan_named(context, plan.plan_id)
        later = _in_force_since(context, plan)
        if plan.state != "rolled_back":
            _refuse_not_in_force(plan, later)
            act = PlanAct(plan.plan_id, "rolled_back", name, context.clock.now(), reason.strip())
            plan = context.state.plans.move(act, from_states=("launched", "stopped"))
        made = [other for other in context.state.plans.all() if other.summary.get("instead_of") == plan.plan_id]
        if made:
            return Rollback(plan, _on_record(context, made[0], plan))
        return Rollback(plan, later or _restored(context, plan, name))


def _last_launched(context: Context) -> str | None:
    """Return the plan launched last, one whose rollback was killed before it ended among them."""
    plans = context.state.plans.all()
    ended = {plan.summary.get("instead_of") for plan in plans}
    launched = [
        plan for plan in plans if plan.state in _LAUNCHED and (plan.state != "rolled_back" or plan.plan_id not in ended)
    ]
    return launched[-1].plan_id if launched else None


def _in_force_since(context: Context, plan: PlanRecord) -> PlanRecord | None:
    """Return the plan that was launched after `plan` and is in force; None where there is none."""
    later = [
        other for other in context.state.plans.all() if other.state == "launched" and other.created_at > plan.created_at
    ]
    return later[-1] if later else None


def _refuse_not_in_force(plan: PlanRecord, later: PlanRecord | None) -> None:
    if later is not None:
        raise StateError(
            f"plan {plan.plan_id} is not in force: {later.plan_id} was launched after it",
            hint=f"Take back what is in force: alamo plan rollback {later.plan_id}",
            code="plan.not_in_force",
            details={"plan": plan.plan_id, "in_force": later.plan_id},
        )


def _restored(context: Context, plan: PlanRecord, name: str) -> PlanRecord | None:
    """Put the policy launched before `plan` in force for the present cycle; None where there is none."""
    plans = context.state.plans.all()
    origin = context.state.plans.get(plan.summary.get("restores", plan.plan_id)) or plan
    before = [
        other
        for other in plans
        if other.state == "launched" and "restores" not in other.summary and other.created_at < origin.created_at
    ]
    if not before:
        return None
    now, calendar = context.clock.now(), context.calendar()
    cycle = max(calendar.cycle_at(now), 1)
    policy = _of_cycle(context, context.shelf.get(before[-1].policy_version), cycle)
    attempt = 1 + sum("restores" in other.summary and other.cycle == cycle for other in plans)
    record = PlanRecord(
        plan_id=plan_name(policy, attempt),
        cycle=cycle,
        state="launched",
        policy_version=context.shelf.put(policy),
        created_at=now,
        valid_until=calendar.start(cycle + 1),
        summary=_summary(context, cycle, before[-1], plan),
        approved_by=name,
        approved_at=now,
        launched_by=name,
        launched_at=now,
    )
    context.state.plans.save(record)
    return _on_record(context, record, plan)


def _on_record(context: Context, restored: PlanRecord, instead_of: PlanRecord) -> PlanRecord:
    """Write the line of the log that a restored plan has, unless it is there: a kill may have come before it."""
    if context.state.plans.log(restored.plan_id):
        return restored
    who, when = restored.launched_by or "", restored.launched_at or restored.created_at
    act = PlanAct(restored.plan_id, "launched", who, when, f"rollback of {instead_of.plan_id}")
    return context.state.plans.move(act, from_states=("launched",))


def _of_cycle(context: Context, policy: PolicySnapshot, cycle: int) -> PolicySnapshot:
    """Return `policy` for the customers of another cycle who come one by one: its last prices, and what is left."""
    settings, last = context.settings, policy.blocks[-1]
    washout = washout_of(settings.outcome.window_days, settings.cycle_days)
    universal = universal_control(settings.salt, cycle, settings.control, washout)
    return replace(
        policy,
        cycle=cycle,
        salt=cycle_salt(settings.salt, cycle),
        universal_salt=universal.salt,
        universal_share=universal.share,
        universal_start=universal.start,
        universal_waiting=universal.waiting,
        n_blocks=1,
        blocks=(BlockState(0, last.prices, _left(context, policy.rows, cycle, policy.cycle)),),
        counter=policy.counter and replace(policy.counter, reserved=(0.0,) * len(policy.rows)),
    )


def _left(context: Context, rows: Sequence[LimitRow], cycle: int, made_in: int) -> tuple[float, ...]:
    """Return what is left of each row after what the cycle has sent; a row with a predicate counts everybody.

    A bound per day, week or month was what was left when the policy was made, in the cycle `made_in`: all that has been
    sent since comes off it.
    """
    per_cycle = {limit.name for limit in context.limits if limit.period == "cycle"}
    used = {since: _used(context, since) for since in {cycle, made_in}}
    minor = minor_per_major(context.settings.currency)
    left = []
    for row in rows:
        contacts, cost = used[cycle if row.limit in per_cycle else made_in]
        mine = sum(contacts[action] if row.column == "count" else cost[action] / minor for action in row.action_ids)
        after = row.bound - row.sign * mine
        left.append(max(after, 0.0) if row.hard else after)
    return tuple(left)


def _used(context: Context, since: int) -> tuple[Counter[str], Counter[str]]:
    """Return contacts and cost (minor units) of each action in the plans from the cycle `since` on."""
    contacts: Counter[str] = Counter()
    cost: Counter[str] = Counter()
    for plan in context.state.plans.all():
        for entry in context.state.ledger.rows(plan.plan_id) if plan.cycle >= since else ():
            if entry.state in _SENT:
                contacts[entry.action_id] += 1
                cost[entry.action_id] += entry.cost_minor
    return contacts, cost


def _summary(context: Context, cycle: int, before: PlanRecord, instead_of: PlanRecord) -> dict[str, Any]:
    """Return the summary of a plan that sends nothing by itself."""
    words = f"the policy of {before.plan_id} (cycle {before.cycle}) is in force again for real time"
    return {
        "cycle": cycle,
        "restores": before.plan_id,
        "instead_of": instead_of.plan_id,
        "customers": 0,
        "contacted": 0,
        "control": 0,
        "universal_control": 0,
        "gain": {"mean": None, "lower": None, "upper": None},
        "cost_money": 0.0,
        "actions": [],
        "limits": [],
        "excluded": {},
        "warnings": [f"{words}, instead of {instead_of.plan_id}"],
        "currency": context.settings.currency,
    }
