"""Deciding over the counter: one customer now, by the policy in force; asked again in the cycle, the same answer.

A decision over the counter is appended to the decisions of the plan in force, under its own batch key, and only once
the launch of that plan has written its own: whatever is repeated or killed, neither erases the other. Its block number
is at least the number of blocks of the policy, which tells it from the decisions of the batch: that number, and one
more for each time slice, where prices follow the time (`alamo.engine.counter`).

One customer is decided after the other (a lock of the project), so what is left of a limit is drawn from once.

Whoever asks carries the action out. The ledger has it as ``unknown``: a contact to caps, a use of limits, a cost to its
observation, and nothing that a launch would send. An action decided earlier is given again only while it may be.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from alamo.domain.action import NO_ACTION, ContactPolicy
from alamo.domain.errors import StateError, UsageError
from alamo.domain.policy import PolicySnapshot
from alamo.domain.records import LedgerRow, PlanRecord
from alamo.domain.tables import PROFILES
from alamo.engine.batch import Stamp
from alamo.engine.context import Context
from alamo.engine.counter import counter_state
from alamo.engine.decided import DecidedNow, nothing
from alamo.engine.explain import candidates_of, options
from alamo.engine.guard import paused_ids
from alamo.engine.measure import money_at_rest
from alamo.engine.quiet_hours import send_after
from alamo.engine.realtime import Counter, decide_one, terms_of
from alamo.measurement.permissions import permissions_now
from alamo.steering.eligibility import Gatekeeper

DECIDING = "deciding"
PATIENCE_SECONDS = 5.0
"""Lock of who is being decided, and how long others wait for it; then the answer is no action, which is not logged."""
_PERMISSIONS = ("consent", "withdrawn", "suppressed")
_NOT_TOLD = ("customer_id", "as_of", "as_of_day", *_PERMISSIONS)


def decide_now(context: Context, customer_id: str, known: Mapping[str, Any]) -> DecidedNow:
    """Decide for one customer by the newest launched plan.

    Parameters
    ----------
    known
        Profile columns known better at this moment than when the profile was built. Consent is not among them: it
        counts as it is on record at this moment.

    Raises
    ------
    StateError
        If no plan has been launched yet.
    UsageError
        If `known` names no profile column, or one that cannot be told.
    """
    _known_columns(known)
    plan = _in_force(context)
    policy = context.shelf.get(plan.policy_version)
    if context.calendar().cycle_at(context.clock.now()) != plan.cycle:  # its cycle may be measured already
        reason = f"the plan of cycle {plan.cycle} is over, and none of this cycle has been launched"
        return nothing(customer_id, reason)
    logged = _logged(context, plan, customer_id)
    if logged is not None:
        return _not_before(context, policy, _again(context, policy, logged))
    earlier = _decided_by_another(context, plan, customer_id)
    if earlier is not None:
        return nothing(customer_id, f"decided in this cycle already, by plan {earlier}, which was taken back")
    return _not_before(context, policy, _in_turn(context, plan, policy, customer_id, known))


def _in_turn(
    context: Context, plan: PlanRecord, policy: PolicySnapshot, customer_id: str, known: Mapping[str, Any]
) -> DecidedNow:
    """Decide a customer once those in front are decided; two at the same moment would both draw the last of a limit."""
    with contextlib.ExitStack() as turn:
        try:
            turn.enter_context(context.state.lock(DECIDING, wait_seconds=PATIENCE_SECONDS))
        except StateError:
            return nothing(customer_id, "others are being decided at this moment: ask again")
        logged = _logged(context, plan, customer_id)  # by somebody else who asked for the same customer, in front
        if logged is not None:
            return _again(context, policy, logged)
        return _fresh(context, plan, policy, customer_id, known)


def _not_before(context: Context, policy: PolicySnapshot, decided: DecidedNow) -> DecidedNow:
    """Add the end of the customer's quiet hours where an action was decided in them."""
    if decided.action_id == NO_ACTION or context.contact.quiet_hours is None:
        return decided
    noted = policy.actions[decided.action_id]
    return replace(decided, send_after=send_after(context, decided.customer_id, noted, context.clock.now()))


def counter_batch(plan_id: str) -> str:
    """Return the delivery batch of what is decided over the counter under a plan; no channel is ever handed it."""
    return f"{plan_id}-counter"


def _known_columns(known: Mapping[str, Any]) -> None:
    names = PROFILES.schema.names
    for name in known:
        if name not in names:
            raise UsageError(
                f"--context: {name!r} is no profile column",
                hint=f"Profile columns: {', '.join(names)}",
                code="decide.unknown_column",
            )
        if name in _NOT_TOLD:
            raise UsageError(
                f"--context: {name!r} counts as it is on record and cannot be told",
                hint="Leave it out. A new consent is put on record with: alamo import consent FILE",
                code="decide.not_told",
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


def _logged(context: Context, plan: PlanRecord, customer_id: str) -> dict[str, Any] | None:
    """Return the decision of a customer under a plan, if there is one."""
    found = context.history.query(
        "SELECT * FROM decisions WHERE plan_id = $plan AND customer_id = $customer",
        {"plan": plan.plan_id, "customer": customer_id},
    )
    return dict(found.slice(0, 1).to_pylist()[0]) if found.num_rows else None


def _decided_by_another(context: Context, plan: PlanRecord, customer_id: str) -> str | None:
    """Return the plan of the same cycle under which a customer could have been drawn an action; None if there is none.

    Only a plan that restores the policy of an earlier one has another of its cycle beside it.
    """
    if "restores" not in plan.summary:
        return None
    found = context.history.query(
        "SELECT plan_id FROM decisions WHERE cycle = $cycle AND customer_id = $customer AND plan_id <> $plan "
        "AND (len(eligible) > 1 OR universal_control) ORDER BY decided_at, plan_id",
        {"cycle": plan.cycle, "customer": customer_id, "plan": plan.plan_id},
    )
    return str(found["plan_id"][0].as_py()) if found.num_rows else None


def _again(context: Context, policy: PolicySnapshot, row: Mapping[str, Any]) -> DecidedNow:
    """Return a decision of the log once more, or no action if its action may not be given at this moment."""
    closed = _closed_now(context, policy, row)
    if closed is not None:
        action_id = row["action_id"]
        reason = f"{action_id} was decided earlier and may not be given now: {closed}"
        return nothing(row["customer_id"], reason, {action_id: closed})
    _hand_over(context, policy, row)
    return _as_logged(context, context.shelf.get(row["policy_version"]), row)


def _closed_now(context: Context, policy: PolicySnapshot, row: Mapping[str, Any]) -> str | None:
    """Return why the action of a logged decision may not be given at this moment; None if it may, or is none.

    Asks for permission, the action's dates and whether it is paused; target group and caps were settled by then, at the
    latest by the launch. What that dropped, for a cap or anything else, is in the ledger as no contact and stays so.
    """
    entry = context.state.ledger.find(row["decision_id"])
    if entry is not None and entry.state == "dropped":
        return "dropped at the launch"
    now = context.clock.now()
    paused = paused_ids(context, now)
    known = terms_of(policy, Gatekeeper(context.actions, ContactPolicy(), now)).gatekeeper
    mine = tuple(replace(action, eligible="") for action in known.actions if action.id == row["action_id"])
    asked = permissions_now(context.history, [row["customer_id"]], now)
    judged = Gatekeeper(mine, ContactPolicy(), now, paused).judge(context.history, asked, np.zeros(1, dtype=bool))
    return next((reason for excluded in judged.excluded for reason in excluded), None)


def _hand_over(context: Context, policy: PolicySnapshot, row: Mapping[str, Any]) -> None:
    """Put the action of a decision into the ledger before it is given; one that is in it already stays as it is."""
    if row["action_id"] == NO_ACTION:
        return
    handed = LedgerRow(
        decision_id=row["decision_id"],
        plan_id=row["plan_id"],
        batch_id=counter_batch(row["plan_id"]),
        customer_id=row["customer_id"],
        action_id=row["action_id"],
        channel=policy.actions[row["action_id"]]["channel"],
        cost_minor=money_at_rest(context, row["cost_money"]),
        state="unknown",
        attempted_at=row["decided_at"],
        settled_at=row["decided_at"],
    )
    context.state.ledger.reserve([handed])


def _as_logged(context: Context, policy: PolicySnapshot, row: Mapping[str, Any]) -> DecidedNow:
    candidates = candidates_of(context, policy, row["customer_id"], row["decided_at"])
    state = policy.state_of(row["block"])
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
    state, policy = counter_state(context, plan, policy)
    stamp = Stamp(plan.plan_id, policy.version, plan.cycle, now, plan.valid_until)
    counter = Counter(policy, Gatekeeper(context.actions, context.contact, now, paused_ids(context, now)), stamp)
    told = dict(known) | _permissions(context, customer_id)
    decided = decide_one(context.history, profile, scores, counter, state, told)
    row = None if decided.row is None else decided.row.slice(0, 1).to_pylist()[0]
    if row is not None and not context.history.append("decisions", decided.row, batch=row["decision_id"]):
        first = _logged(context, plan, customer_id)  # somebody without the lock of this project was first
        if first is not None:
            return _again(context, policy, first)
    if row is not None:
        _hand_over(context, policy, row)
    return DecidedNow(
        customer_id,
        None if row is None else row["decision_id"],
        decided.action_id,
        decided.reason.value,
        [{"action_id": action, "p": p} for action, p in decided.probabilities.items()],
        decided.excluded,
        row is not None,
    )


def _permissions(context: Context, customer_id: str) -> dict[str, Any]:
    """Return the permission columns of a profile as they stand at this moment."""
    found = permissions_now(context.history, [customer_id], context.clock.now()).to_pylist()[0]
    return {name: found[name] for name in _PERMISSIONS}
