"""Taking back: stop a launch that is under way, or put the policy before in force again.

A stop is first written down and then carried out: nothing is handed over after the batch that is with its channel at
that moment. What was sent stays in the ledger, what was not becomes ``cancelled``, and the decisions of the plan are
written anew as they were carried out (`alamo.engine.carried_out`). Killed anywhere, the same command ends it.

A rollback takes back the policy, not the messages: for real time the policy of the launch before is in force again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from alamo.domain.errors import StateError
from alamo.domain.records import PlanAct, PlanRecord
from alamo.engine.carried_out import as_carried_out
from alamo.engine.context import Context
from alamo.engine.delivering import UnderWay, batch_of, reserve_cancelled
from alamo.engine.gate import decisions_of, plan_named, was_sent
from alamo.engine.quiet_hours import waiting
from alamo.engine.responsibility import responsible

LAUNCHING = "launch"
"""Name of the lock that a launch or a stop holds: one at a time in a project."""
PATIENCE_SECONDS = 60.0
"""How long a stop waits for the batch that is with its channel."""


@dataclass(frozen=True, slots=True)
class Launch:
    """What became of a launch: decisions written, deliveries by state, and what waits for the end of quiet hours."""

    plan_id: str
    decisions: int
    deliveries: Mapping[str, int]
    quiet_hours: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the launch as it stands in ``--json``."""
        return {
            "schema": "alamo.launch/1",
            "plan": self.plan_id,
            "decisions": self.decisions,
            "deliveries": dict(self.deliveries),
            "quiet_hours": dict(self.quiet_hours),
        }


def launch_report(context: Context, plan_id: str) -> Launch:
    """Return what became of a launch so far."""
    decisions = context.history.query("SELECT count(*) AS n FROM decisions WHERE plan_id = $plan", {"plan": plan_id})
    plan = plan_named(context, plan_id)
    quiet = waiting(context, plan, context.shelf.get(plan.policy_version))
    counts = dict(context.state.ledger.counts().get(plan_id, {}))
    return Launch(plan_id, decisions["n"][0].as_py(), counts, quiet)


def stop(context: Context, plan_id: str | None, *, by: str, reason: str) -> Launch:
    """Stop the launch of a plan, or end a stop that was interrupted; a stopped plan is left as it is.

    Raises
    ------
    StateError
        If nothing of the plan is under way, or the batch that is with its channel takes longer than a minute: the stop
        is on record then, and nothing follows that batch.
    """
    plan = plan_named(context, plan_id)
    name = responsible(context, by)
    if plan.state in ("stopped", "rolled_back"):
        return launch_report(context, plan.plan_id)
    _refuse_not_under_way(plan)
    if plan.state == "launching":
        act = PlanAct(plan.plan_id, "stopping", name, context.clock.now(), reason.strip())
        context.state.plans.move(act, from_states=("launching",))
    with context.state.lock(LAUNCHING, wait_seconds=PATIENCE_SECONDS):
        finish_stop(context, plan.plan_id)
    return launch_report(context, plan.plan_id)


def refuse_stopped(context: Context, plan: PlanRecord) -> None:
    """Refuse to launch a plan that was stopped.

    Raises
    ------
    StateError
        Saying who stopped it, and why.
    """
    if plan.state not in ("stopping", "stopped", "rolled_back"):
        return
    acts = [act for act in context.state.plans.log(plan.plan_id) if act.act in ("stopping", "rolled_back")]
    who = f" by {acts[-1].by}" if acts else ""
    why = f": {acts[-1].reason}" if acts and acts[-1].reason else ""
    done = f"alamo plan stop {plan.plan_id}" if plan.state == "stopping" else "alamo run"
    raise StateError(
        f"plan {plan.plan_id} was {'rolled back' if plan.state == 'rolled_back' else 'stopped'}{who}{why}",
        hint=f"What was sent stays as it is, and the rest is not sent. Go on with: {done}",
        code="plan.stopped",
        details={"plan": plan.plan_id, "state": plan.state},
    )


def finish_stop(context: Context, plan_id: str) -> None:
    """Bring a plan that is being stopped to its end; who calls it holds the lock, so nobody hands anything over."""
    plan = plan_named(context, plan_id)
    if plan.state != "stopping":
        return
    under_way = UnderWay(context, plan, context.shelf.get(plan.policy_version))
    decisions = decisions_of(context, plan)
    for batch_id in context.state.ledger.open_batches(plan_id):
        _settle(under_way, batch_id)
    reserve_cancelled(under_way, decisions)
    rows = context.state.ledger.rows(plan_id)
    carried = as_carried_out(decisions, rows) if was_sent(context, plan_id) else decisions.slice(0, 0)
    context.history.replace("decisions", carried, where={"plan_id": plan_id}, batch=f"stop-{plan_id}")
    counts = dict(context.state.ledger.counts().get(plan_id, {}))
    context.state.plans.move(
        PlanAct(plan_id, "stopped", "stop", context.clock.now(), detail={"deliveries": counts}),
        from_states=("stopping",),
    )


def _settle(under_way: UnderWay, batch_id: str) -> None:
    """Settle an open batch: as the channel says where it has it, else as cancelled."""
    ledger, now = under_way.context.state.ledger, under_way.context.clock.now()
    rows = [row for row in ledger.batch(batch_id) if row.state == "reserved"]
    channel = under_way.context.channels.get(rows[0].channel) if rows else None
    if rows and channel is None:
        ledger.settle(batch_id, {row.decision_id: ("unknown", None) for row in rows}, at=now)
    elif channel is not None and channel.delivered(batch_of(under_way, rows)):
        ledger.settle(batch_id, channel.deliver(batch_of(under_way, rows)), at=now)
    else:
        ledger.settle(batch_id, {row.decision_id: ("cancelled", None) for row in rows}, at=now)


def _refuse_not_under_way(plan: PlanRecord) -> None:
    if plan.state in ("launching", "stopping"):
        return
    if plan.state == "launched":
        hint = (
            "Everything is with its channels, so stop it there. To put the policy before in force again for real time: "
            f"alamo plan rollback {plan.plan_id}"
        )
    else:
        waits = plan.state in ("proposed", "approved")
        hint = f"Cancel it with: alamo plan cancel {plan.plan_id}" if waits else "See the plans with: alamo plan list"
    raise StateError(
        f"plan {plan.plan_id} is {plan.state}, so no launch of it can be stopped",
        hint=hint,
        code="plan.not_under_way",
        details={"plan": plan.plan_id, "state": plan.state},
    )
