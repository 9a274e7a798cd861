"""A proposed cycle: who is open to what, at which prices and with which probability, and what a person approves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.action import Action, ContactPolicy, Limit
from alamo.domain.money import minor_per_major
from alamo.domain.policy import CapCharge, CounterTerms, PolicySnapshot, message_hash, passage
from alamo.domain.ports import Warehouse
from alamo.domain.reasons import DecisionReason
from alamo.domain.settings import Settings
from alamo.domain.time import iso
from alamo.engine.batch import Batch, Stamp, cycle_salt, decision_table, plan_name, run_blocks
from alamo.engine.carrier import Carrier
from alamo.steering.allocation.clash import infeasible
from alamo.steering.allocation.conflict import find_conflict, out_of_reach, suspicious
from alamo.steering.allocation.prices import shifted_problem, soft_prices, warm_start
from alamo.steering.allocation.problem import Problem, build_problem
from alamo.steering.candidates import Candidates, Terms, gather, rows_of
from alamo.steering.cells import Floats
from alamo.steering.control import universal_control, washout_of
from alamo.steering.eligibility import Gatekeeper
from alamo.steering.exploration import Exploration, opening, promising, running, told_cost
from alamo.steering.limits import LimitTables
from alamo.steering.pacing import Pacer, block_count, narrow_ranges, pace
from alamo.steering.periods import left_of_periods
from alamo.steering.plan import DrawnCycle, PlanContext, plan_summary
from alamo.steering.rule import REASONS
from alamo.steering.shares import rates_of_day, rates_of_profiles
from alamo.steering.slices import counter_terms, less_reserve
from alamo.steering.start import with_start

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
    terms = _terms(warehouse, profiles, request, carried=carrier is not None)
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
    kept = candidates.tables.bound - planned.bound
    about = PlanContext(request.cycle, request.actions, request.settings.inference.level, kept)
    summary = plan_summary(candidates, drawn, explored, about)
    summary["warnings"] = [narrow.complaint() for narrow in narrow_ranges(planned, pacer)]
    return Proposal(plan_id, policy, decisions, summary, valid_until)


def _at_counter(request: SteerRequest, pacer: Pacer, candidates: Candidates, planned: LimitTables) -> CounterTerms:
    """Return how prices follow the time over the counter."""
    realtime = request.settings.realtime
    expected = realtime.expected_customers or request.at_counter
    return counter_terms(pacer, candidates.cells.n, candidates.tables.bound - planned.bound, realtime, expected)


def _terms(warehouse: Warehouse, profiles: pa.Table, request: SteerRequest, *, carried: bool) -> Terms:
    settings = request.settings
    minor = minor_per_major(settings.currency)
    limits = left_of_periods(warehouse, profiles, request.limits, request.actions, request.now, minor)
    limits = rates_of_day(warehouse, request.now, limits) if carried else rates_of_profiles(warehouse, profiles, limits)
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
    return told_cost(problem, explored, prices), prices


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
