"""Acting: a launch can be killed anywhere and resumed without sending twice.

The order inside a launch is what makes that true: the decisions are written under the plan's id (once), every delivery
is reserved in the ledger, each batch goes to its channel under a fixed batch id (channels are idempotent by it), and
only then is it settled.

What is sent is what was approved. The policy snapshot holds a hash of each action's message; a plan whose messages have
been changed, deleted or paused since can be neither approved nor launched. A launch that was interrupted is past that
door: resumed, it drops what had not reached its channel yet of an action changed, deleted or paused meanwhile, and goes
on with the others. So nothing unapproved is ever sent, and no launch is stuck; what was dropped is counted, and the
next cycle decides about those customers again. Permissions and caps are asked anew, too: contacts that another tool or
the counter has made since the plan was drawn may leave no room for its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from alamo.domain.records import PlanAct, PlanRecord
from alamo.engine.context import Context
from alamo.engine.delivering import UnderWay, deliver_batch, reserve
from alamo.engine.gate import decisions_of, plan_named, refuse_expired, refuse_other_messages, refuse_overtaken
from alamo.engine.responsibility import refuse_alone, responsible
from alamo.engine.staleness import refuse_changed_since
from alamo.engine.takeback import LAUNCHING, Launch, finish_stop, launch_report, refuse_stopped

Progress = Callable[[int, int], None]


def launch(
    context: Context,
    plan_id: str | None,
    *,
    by: str,
    progress: Progress | None = None,
    anyway: str = "",
    under: str = "",
) -> Launch:
    """Launch an approved plan, or go on with a launch that was interrupted; a launched plan is left as it is.

    `under` names the standing approval that does so, to be logged.

    Raises
    ------
    StateError
        If the plan is not approved, by two people where it takes two, expired, overtaken, stale and no reason is given
        in `anyway`, or an action it sends was changed or deleted since; if another launch is under way; if it was
        stopped, before or meanwhile.
    """
    name = responsible(context, by)
    with context.state.lock(LAUNCHING):
        plan = plan_named(context, plan_id)
        if plan.state == "launched":
            return launch_report(context, plan.plan_id)
        refuse_stopped(context, plan)
        decisions = decisions_of(context, plan)
        if plan.state != "launching":
            plan = _begun(context, plan, decisions, by=name, anyway=anyway, under=under)
        _carry_out(UnderWay(context, plan, context.shelf.get(plan.policy_version)), decisions, progress)
        act = PlanAct(plan.plan_id, "launched", name, context.clock.now())
        context.state.plans.move(act, from_states=("launching",))
    return launch_report(context, plan.plan_id)


def _carry_out(under_way: UnderWay, decisions: pa.Table, progress: Progress | None) -> None:
    """Write the decisions, reserve and deliver; between two batches a stop is obeyed.

    Raises
    ------
    StateError
        If somebody stopped the launch; it is over then.
    """
    context, plan_id = under_way.context, under_way.plan.plan_id

    def going_on() -> bool:
        now = context.state.plans.get(plan_id)
        return now is not None and now.state == "launching"

    context.history.replace("decisions", decisions, where={"plan_id": plan_id}, batch=f"launch-{plan_id}")
    under_way = under_way.with_caps_of_now(decisions)
    whole = reserve(under_way, decisions, going_on=going_on)
    pending = context.state.ledger.open_batches(plan_id)
    for done, batch_id in enumerate(pending if whole else ()):
        if not going_on():
            break
        deliver_batch(under_way, batch_id)
        if progress is not None:
            progress(done + 1, len(pending))
    if not going_on():
        finish_stop(context, plan_id)
        refuse_stopped(context, plan_named(context, plan_id))


def _begun(context: Context, plan: PlanRecord, decisions: pa.Table, *, by: str, anyway: str, under: str) -> PlanRecord:
    """Bring a plan through the doors of a launch; past them it may be interrupted and resumed."""
    refuse_expired(context, plan)
    refuse_overtaken(context, plan)
    noted: dict[str, Any] = {}
    if plan.state == "approved":
        refuse_alone(context, plan, by)
        refuse_other_messages(context, plan, decisions)
        noted = refuse_changed_since(context, plan, anyway)
    noted |= {"standing": under} if under else {}
    act = PlanAct(plan.plan_id, "launching", by, context.clock.now(), anyway.strip(), noted)
    return context.state.plans.move(act, from_states=("approved",))
