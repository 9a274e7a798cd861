"""Plays a scenario to see whether calibrated effects hold: the loop turns, then the true long-run effects are told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from alamo.domain.errors import StateError
from alamo.domain.records import PlanRecord
from alamo.engine.context import Context
from alamo.engine.infer import freeze_value_model, infer, profiles_as_of, value_model
from alamo.engine.loop import pass_gate, turn
from alamo.engine.measure import measure
from alamo.engine.permission import frozen_price
from alamo.engine.predict import predict
from alamo.engine.steer import steer
from alamo.simulation.counterfactual import CycleRecord
from alamo.simulation.decision_log import decision_log
from alamo.simulation.long_truth import LongTruth, Terms, long_effects
from alamo.simulation.rivals import settings_of
from alamo.simulation.run import Equipment, RealOrders, build_world, engine_context
from alamo.simulation.scenario import Scenario
from alamo.simulation.world import World

_BY = "simulation"
BLIND = ("uniform", "nothing", "oracle")
"""Policies whose decisions look at nothing that is inferred."""


@dataclass(frozen=True, slots=True)
class LongRow:
    """One action at the end: what the engine shows, and what is true.

    Attributes
    ----------
    action
        Its id.
    label
        ``"proxy"`` or ``"calibrated"``.
    proxy, correction, calibrated
        Mean, lower and upper bound; None where there is none.
    truth, truth_se
        True effect on the longer outcome, and the standard error left in it.
    """

    action: str
    label: str
    proxy: tuple[float, float, float]
    correction: tuple[float, float, float] | None
    calibrated: tuple[float, float, float] | None
    truth: float
    truth_se: float

    @property
    def covered(self) -> bool | None:
        """Whether the calibrated interval holds the truth."""
        return None if self.calibrated is None else self.calibrated[1] <= self.truth <= self.calibrated[2]

    @property
    def tells_apart(self) -> bool | None:
        """Whether the calibrated interval excludes the proxy's value."""
        return None if self.calibrated is None else not self.calibrated[1] <= self.proxy[0] <= self.calibrated[2]


@dataclass(frozen=True, slots=True)
class LongRun:
    """What came of a run: a row per action that has an effect, and the truth by cycle."""

    rows: tuple[LongRow, ...]
    truth: LongTruth


def play_long(
    scenario: Scenario,
    equipment: Equipment,
    *,
    orders: RealOrders | None = None,
    seed: int = 1,
    policy: str = "engine",
    announce: Callable[[int], None] | None = None,
) -> LongRun:
    """Play `scenario`, whose ``long_days`` is set, and compare its calibrated effects with the truth.

    Parameters
    ----------
    scenario, equipment, orders, seed, policy
        As in `alamo.simulation.run.simulate`.
    announce
        Told each cycle that begins.
    """
    world = build_world(scenario, orders, seed)
    context = engine_context(world, equipment, policy)
    blind = policy in BLIND and not scenario.outcome.price_permissions
    records = []
    for cycle in range(1, scenario.cycles + 1):
        if announce is not None:
            announce(cycle)
        now = replace(context, settings=settings_of(policy, cycle, context.settings))
        plan = _plan(now, cycle, blind=blind)
        pass_gate(now, plan.plan_id, by=_BY)
        decided = now.history.query("SELECT * FROM decisions WHERE plan_id = $plan", {"plan": plan.plan_id})
        records.append(CycleRecord.of(world, decision_log(world, decided)))
        world.advance()
    measure(context, world.cycle)
    infer(context, world.cycle)
    terms = Terms(lambda cycle: value_model(context, cycle), lambda cycle: frozen_price(context, cycle))
    truth = long_effects(world, records, terms)
    return LongRun(_rows(context, world, truth), truth)


def _plan(context: Context, cycle: int, *, blind: bool) -> PlanRecord:
    """Return the plan of a cycle: of a whole turn, or without the inference that a blind policy would not look at.

    What is inferred at the end is the same: outcomes are valued by the model frozen before their cycle, and a cycle's
    scores come from it and earlier ones, whenever they are made. As nothing is found on the way, ``uniform`` stays even
    also where actions cost differently; in a whole turn exploration draws the dear less once an effect is found.
    """
    if not blind:
        return turn(context).plan
    measure(context, cycle)
    freeze_value_model(context, cycle, profiles_as_of(context, context.today()))
    predict(context, cycle)
    plan = context.state.plans.get(str(steer(context, cycle).detail["plan"]))
    if plan is None:
        raise StateError("the plan of this cycle is missing", hint="Look with: alamo doctor", code="plan.missing")
    return plan


def _rows(context: Context, world: World, truth: LongTruth) -> tuple[LongRow, ...]:
    shown = context.history.query(
        "SELECT * FROM calibrated_effects WHERE as_of_day = $day", {"day": context.today().date().isoformat()}
    ).to_pylist()
    by_action = {row["action_id"]: row for row in shown}
    rows = []
    for place, action in enumerate(world.scenario.actions):
        row = by_action.get(action.id)
        if row is None:
            continue
        proxy, correction, calibrated = (
            (row[f"{part}_money"], row[f"{part}_lower"], row[f"{part}_upper"])
            for part in ("proxy", "correction", "calibrated")
        )
        known = row["label"] == "calibrated"
        rows.append(
            LongRow(
                action=action.id,
                label=row["label"],
                proxy=proxy,
                correction=correction if known else None,
                calibrated=calibrated if known else None,
                truth=float(truth.effect[place]),
                truth_se=float(truth.se[place]),
            )
        )
    return tuple(rows)
