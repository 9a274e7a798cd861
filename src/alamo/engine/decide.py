"""Deciding over the counter: one customer now, by the policy in force; asked again in the cycle, the same answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.action import NO_ACTION
from alamo.domain.errors import StateError, UsageError
from alamo.domain.policy import BlockState, PolicySnapshot
from alamo.domain.records import PlanRecord
from alamo.domain.tables import PROFILES
from alamo.engine.batch import Stamp
from alamo.engine.context import Context
from alamo.engine.explain import candidates_of, options
from alamo.engine.realtime import Counter, decide_one
from alamo.steering.eligibility import Gatekeeper


@dataclass(frozen=True, slots=True)
class DecidedNow:
    """What was decided for a customer; `logged` False means that nothing could be decided and nothing was logged."""

    customer_id: str
    decision_id: str | None
    action_id: str
    reason: str
    options: list[dict[str, Any]]
    excluded: Mapping[str, str]
    logged: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the decision as it stands in ``--json``."""
        return {
            "schema": "alamo.decision/1",
            "customer_id": self.customer_id,
            "decision_id": self.decision_id,
            "action_id": self.action_id,
            "reason": self.reason,
            "options": self.options,
            "excluded": dict(self.excluded),
            "logged": self.logged,
        }


def decide_now(context: Context, customer_id: str, known: Mapping[str, Any]) -> DecidedNow:
    """Decide for one customer by the newest launched plan.

    Parameters
    ----------
    known
        Profile columns known better at this moment than when the profile was built.

    Raises
    ------
    StateError
        If no plan has been launched yet.
    UsageError
        If `known` names no profile column.
    """
    _known_columns(known)
    plan = _in_force(context)
    policy = context.shelf.get(plan.policy_version)
    found = context.history.query(
        "SELECT * FROM decisions WHERE plan_id = $plan AND customer_id = $customer",
        {"plan": plan.plan_id, "customer": customer_id},
    )
    if found.num_rows:
        return _as_logged(context, policy, found.slice(0, 1).to_pylist()[0])
    if context.calendar().cycle_at(context.clock.now()) != plan.cycle:  # its cycle may be measured already
        reason = f"the plan of cycle {plan.cycle} is over, and none of this cycle has been launched"
        return DecidedNow(customer_id, None, NO_ACTION, reason, [{"action_id": NO_ACTION, "p": 1.0}], {}, False)
    return _fresh(context, plan, policy, customer_id, known)


def _known_columns(known: Mapping[str, Any]) -> None:
    names = PROFILES.schema.names
    for name in known:
        if name not in names:
            raise UsageError(
                f"--context: {name!r} is no profile column",
                hint=f"Profile columns: {', '.join(names)}",
                code="decide.unknown_column",
            )


def _in_force(context: Context) -> PlanRecord:
    launched = [plan for plan in context.state.plans.all() if plan.state == "launched"]
    if not launched:
        raise StateError(
            "no plan has been launched, so there is no policy to decide by",
            hint="Launch one first: alamo plan approve, then alamo plan launch",
            code="decide.no_policy",
        )
    return launched[-1]


def _as_logged(context: Context, policy: PolicySnapshot, row: Mapping[str, Any]) -> DecidedNow:
    candidates = candidates_of(context, policy, row["customer_id"], row["decided_at"])
    state = policy.blocks[min(row["block"], len(policy.blocks) - 1)]
    p = dict(zip(row["eligible"], row["p"], strict=True))
    return DecidedNow(
        row["customer_id"],
        row["decision_id"],
        row["action_id"],
        row["reason"],
        options(candidates, policy, state, p),
        {},
        True,
    )


def _fresh(
    context: Context, plan: PlanRecord, policy: PolicySnapshot, customer_id: str, known: Mapping[str, Any]
) -> DecidedNow:
    named = {"customer": customer_id}
    newest = "as_of = (SELECT max(as_of) FROM {0} WHERE customer_id = $customer)"
    profile, scores = (
        context.history.query(f"SELECT * FROM {table} WHERE customer_id = $customer AND {newest.format(table)}", named)
        for table in ("profiles", "scores")
    )
    now = context.clock.now()
    stamp = Stamp(plan.plan_id, plan.policy_version, plan.cycle, now, plan.valid_until)
    counter = Counter(policy, Gatekeeper(context.actions, context.contact, now), stamp)
    state = left_now(context, plan, policy)
    decided = decide_one(context.history, _with_known(profile, known), scores, counter, state)
    if decided.row is not None:
        row = decided.row.slice(0, 1).to_pylist()[0]
        context.history.append("decisions", decided.row, batch=row["decision_id"])
    return DecidedNow(
        customer_id,
        None if decided.row is None else row["decision_id"],
        decided.action_id,
        decided.reason.value,
        [{"action_id": action, "p": p} for action, p in decided.probabilities.items()],
        decided.excluded,
        decided.row is not None,
    )


def _with_known(profile: pa.Table, known: Mapping[str, Any]) -> pa.Table:
    for name, value in known.items():
        place = profile.schema.get_field_index(name)
        if profile.num_rows and place >= 0:
            field = profile.schema.field(name)
            profile = profile.set_column(place, field, pa.array([value] * profile.num_rows, field.type))
    return profile


def left_now(context: Context, plan: PlanRecord, policy: PolicySnapshot) -> BlockState:
    """Return the state for the next customer: the last block's prices, and each bound less all that was drawn.

    Customers outside a row's predicate count against it too, so a maximum is never exceeded.
    """
    drawn = context.history.query(
        "SELECT action_id, cost_money FROM decisions WHERE plan_id = $plan AND action_id <> 'none'",
        {"plan": plan.plan_id},
    )
    remaining = []
    for row in policy.rows:
        mine = drawn.filter(pc.is_in(drawn["action_id"], value_set=pa.array(row.action_ids)))
        used = mine.num_rows if row.column == "count" else pc.sum(mine["cost_money"]).as_py() or 0.0
        left = row.bound - row.sign * used
        remaining.append(max(left, 0.0) if row.hard else left)
    return BlockState(len(policy.blocks), policy.blocks[-1].prices, tuple(float(left) for left in remaining))
