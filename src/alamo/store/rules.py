"""What every operational store must agree on: what a plan and a ledger row may become, and what JSON keeps."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from alamo.domain.errors import StateError
from alamo.domain.records import DELIVERY_STATES, PLAN_STATES, LedgerRow, PlanAct, PlanRecord, same_person
from alamo.domain.result import json_value
from alamo.domain.time import iso

Receipts = Mapping[str, tuple[str, str | None]]

_RESERVABLE = ("reserved", "dropped", "unknown", "cancelled")
_SETTLED = tuple(state for state in DELIVERY_STATES if state != "reserved")


def plain_json(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return `value` as it comes back from a JSON column: tuples as lists, moments as text, NaN as null."""
    plain: dict[str, Any] = json.loads(json.dumps(json_value(value), allow_nan=False))
    return plain


def check_saved(plan_id: str, known_state: str | None) -> None:
    """Refuse to save over a plan that has left the state ``proposed``.

    Raises
    ------
    StateError
        Naming the plan and its state.
    """
    if known_state not in {None, "proposed"}:
        raise StateError(
            f"plan {plan_id!r} is {known_state} and can no longer be changed",
            hint=f"Look at it with: alamo plan show {plan_id}",
            code="plan.not_proposed",
            details={"plan": plan_id, "state": known_state},
        )


def moved(plan: PlanRecord, act: PlanAct, from_states: Sequence[str], log: Iterable[PlanAct] = ()) -> PlanRecord:
    """Return `plan` after `act`, with who approved or launched it and when; the first of each keeps its name.

    Raises
    ------
    StateError
        If the plan is in none of `from_states`, the act names no state, or its person has approved the plan already
        (by the `log` of the plan).
    """
    if act.act not in PLAN_STATES:
        raise StateError(
            f"{act.act!r} is not a state of a plan",
            hint=f"States are {', '.join(PLAN_STATES)}.",
            code="plan.unknown_state",
            details={"state": act.act},
        )
    if plan.state not in from_states:
        raise StateError(
            f"plan {plan.plan_id!r} is {plan.state}; it can become {act.act} only from {' or '.join(from_states)}",
            hint=f"Look at it with: alamo plan show {plan.plan_id}",
            code="plan.wrong_state",
            details={"plan": plan.plan_id, "state": plan.state, "from": list(from_states), "to": act.act},
        )
    if act.act == "approved":
        _check_new_approver(act, log)
    if act.act == "approved" and plan.approved_at is None:
        return replace(plan, state=act.act, approved_by=act.by, approved_at=act.at)
    if act.act in {"launching", "launched"} and plan.launched_at is None:
        return replace(plan, state=act.act, launched_by=act.by, launched_at=act.at)
    return replace(plan, state=act.act)


def _check_new_approver(act: PlanAct, log: Iterable[PlanAct]) -> None:
    """Nobody counts for two: whoever approves a plan again is refused."""
    for before in log:
        if before.act == "approved" and same_person(before.by, act.by):
            raise StateError(
                f"{before.by} has approved plan {act.plan_id!r} already, on {iso(before.at)}",
                hint=f"Somebody else approves it: alamo plan approve {act.plan_id} --by NAME, or launches it: "
                f"alamo plan launch {act.plan_id} --by NAME",
                code="plan.same_person",
                details={"plan": act.plan_id, "by": before.by},
            )


def unknown_plan(plan_id: str) -> StateError:
    """Return the error for a plan that is not in the book."""
    return StateError(
        f"there is no plan {plan_id!r}",
        hint="See the plans there are with: alamo plan list",
        code="plan.unknown",
        details={"plan": plan_id},
    )


def check_reserved(rows: Iterable[LedgerRow]) -> None:
    """Refuse a new row in a state that only a delivery brings about.

    ``dropped`` is what a permission has gone for, ``cancelled`` what a launch was stopped before, and ``unknown`` is
    what a decision enters as that somebody else carries out: a contact, and never sent from here.

    Raises
    ------
    StateError
        Naming the first such decision.
    """
    for row in rows:
        if row.state not in _RESERVABLE:
            raise StateError(
                f"decision {row.decision_id!r} cannot enter the ledger as {row.state!r}",
                hint=f"A new row is {' or '.join(_RESERVABLE)}; settle it afterwards.",
                code="ledger.state",
                details={"decision": row.decision_id, "state": row.state},
            )


def check_receipts(batch_id: str, receipts: Receipts, known: Iterable[str]) -> None:
    """Refuse receipts in no settled state, or of decisions that are not in the batch.

    Raises
    ------
    StateError
        Naming the batch and the first offending decision.
    """
    for decision_id, (state, _) in receipts.items():
        if state not in _SETTLED:
            raise _bad_receipt(batch_id, decision_id, f"is {state!r}, not one of {', '.join(_SETTLED)}")
    strangers = receipts.keys() - set(known)
    if strangers:
        raise _bad_receipt(batch_id, min(strangers), "belongs to no row of the batch")


def _bad_receipt(batch_id: str, decision_id: str, complaint: str) -> StateError:
    return StateError(
        f"delivery batch {batch_id!r}: the channel's receipt for decision {decision_id!r} {complaint}",
        hint="This is a fault of the channel; nothing was settled. Mend it, then launch again: alamo plan launch",
        code="ledger.receipt",
        details={"batch": batch_id, "decision": decision_id},
    )
