"""The human gate: what a person looks at, approves or cancels, and what keeps a plan from passing.

Approving sends nothing; `alamo.engine.act` launches. Both refuse a plan that has expired, that has become stale
(`alamo.engine.staleness`; a reason given with ``anyway`` overrules it and is written down), that another launch has
overtaken, or whose messages are not the ones that were planned, which nothing overrules. Who may let it pass, and when
it takes two, is the business of `alamo.engine.responsibility`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.action import NO_ACTION, Action
from alamo.domain.errors import StateError
from alamo.domain.policy import PolicySnapshot, message_hash
from alamo.domain.records import PlanAct, PlanRecord, same_person
from alamo.domain.time import iso
from alamo.engine.context import Context
from alamo.engine.guard import paused
from alamo.engine.responsibility import approvers, lacks_person, responsible, why_two
from alamo.engine.staleness import Change, changes_since, refuse_changed_since

WAITING = ("proposed", "approved")
"""States of a plan that waits at the gate."""


@dataclass(frozen=True, slots=True)
class PlanAtGate:
    """A plan as a person looks at it.

    Attributes
    ----------
    plan
        The proposal.
    changes
        What has changed since it was made.
    lacks_person
        Why it lacks a second person, in words; empty where it does not.
    log
        Who did what with it, oldest first.
    """

    plan: PlanRecord
    changes: tuple[Change, ...]
    lacks_person: str
    log: Sequence[PlanAct]

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as it stands in ``--json``."""
        return self.plan.to_dict() | {
            "stale": [change.to_dict() for change in self.changes],
            "lacks_person": self.lacks_person,
            "log": [act.to_dict() for act in self.log],
        }


def plan_at_gate(context: Context, plan_id: str | None) -> PlanAtGate:
    """Return a plan as a person looks at it; only one that may still be launched can be stale."""
    plan = plan_named(context, plan_id)
    waits = plan.state in WAITING
    changes = changes_since(context, plan) if waits else ()
    lacks = lacks_person(context, plan) if waits else ""
    return PlanAtGate(plan, changes, lacks, context.state.plans.log(plan.plan_id))


def plan_named(context: Context, plan_id: str | None) -> PlanRecord:
    """Return a plan, or the newest when `plan_id` is None.

    Raises
    ------
    StateError
        If there is none.
    """
    plans = context.state.plans.all()
    found = context.state.plans.get(plan_id) if plan_id else newest_plan(context)
    if found is None:
        known = ", ".join(plan.plan_id for plan in plans[-5:]) or "none yet"
        raise StateError(
            f"there is no plan {plan_id!r}" if plan_id else "there is no plan yet",
            hint=f"Plans: {known}. Make one with: alamo run",
            code="plan.unknown",
        )
    return found


def newest_plan(context: Context) -> PlanRecord | None:
    """Return the newest plan that is not overtaken or cancelled, else the newest of all; None before the first."""
    plans = context.state.plans.all()
    live: Sequence[PlanRecord] = [plan for plan in plans if plan.state not in ("superseded", "cancelled")]
    found = live or plans
    return found[-1] if found else None


def approve(context: Context, plan_id: str | None, *, by: str, anyway: str = "", under: str = "") -> PlanRecord:
    """Approve a proposed plan, or as the second person one that takes two; nothing is sent.

    `under` names the standing approval that does so, to be logged.

    Raises
    ------
    StateError
        If it has no approval to come, has expired, is stale and no reason is given in `anyway`, its messages were
        changed, or the same person has approved it already.
    """
    plan = plan_named(context, plan_id)
    name = responsible(context, by)
    refuse_expired(context, plan)
    _refuse_approved(context, plan, name)
    noted: dict[str, Any] = {}
    if plan.state in WAITING:
        refuse_other_messages(context, plan, decisions_of(context, plan))
        noted = refuse_changed_since(context, plan, anyway)
    why = why_two(context, plan)
    noted |= {"takes_two": why} if why else {}
    noted |= {"standing": under} if under else {}
    act = PlanAct(plan.plan_id, "approved", name, context.clock.now(), anyway.strip(), noted)
    return context.state.plans.move(act, from_states=WAITING if why else ("proposed",))


def _refuse_approved(context: Context, plan: PlanRecord, name: str) -> None:
    """Refuse to approve again what needs no further approval; the same person twice is refused by the plan's book."""
    already = approvers(context, plan)
    enough = already and not lacks_person(context, plan)
    if plan.state == "approved" and enough and not any(same_person(name, other) for other in already):
        raise StateError(
            f"plan {plan.plan_id} is approved already, by {' and '.join(already)}",
            hint=f"Launch it with: alamo plan launch {plan.plan_id}",
            code="plan.approved_already",
            details={"plan": plan.plan_id, "approved_by": list(already)},
        )


def cancel(context: Context, plan_id: str | None, *, by: str, reason: str = "") -> PlanRecord:
    """Cancel a plan that has not been launched."""
    plan = plan_named(context, plan_id)
    act = PlanAct(plan.plan_id, "cancelled", responsible(context, by), context.clock.now(), reason.strip())
    return context.state.plans.move(act, from_states=WAITING)


def decisions_of(context: Context, plan: PlanRecord) -> pa.Table:
    """Return the decisions that a plan proposes (DECISIONS)."""
    return context.history.query("SELECT * FROM proposals WHERE plan_id = $plan", {"plan": plan.plan_id})


def sending(decisions: pa.Table) -> list[str]:
    """Return the ids of the actions that have deliveries, in order."""
    drawn: list[str] = pc.unique(decisions["action_id"]).sort().to_pylist()
    return [action_id for action_id in drawn if action_id != NO_ACTION]


def as_approved(context: Context, policy: PolicySnapshot) -> dict[str, Action]:
    """Return the actions whose message is the one that `policy` was approved with, by id."""
    noted = policy.actions
    return {
        action.id: action
        for action in context.actions
        if action.id in noted and noted[action.id].get("message") == message_hash(action)
    }


def refuse_expired(context: Context, plan: PlanRecord) -> None:
    """Refuse a plan that nobody launched while it was valid."""
    if plan.state in WAITING and context.clock.now() >= plan.valid_until:
        raise StateError(
            f"plan {plan.plan_id} was valid until {iso(plan.valid_until)}",
            hint="Make a new one from today's data with: alamo run",
            code="plan.stale",
        )


def refuse_overtaken(context: Context, plan: PlanRecord) -> None:
    """Refuse a plan beside a launch that is under way, or that knows nothing of contacts a later one has made since."""
    for other in context.state.plans.all():
        if other.plan_id == plan.plan_id:
            continue
        if other.state in ("launching", "stopping"):
            verb = "launch" if other.state == "launching" else "stop"
            raise StateError(
                f"plan {other.plan_id} is {other.state}, and one launch at a time goes out",
                hint=f"End it first: alamo plan {verb} {other.plan_id}",
                code="plan.launch_under_way",
                details={"plan": plan.plan_id, "under_way": other.plan_id},
            )
        if other.cycle >= plan.cycle and closes_cycle(context, other):
            raise StateError(
                f"plan {plan.plan_id} is overtaken by {other.plan_id}, which is {other.state}",
                hint=f"Leave it: alamo plan cancel {plan.plan_id}",
                code="plan.overtaken",
            )


def was_sent(context: Context, plan_id: str) -> bool:
    """Say whether any delivery of a plan reached its channel, as far as anybody knows."""
    counts = context.state.ledger.counts().get(plan_id, {})
    return any(counts.get(state) for state in ("sent", "failed", "unknown"))


def closes_cycle(context: Context, plan: PlanRecord) -> bool:
    """Say whether customers have been written to by a plan, so that its cycle is not planned again."""
    if plan.state in ("launching", "launched", "stopping") and "restores" not in plan.summary:
        return True
    return plan.state in ("launched", "stopped", "rolled_back") and was_sent(context, plan.plan_id)


def refuse_other_messages(context: Context, plan: PlanRecord, decisions: pa.Table) -> None:
    """Refuse a plan unless what goes out is what was planned, to the letter, and through a channel that is there."""
    approved = as_approved(context, context.shelf.get(plan.policy_version))
    known = {action.id for action in context.actions}
    changed = [action_id for action_id in sending(decisions) if action_id not in approved]
    if changed:
        said = ", ".join(f"{action_id!r} ({'changed' if action_id in known else 'deleted'})" for action_id in changed)
        again = "alamo run" if plan.state == "proposed" else f"alamo plan cancel {plan.plan_id}, then alamo run"
        raise StateError(
            f"the content or channel of actions in plan {plan.plan_id} is no longer what was planned: {said}",
            hint=f"Put their files in actions/ back as they were, or plan again with: {again}",
            code="plan.action_changed",
            details={"plan": plan.plan_id, "actions": changed},
        )
    _refuse_paused(context, plan, decisions)
    for action_id in sending(decisions):
        if approved[action_id].channel not in context.channels:
            raise no_channel(context, action_id, approved[action_id].channel)


def _refuse_paused(context: Context, plan: PlanRecord, decisions: pa.Table) -> None:
    """An action that was paused after the plan was made is not sent by it."""
    stopped = {action_id: pause for action_id, pause in paused(context).items() if action_id in sending(decisions)}
    if stopped:
        said = "; ".join(f"{action_id!r} ({pause.reason})" for action_id, pause in stopped.items())
        again = "alamo run" if plan.state == "proposed" else f"alamo plan cancel {plan.plan_id}, then alamo run"
        raise StateError(
            f"plan {plan.plan_id} sends what has been paused since: {said}",
            hint=f"Plan again without it: {again}",
            code="plan.action_paused",
            details={"plan": plan.plan_id, "actions": list(stopped)},
        )


def no_channel(context: Context, action_id: str, channel: str) -> StateError:
    """Return the error for an action whose channel is not there."""
    return StateError(
        f"action {action_id!r} uses channel {channel!r}, which is not set up",
        hint=f"Channels set up here: {', '.join(sorted(context.channels)) or 'none'}. See: alamo doctor",
        code="channel.unknown",
    )
