"""Which plan a question about people and money is about: one that was proposed, not one that restores a policy.

A rollback puts an earlier policy in force for real time as a plan of its own. It plans nobody, so what it would change,
send or be worth is no question; who asks about the newest plan means the newest that was proposed.
"""

from __future__ import annotations

from alamo.domain.errors import StateError
from alamo.domain.records import PlanRecord
from alamo.engine.context import Context
from alamo.engine.gate import plan_named

_GONE = ("superseded", "cancelled")


def proposal_named(context: Context, plan_id: str | None) -> PlanRecord:
    """Return a plan that was proposed, the newest one when `plan_id` is None.

    Raises
    ------
    StateError
        If there is none, or the plan named only restores the policy of another.
    """
    if plan_id is None:
        newest = newest_proposal(context)
        return plan_named(context, None) if newest is None else newest
    plan = plan_named(context, plan_id)
    if "restores" in plan.summary:
        origin = plan.summary["restores"]
        raise StateError(
            f"plan {plan.plan_id} only puts the policy of {origin} in force for real time: it plans nobody",
            hint=f"Ask about the plan that made the policy: {origin}. Look at it with: alamo plan show {origin}",
            code="plan.restores",
            details={"plan": plan.plan_id, "restores": origin},
        )
    return plan


def newest_proposal(context: Context) -> PlanRecord | None:
    """Return the newest proposed plan that is not overtaken or cancelled, else the newest of all; None without any."""
    plans = [plan for plan in context.state.plans.all() if "restores" not in plan.summary]
    found = [plan for plan in plans if plan.state not in _GONE] or plans
    return found[-1] if found else None
