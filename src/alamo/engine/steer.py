"""Steering: propose a cycle within limits and consent, with a control group, and put it before the human gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import pyarrow as pa

from alamo.domain.records import PlanAct, PlanRecord
from alamo.domain.tables import PROPOSALS
from alamo.engine.cap_values import CapValues, cap_values
from alamo.engine.context import Context, StepOutcome, once, table_hash, versions
from alamo.engine.counter import came_to_the_counter
from alamo.engine.fatigue import fatigue_charges, tell_fatigue
from alamo.engine.freshness import CURE, stale_orders
from alamo.engine.gate import closes_cycle
from alamo.engine.guard import paused, paused_ids
from alamo.engine.infer import found_actions, matured_cycles, profiles_as_of
from alamo.engine.propose import Proposal, SteerRequest, propose
from alamo.engine.quiet_hours import announced
from alamo.engine.staleness import made_from

_OF_DAY = "WHERE as_of_day = $day"
_TAKEN_BACK = ("cancelled", "stopped", "rolled_back")


def steer(context: Context, cycle: int) -> StepOutcome:
    """Propose `cycle` and put the plan before the human gate; the same data again change nothing.

    A plan of the cycle that was approved or launched stands, and so does one that was stopped after some had been
    written to: nobody is contacted twice by planning again.
    """
    plans = [plan for plan in context.state.plans.all() if plan.cycle == cycle]
    now = context.clock.now()
    standing = [
        plan for plan in plans if closes_cycle(context, plan) or (plan.state == "approved" and plan.stands_at(now))
    ]
    if standing:
        return StepOutcome("steer", cycle, False, 0.0, _detail(standing[-1].plan_id, standing[-1].summary))
    closed = {state: sum(plan.state == state for plan in plans) for state in (*_TAKEN_BACK, "superseded")}
    attempt = 1 + sum(closed.values())  # ids stay unique when an earlier proposal comes back
    as_of = context.today()
    inputs = versions(context, "profiles", "scores", "effects", "deliveries") | {
        "as_of": as_of.isoformat(),
        "cancelled": sum(closed[state] for state in _TAKEN_BACK),
        "paused": sorted(paused_ids(context)),
        "project": [str(context.actions), str(context.limits), str(context.contact), str(context.settings)],
    }
    tired = fatigue_charges(context, cycle)
    inputs |= {"fatigue": tired} if tired else {}
    return once(context, "steer", cycle, inputs, lambda: _steer(context, cycle, as_of, attempt))


def _steer(context: Context, cycle: int, as_of: datetime, attempt: int) -> dict[str, Any]:
    profiles, scores = _inputs(context, as_of)
    filled = cap_values(context, as_of)
    request = request_of(context, cycle, filled, attempt)
    proposal = propose(context.history, profiles, scores, request, context.carrier)
    stale = stale_orders(context)
    proposal.summary["paused"] = [{"action": name, **asdict(pause)} for name, pause in paused(context).items()]
    proposal.summary["currency"] = context.settings.currency
    if filled is not None:
        proposal.summary["caps_by_value"]["caps"] = filled.told
    tell_fatigue(proposal.summary, request.fatigue_money)
    proposal.summary["quiet_hours"] = announced(context, proposal.decisions)
    proposal.summary["made_from"] = made_from(context, cycle)
    proposal.summary["warnings"] += [] if stale is None else [f"{stale.complaint()}; {CURE}"]
    _put_before_the_gate(context, proposal, cycle)
    return _detail(proposal.plan_id, proposal.summary)


def _inputs(context: Context, as_of: datetime) -> tuple[pa.Table, pa.Table]:
    """Return the profiles and scores of a day; with a carrier only the profiles of those contacted so far and which
    scores there are.
    """
    day = {"day": as_of.date().isoformat()}
    if context.carrier is None:
        return profiles_as_of(context, as_of), scores_as_of(context, as_of)
    contacted = f"SELECT * FROM profiles {_OF_DAY} AND customer_id IN (SELECT customer_id FROM deliveries)"
    which = f"SELECT model_version, max(as_of) AS as_of FROM scores {_OF_DAY} GROUP BY model_version"
    return context.history.query(contacted, day), context.history.query(which, day)


def scores_as_of(context: Context, as_of: datetime) -> pa.Table:
    """Return the scores of `as_of`'s day; no rows where there are none."""
    day = {"day": as_of.date().isoformat()}
    return context.history.query("SELECT * FROM scores WHERE as_of_day = $day", day)


def request_of(context: Context, cycle: int, filled: CapValues | None, attempt: int = 1) -> SteerRequest:
    """Return what `cycle` is steered by at this moment; prices start from the last plan launched by then.

    `filled` is what contacts displace, None where caps are not filled by value.
    """
    now = context.clock.now()
    launched = [plan for plan in context.state.plans.all() if plan.state == "launched" and plan.created_at < now]
    previous = context.shelf.get(launched[-1].policy_version) if launched else None
    counting = previous if context.settings.realtime.paced else None
    return SteerRequest(
        actions=context.actions,
        limits=context.limits,
        contact=context.contact,
        settings=context.settings,
        cycle=cycle,
        now=now,
        found=_ever_found(context),
        previous=previous,
        attempt=attempt,
        opened=_opened_long_enough(context),
        paused=paused_ids(context),
        displacement=() if filled is None else filled.charges,
        new=_new_actions(context, launched),
        fatigue_money=fatigue_charges(context, cycle),
        at_counter=0 if counting is None else came_to_the_counter(context, launched[-1].plan_id, counting),
    )


def _detail(plan_id: str, summary: Mapping[str, Any]) -> dict[str, Any]:
    numbers = {key: summary[key] for key in ("customers", "contacted", "control", "cost_money")}
    return {"plan": plan_id, "gain_money": summary["gain"]["mean"], **numbers}


def _ever_found(context: Context) -> bool:
    """Say whether any effect has been found so far; knowledge once gained does not reopen the opening phase."""
    so_far = {"now": context.clock.now()}
    return bool(found_actions(context.history.query("SELECT * FROM effects WHERE found AND as_of <= $now", so_far)))


def _new_actions(context: Context, launched: Sequence[PlanRecord]) -> frozenset[str]:
    """Return the actions that no launched plan and no experiment has drawn, where some other has been drawn."""
    ids = {action.id for action in context.actions}
    rows = (row for plan in launched for row in plan.summary["actions"])
    drawn = {row["action"] for row in rows if (row.get("expected_customers") or 0.0) > 0.0}
    if ids - drawn:
        drawn |= set(context.history.query("SELECT DISTINCT action_id FROM dr_scores")["action_id"].to_pylist())
    return frozenset(ids - drawn) if ids & drawn else frozenset()


def _opened_long_enough(context: Context) -> bool:
    """Say whether as many cycles of the loop's own have matured as the opening may last.

    Experiments taken in do not count (their cycles are numbered from 0 backwards): they looked at what they looked at.
    """
    most = context.settings.exploration.opening_cycles
    return 0 < most <= sum(cycle > 0 for cycle in matured_cycles(context))


def _put_before_the_gate(context: Context, proposal: Proposal, cycle: int) -> None:
    """Store policy and decisions, then the plan that refers to them; older proposals are superseded."""
    version = context.shelf.put(proposal.policy)
    table = PROPOSALS.check(proposal.decisions)
    context.history.replace(
        "proposals", table, where={"plan_id": proposal.plan_id}, batch=f"{proposal.plan_id}-{table_hash(table)}"
    )
    now = context.clock.now()
    record = PlanRecord(proposal.plan_id, cycle, "proposed", version, now, proposal.valid_until, proposal.summary)
    context.state.plans.save(record)
    context.state.plans.move(PlanAct(proposal.plan_id, "proposed", "steer", now), from_states=("proposed",))
    for plan in context.state.plans.all():
        overtaken = plan.state == "proposed" or (plan.state == "approved" and not plan.stands_at(now))
        if (overtaken or (plan.state == "approved" and plan.cycle < cycle)) and plan.plan_id != proposal.plan_id:
            act = PlanAct(plan.plan_id, "superseded", "steer", now, detail={"by_plan": proposal.plan_id})
            context.state.plans.move(act, from_states=("proposed", "approved"))
