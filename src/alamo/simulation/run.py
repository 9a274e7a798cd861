"""Runs a scenario: hands the world to the engine's loop cycle by cycle, and writes down the truth beside it.

Nothing here decides: the loop of `alamo.engine.loop` turns exactly as in a real project, with the world in place of
customers, channels and clock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from alamo.domain.errors import InsufficientDataError
from alamo.domain.money import minor_per_major
from alamo.domain.ports import History, OutcomeLearner, PolicyShelf, StateStore
from alamo.domain.records import PlanRecord
from alamo.domain.settings import Settings
from alamo.engine.context import Context, StepOutcome
from alamo.engine.guard import Pause, paused
from alamo.engine.infer import infer, profiles_as_of, value_model
from alamo.engine.loop import pass_gate, turn
from alamo.engine.measure import measure
from alamo.engine.permission import frozen_price
from alamo.simulation.audit import Breach, Contacts, breaches, contacts_of
from alamo.simulation.base_orders import BaseOrders
from alamo.simulation.channel import simulated_channels
from alamo.simulation.decision_log import DecisionLog, decision_log
from alamo.simulation.oracle import oracle_profit
from alamo.simulation.population import resampled_population, synthetic_population
from alamo.simulation.purchases import Flags
from alamo.simulation.result import SimulationResult
from alamo.simulation.rivals import Contender, name_of, scorer_of, settings_of
from alamo.simulation.scenario import Scenario
from alamo.simulation.scoring import CycleTerms, CycleTruth, Look, Shown, assemble, cycle_truth
from alamo.simulation.truth import natural_margin, outcome_effects, true_profits
from alamo.simulation.world import World
from alamo.steering.eligibility import Gatekeeper
from alamo.steering.periods import left_of_periods
from alamo.steering.predicates import predicate_masks

SYNTHETIC_START = datetime(2026, 1, 5, tzinfo=UTC)
"""Start of cycle 1 where no real orders set it."""

_BY = "simulation"


@dataclass(frozen=True, slots=True)
class Equipment:
    """What the engine works with, handed in by the composition root: empty stores and an outcome learner."""

    history: History
    state: StateStore
    shelf: PolicyShelf
    learner: OutcomeLearner


@dataclass(frozen=True, slots=True)
class RealOrders:
    """The project's real customers, for scenarios that resample them, and the day a simulation on them starts."""

    base: BaseOrders
    start: datetime


Announce = Callable[[int, str], None]
"""Told the cycle and the step that begins."""


def simulate(
    scenario: Scenario,
    equipment: Equipment,
    *,
    orders: RealOrders | None = None,
    seed: int = 1,
    policy: str | Contender = "engine",
    announce: Announce | None = None,
) -> SimulationResult:
    """Play `scenario` for ``scenario.cycles`` cycles under `policy`.

    Parameters
    ----------
    scenario
        The market; for another number of cycles hand in a changed copy.
    equipment
        Empty stores and the learner of nuisance models.
    orders
        Required where the population comes from orders.
    seed
        Of the market and of the engine's draws.
    policy
        One of `alamo.simulation.rivals.POLICIES`, or a `Contender` of one's own.
    announce
        Told what goes on.

    Raises
    ------
    InsufficientDataError
        If the scenario resamples orders and there are none.
    UsageError
        If there is no such policy.
    """
    world = build_world(scenario, orders, seed)
    context = engine_context(world, equipment, policy)
    run = _Run(world, context, policy)
    for cycle in range(1, scenario.cycles + 1):
        run.play(cycle, _told(announce, cycle))
    run.look_back(_told(announce, scenario.cycles + 1))
    found = assemble(scenario, name_of(policy), seed, run.truths, run.looks)
    return replace(found, paused=tuple(_pause(name, one) for name, one in paused(context).items()))


def build_world(scenario: Scenario, orders: RealOrders | None, seed: int) -> World:
    """Return the market of a scenario at the start of cycle 1, in memory.

    Raises
    ------
    InsufficientDataError
        If the scenario resamples orders and there are none.
    """
    if scenario.population.source == "synthetic":
        start = SYNTHETIC_START if orders is None else orders.start
        return World(scenario, synthetic_population(scenario, start, seed), start=start, seed=seed)
    if orders is None:
        raise InsufficientDataError(
            f"scenario {scenario.name!r} draws its customers from real orders, and there are none",
            hint="Run it in a project with orders: alamo init DIR --example shop",
            code="simulation.no_orders",
        )
    people = resampled_population(scenario, orders.base, seed)
    return World(scenario, people, start=orders.start, seed=seed)


def settings_for(scenario: Scenario, start: datetime, seed: int) -> Settings:
    """Return the engine's settings in a scenario."""
    return Settings(
        name=scenario.name,
        currency=scenario.currency,
        salt=f"{scenario.name}-{seed}",
        first_start=start,
        cycle_days=scenario.cycle_days,
        attribution="Simulated market: customers and answers are drawn, not real.",
        outcome=scenario.outcome,
        margin=scenario.margin,
        control=scenario.control,
        exploration=scenario.exploration,
        inference=scenario.inference,
        guardrail=scenario.guardrail,
    )


def engine_context(world: World, equipment: Equipment, policy: str | Contender) -> Context:
    """Return the world as the engine is given it, deciding by `policy`."""
    scenario = world.scenario
    return Context(
        settings=settings_for(scenario, world.now(), world.seed),
        actions=tuple(action.action for action in scenario.actions),
        limits=scenario.limits,
        contact=scenario.contact,
        history=equipment.history,
        state=equipment.state,
        shelf=equipment.shelf,
        clock=world,
        sources=(world,),
        channels=simulated_channels(world),
        learner=equipment.learner,
        scorer=scorer_of(policy, world),
    )


def _told(announce: Announce | None, cycle: int) -> Callable[[str], None]:
    return lambda step: announce(cycle, step) if announce is not None else None


class _Run:
    """One run: turns the loop and collects truth and looks."""

    def __init__(self, world: World, context: Context, policy: str | Contender) -> None:
        self.world = world
        self.policy = policy
        self.truths: list[CycleTruth] = []
        self.looks: list[Look] = []
        self._context = context
        self._contacts: list[Contacts] = []

    def play(self, cycle: int, announce: Callable[[str], None]) -> None:
        """Turn the loop once, launch its plan, write down the truth, and let the cycle pass."""
        context = self._context_of(cycle)
        turned = turn(context, announce)
        if cycle > 1:
            self.looks.append(_look(context, turned.steps, cycle - 1))
        frame = _Frame.of(self.world, context)
        limits = left_of_periods(
            context.history,
            frame.profiles,
            context.limits,
            context.actions,
            context.clock.now(),
            minor_per_major(context.settings.currency),
        )
        announce("launch")
        pass_gate(context, turned.plan.plan_id, by=_BY)
        announce("simulate")
        self.truths.append(self._truth(context, turned.plan, frame, limits))
        self.world.advance()

    def look_back(self, announce: Callable[[str], None]) -> None:
        """Measure and infer once more, when the last cycle has matured."""
        cycle = self.world.cycle
        context = self._context_of(cycle)
        announce("measure")
        measured = measure(context, cycle)
        announce("infer")
        self.looks.append(_look(context, (measured, infer(context, cycle)), cycle - 1))

    def _context_of(self, cycle: int) -> Context:
        return replace(self._context, settings=settings_of(self.policy, cycle, self._context.settings))

    def _truth(self, context: Context, plan: PlanRecord, frame: _Frame, limits: tuple[Any, ...]) -> CycleTruth:
        world = self.world
        decided = context.history.query("SELECT * FROM decisions WHERE plan_id = $plan", {"plan": plan.plan_id})
        log, contacts = decision_log(world, decided), contacts_of(world)
        profits = true_profits(world)
        broken: list[Breach] = breaches(world, self._contacts, contacts, frame.where)
        self._contacts.append(contacts)
        terms = CycleTerms(
            oracle=oracle_profit(world.scenario, replace(log, eligible=frame.open(log)), profits, limits, frame.where),
            natural=natural_margin(world),
            rule=context.shelf.get(plan.policy_version).rule,
            limits_broken=len(broken),
            cost_money=np.array([action.cost for action in world.scenario.actions]),
            least_floor=context.settings.exploration.floor_minimum,
        )
        price = frozen_price(context, plan.cycle)
        ahead, actions = world.scenario.outcome.residual_horizon_days, world.scenario.actions
        charge = None if price is None else np.array([price.charge_money([one.channel], ahead) for one in actions])
        effects = outcome_effects(world, value_model(context, plan.cycle), charge_money=charge)
        return cycle_truth(log, world.treated(), profits, effects, terms=terms)


@dataclass(frozen=True, slots=True)
class _Frame:
    """Today's profiles beside the world, to evaluate predicates over them."""

    world: World
    context: Context
    profiles: Any

    @classmethod
    def of(cls, world: World, context: Context) -> _Frame:
        return cls(world, context, profiles_as_of(context, context.today()))

    def where(self, predicate: str) -> Flags:
        """Return whom a predicate over profiles holds for, shape (n,)."""
        named = {"limit": predicate}
        return self._by_customer(predicate_masks(self.context.history, "profiles", self.profiles, named)[predicate])

    def open(self, log: DecisionLog) -> Flags:
        """Return what each decision was open to, shape (m, actions): also what the policy gave no chance at all."""
        context, nobody = self.context, np.zeros(self.profiles.num_rows, dtype=bool)
        gatekeeper = Gatekeeper(context.actions, context.contact, context.clock.now(), salt=context.settings.salt)
        return self._by_customer(gatekeeper.judge(context.history, self.profiles, nobody).open)[log.position]

    def _by_customer(self, flags: Flags) -> Flags:
        """Bring flags by row of the profiles to the customers of the world."""
        out = np.zeros((len(self.world.population), *flags.shape[1:]), dtype=bool)
        out[self.world.positions(self.profiles["customer_id"].to_pylist())] = flags
        return out


def _pause(action_id: str, found: Pause) -> dict[str, Any]:
    return {"action": action_id, "cycle": found.cycle, "by": found.by, "reason": found.reason}


def _look(context: Context, steps: tuple[StepOutcome, ...], matured: int) -> Look:
    """Return what the engine shows now that cycle `matured` has matured."""
    found = next(step for step in steps if step.step == "infer").detail
    gain = next((entry for entry in found.get("gains", ()) if entry["cycle"] == matured), None)
    rows = context.history.query(
        "SELECT action_id, mean_money, anytime_lower, anytime_upper, se, lower, upper FROM effects "
        "WHERE as_of_day = $day AND segment = '*' AND action_id <> '*'",
        {"day": context.today().date().isoformat()},
    ).to_pylist()
    return Look(
        gain=None if gain is None else (gain["mean"], gain["lower"], gain["upper"]),
        effects={row.pop("action_id"): Shown(*row.values()) for row in rows},
    )
