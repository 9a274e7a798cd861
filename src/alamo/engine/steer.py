"""Steering: propose a cycle within limits and consent, with a control group, and put it before the human gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.action import Action, ContactPolicy, Limit
from alamo.domain.money import minor_per_major
from alamo.domain.policy import CapCharge, CounterTerms, PolicySnapshot, message_hash, passage
from alamo.domain.ports import Warehouse
from alamo.domain.reasons import DecisionReason
from alamo.domain.records import PlanAct, PlanRecord
from alamo.domain.settings import Settings
from alamo.domain.tables import PROPOSALS
from alamo.domain.time import iso
from alamo.engine.batch import Batch, Stamp, cycle_salt, decision_table, plan_name, run_blocks
from alamo.engine.cap_values import CapValues, cap_values
from alamo.engine.carrier import Carrier
from alamo.engine.context import Context, StepOutcome, once, table_hash, versions
from alamo.engine.counter import came_to_the_counter
from alamo.engine.fatigue import fatigue_charges, tell_fatigue
from alamo.engine.freshness import CURE, stale_orders
from alamo.engine.gate import closes_cycle
from alamo.engine.guard import paused, paused_ids
from alamo.engine.infer import found_actions, matured_cycles, profiles_as_of
from alamo.engine.quiet_hours import announced
from alamo.engine.staleness import made_from
from alamo.steering.allocation.conflict import find_conflict, infeasible, out_of_reach, suspicious
from alamo.steering.allocation.prices import shifted_problem, soft_prices, warm_start
from alamo.steering.allocation.problem import Problem, build_problem
from alamo.steering.candidates import Candidates, Terms, gather, rows_of
from alamo.steering.cells import Floats
from alamo.steering.control import universal_control, washout_of
from alamo.steering.eligibility import Gatekeeper
from alamo.steering.exploration import Exploration, opening, promising, running
from alamo.steering.limits import LimitTables
from alamo.steering.pacing import Pacer, block_count, narrow_ranges, pace
from alamo.steering.periods import left_of_periods
from alamo.steering.plan import DrawnCycle, PlanContext, plan_summary
from alamo.steering.rule import REASONS
from alamo.steering.shares import rates_of_profiles
from alamo.steering.slices import counter_terms, less_reserve
from alamo.steering.start import with_start

_OF_DAY = "WHERE as_of_day = $day"
_TAKEN_BACK = ("cancelled", "stopped", "rolled_back")
_STOPPED = REASONS.index(DecisionReason.LIMIT_REACHED)


@dataclass(frozen=True, slots=True, eq=False)
class SteerRequest:
    """What a cycle is steered by besides customers and scores.

    Attributes
    ----------
    actions, limits, contact, settings
        The project as code.
    cycle, now
        The cycle and the moment of the decision.
    found
        Whether an effect has been found; until then, or until the scores are promising, the declared opening budget
        explores.
    previous
        The policy before, whose prices start the search; None for a cold start.
    attempt
        1, and one more for each plan of the cycle that was cancelled.
    opened
        Whether the opening has lasted as long as it may, found or not.
    paused
        Ids of actions that are open to nobody, by a guardrail or by a person.
    displacement
        What contacts displace where caps are filled by value.
    new
        Ids of actions that nobody has ever been decided about, while others are known: they get a start.
    fatigue_money
        What a contact with an action takes away from the next ones.
    at_counter
        Customers who came over the counter in the cycle launched last.
    """

    actions: tuple[Action, ...]
    limits: tuple[Limit, ...]
    contact: ContactPolicy
    settings: Settings
    cycle: int
    now: datetime
    found: bool
    previous: PolicySnapshot | None = None
    attempt: int = 1
    opened: bool = False
    paused: frozenset[str] = frozenset()
    displacement: tuple[CapCharge, ...] = ()
    new: frozenset[str] = frozenset()
    fatigue_money: Mapping[str, float] = field(default_factory=dict)
    at_counter: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Proposal:
    """A proposed cycle.

    Attributes
    ----------
    plan_id
        Cycle and the start of the policy's hash.
    policy
        Everything needed to decide again, bit for bit.
    decisions
        DECISIONS, one row per customer.
    summary
        What a person approves.
    valid_until
        The plan is stale from then on.
    """

    plan_id: str
    policy: PolicySnapshot
    decisions: pa.Table
    summary: dict[str, Any]
    valid_until: datetime


def propose(
    warehouse: Warehouse,
    profiles: pa.Table,
    scores: pa.Table,
    request: SteerRequest,
    carrier: Carrier | None = None,
) -> Proposal:
    """Return the proposal of a cycle for the customers of `profiles` (PROFILES) by their `scores` (SCORES).

    A `carrier` reads both for itself, and decides under the policy that is made here; `profiles` then only say how much
    of limits per day, week or month was used, and `scores` which they are.

    Raises
    ------
    InfeasibleError
        If the limits cannot be met together, naming them and by how much each would have to give way.
    ConfigError
        If a predicate of an action or limit is not valid.
    """
    terms = _terms(warehouse, profiles, request)
    candidates = gather(warehouse, profiles, scores, terms) if carrier is None else carrier.gather(terms, request.now)
    planned = less_reserve(candidates.tables, request.settings.realtime)
    problem = build_problem(candidates.cells, planned)
    explored, prices = _priced(problem, candidates, request)
    n_blocks = block_count(candidates.cells.n)
    pacer = pace(problem, prices, explored.rule, n_blocks)
    batch = run_blocks(candidates.cells, planned, pacer, explored.rule, (terms.salt, n_blocks))
    policy = _policy(request, terms, explored, batch, scores)
    if request.settings.realtime.paced:
        policy = replace(policy, counter=_at_counter(request, pacer, candidates, planned))
    plan_id, valid_until = (
        plan_name(policy, request.attempt),
        request.now + timedelta(days=request.settings.gate.plan_valid_days),
    )
    stamp = Stamp(plan_id, policy.version, request.cycle, request.now, valid_until)
    decisions = decision_table(candidates.cells, batch, stamp) if carrier is None else carrier.decide(policy, stamp)
    drawn = DrawnCycle(batch.drawn.p, batch.drawn.choice, int((batch.drawn.reason == _STOPPED).sum()), batch.states)
    about = PlanContext(request.cycle, request.actions, request.settings.inference.level)
    summary = plan_summary(candidates, drawn, explored, about)
    summary["warnings"] = [narrow.complaint() for narrow in narrow_ranges(planned, pacer)]
    return Proposal(plan_id, policy, decisions, summary, valid_until)


def _at_counter(request: SteerRequest, pacer: Pacer, candidates: Candidates, planned: LimitTables) -> CounterTerms:
    """Return how prices follow the time over the counter."""
    realtime = request.settings.realtime
    expected = realtime.expected_customers or request.at_counter
    return counter_terms(pacer, candidates.cells.n, candidates.tables.bound - planned.bound, realtime, expected)


def _terms(warehouse: Warehouse, profiles: pa.Table, request: SteerRequest) -> Terms:
    settings = request.settings
    minor = minor_per_major(settings.currency)
    limits = left_of_periods(warehouse, profiles, request.limits, request.actions, request.now, minor)
    limits = rates_of_profiles(warehouse, profiles, limits)
    return Terms(
        gatekeeper=Gatekeeper(request.actions, request.contact, request.now, request.paused, settings.salt),
        rows=rows_of(limits, request.actions),
        salt=cycle_salt(settings.salt, request.cycle),
        universal=universal_control(
            settings.salt,
            request.cycle,
            settings.control,
            washout_of(settings.outcome.window_days, settings.cycle_days),
        ),
        displacement=request.displacement,
        fatigue_money=request.fatigue_money,
    )


def _priced(problem: Problem, candidates: Candidates, request: SteerRequest) -> tuple[Exploration, Floats]:
    """Return the settings of the rule and the prices that go with them, or refuse limits that cannot be met."""
    clash = out_of_reach(problem)
    if clash:
        raise infeasible(clash)
    exploration, control = request.settings.exploration, request.settings.control
    start = warm_start(problem, candidates.tables.rows, request.previous)
    level = request.settings.inference.level
    informed = (
        request.found
        or exploration.opening_share == 0.0  # without an opening the values are followed at once
        or promising(candidates.cells, level)
    )
    if informed or request.opened:
        explored = running(problem, exploration, control, start, sure=informed)
        explored = with_start(problem, explored, exploration, request.new)
    else:
        explored = opening(problem, exploration, control)
    prices = soft_prices(problem, explored.rule, start if explored.prices is None else explored.prices)
    if suspicious(problem, prices):
        clash = find_conflict(shifted_problem(problem, explored.rule))
        if clash:
            raise infeasible(clash)
    return explored, prices


def _policy(
    request: SteerRequest, terms: Terms, explored: Exploration, batch: Batch, scores: pa.Table
) -> PolicySnapshot:
    versions_used = sorted(pc.unique(scores["model_version"]).to_pylist())
    as_of = pc.max(scores["as_of"]).as_py() or request.now
    return PolicySnapshot(
        cycle=request.cycle,
        action_ids=tuple(action.id for action in request.actions),
        rows=terms.rows,
        rule=explored.rule,
        salt=terms.salt,
        universal_salt=terms.universal.salt,
        universal_share=terms.universal.share,
        universal_start=terms.universal.start,
        universal_waiting=terms.universal.waiting,
        displacement=terms.displacement,
        fatigue_money=terms.fatigue_money,
        n_blocks=len(batch.states),
        blocks=batch.states,
        model_version=" ".join(versions_used),
        scores_as_of=iso(as_of),
        actions={
            action.id: {
                "channel": action.channel,
                "level": action.level,
                "cost_money": action.cost_money,
                "eligible": action.eligible,
                "message": message_hash(action),
                **passage(action),
            }
            for action in request.actions
        },
    )


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
