"""Rivals: who else could decide. Each only scores; eligibility, limits, control and costs are the engine's own.

A rival that learns opens as the engine does, chooses from the log of the first cycle, and stays with its choice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.action import NO_ACTION
from alamo.domain.errors import UsageError
from alamo.domain.settings import ExplorationSettings, Settings
from alamo.domain.tables import SCORES
from alamo.domain.time import utc
from alamo.engine.context import Context, ScoredCycle, Scorer
from alamo.engine.infer import observations_with_outcome, profiles_as_of
from alamo.engine.predict import uplift_scorer
from alamo.numerics.hashing import content_hash
from alamo.simulation.purchases import Floats
from alamo.simulation.truth import true_profits
from alamo.simulation.world import World

Policy = Literal["engine", "nothing", "blast", "best-offer-per-segment", "uniform", "oracle"]
POLICIES: tuple[str, ...] = get_args(Policy)

LEARNING_CYCLES = 1
_NEVER_MONEY = -1.0
_FLOOR = 5e-4
"""Keeps every probability of a rival's log away from 0, so that the engine's estimates from it stay finite."""
_EVERYBODY = "*"


def scorer_of(policy: str, world: World) -> Scorer | None:
    """Return the scorer of `policy`; None for the engine itself.

    Raises
    ------
    UsageError
        If there is no such policy.
    """
    scorers: dict[str, Scorer | None] = {
        "engine": None,
        "nothing": _Constant("nothing", _NEVER_MONEY),
        "blast": _BestOffer("blast", by_segment=False),
        "best-offer-per-segment": _BestOffer("best-offer-per-segment", by_segment=True),
        "uniform": _Constant("uniform", 0.0),
        "oracle": _Oracle(world),
    }
    if policy not in scorers:
        raise UsageError(
            f"there is no policy {policy!r}",
            hint=f"Known policies: {', '.join(scorers)}. See: alamo simulate --help",
            code="simulation.unknown_policy",
            details={"policy": policy, "known": list(scorers)},
        )
    return scorers[policy]


def settings_of(policy: str, cycle: int, settings: Settings) -> Settings:
    """Return the settings `policy` decides `cycle` under: rivals do not explore once they have chosen.

    An `opening_share` of 0 means that there is no opening: values are followed from the first cycle on.
    """
    if policy == "engine" or (policy in ("blast", "best-offer-per-segment") and cycle <= LEARNING_CYCLES):
        return settings
    floor = {"uniform": 1.0, "nothing": 0.0}.get(policy, _FLOOR)
    opening = 1.0 if policy == "uniform" else 0.0
    return replace(settings, exploration=ExplorationSettings(opening, 0.0, floor))


@dataclass(frozen=True, slots=True)
class _Constant:
    """Scores every action alike."""

    name: str
    value_money: float

    def __call__(self, context: Context, cycle: int, as_of: datetime) -> ScoredCycle:
        customers = profiles_as_of(context, as_of)["customer_id"]
        value = np.full((len(customers), len(context.actions)), self.value_money)
        return _scored(context, self.name, customers, value, as_of)


@dataclass(frozen=True, slots=True)
class _Oracle:
    """Scores by the true profit."""

    world: World

    def __call__(self, context: Context, cycle: int, as_of: datetime) -> ScoredCycle:
        customers = profiles_as_of(context, as_of)["customer_id"]
        value = true_profits(self.world)[self.world.positions(customers.to_pylist())]
        return _scored(context, "oracle", customers, value, as_of)


@dataclass(frozen=True, slots=True)
class _BestOffer:
    """Scores one action by its estimated effect, the others not at all: the best for everybody or for each segment."""

    name: str
    by_segment: bool

    def __call__(self, context: Context, cycle: int, as_of: datetime) -> ScoredCycle:
        if cycle <= LEARNING_CYCLES:
            return uplift_scorer(context, cycle, as_of)
        ids = [action.id for action in context.actions]
        log = observations_with_outcome(context)
        log = log.filter(pc.less_equal(log["cycle"], LEARNING_CYCLES))
        best = {_EVERYBODY: best_offer(log, ids)}
        customers = profiles_as_of(context, as_of)["customer_id"]
        segment = np.full(len(customers), _EVERYBODY, dtype=object)
        if self.by_segment:
            segment = _segments(context, customers, as_of)
            for name in sorted(set(segment) - {_EVERYBODY}):
                best[name] = best_offer(log.filter(pc.equal(log["segment"], name)), ids)
        value = np.empty((len(customers), len(ids)))
        for name, (action, effect) in best.items():
            value[segment == name] = _NEVER_MONEY - abs(effect)
            value[segment == name, action] = effect
        return _scored(context, self.name, customers, value, as_of)


def best_offer(log: pa.Table, action_ids: list[str]) -> tuple[int, float]:
    """Return the action with the largest effect in a log, and that effect: ratio means weighted by 1/p, (index, money).

    Parameters
    ----------
    log
        OBSERVATIONS with ``outcome_money``; effects are differences to *no action* among decisions open to the action.
    """
    outcome, chance = log["outcome_money"].to_numpy(), log["p_action"].to_numpy()
    drawn = np.asarray(log["action_id"].to_pylist(), dtype=object)
    lists = log["eligible"].combine_chunks()
    parent = pc.list_parent_indices(lists).to_numpy() if log.num_rows else np.zeros(0, np.int64)
    names = np.asarray(lists.flatten().to_pylist() if log.num_rows else [], dtype=object)
    effects = []
    for action in action_ids:
        eligible = np.zeros(log.num_rows, dtype=bool)
        eligible[parent[names == action]] = True
        arms = [eligible & (drawn == action), eligible & (drawn == NO_ACTION)]
        effects.append(_ratio_mean(outcome, chance, arms[0]) - _ratio_mean(outcome, chance, arms[1]))
    known = np.where(np.isfinite(effects), effects, -np.inf)
    best = int(np.argmax(known))
    return best, float(known[best]) if np.isfinite(known[best]) else _NEVER_MONEY


def _ratio_mean(outcome: Floats, chance: Floats, rows: np.ndarray) -> float:
    weight = 1.0 / chance[rows]
    return float(weight @ outcome[rows] / weight.sum()) if rows.any() else float("nan")


def _segments(context: Context, customers: pa.ChunkedArray, as_of: datetime) -> np.ndarray:
    """Return today's segment of each customer, shape (n,)."""
    found = context.history.query(
        "SELECT customer_id, segment FROM segments WHERE as_of_day = $day", {"day": as_of.date().isoformat()}
    )
    named = dict(zip(found["customer_id"].to_pylist(), found["segment"].to_pylist(), strict=True))
    return np.array([named.get(customer, _EVERYBODY) for customer in customers.to_pylist()], dtype=object)


def _scored(context: Context, name: str, customers: pa.ChunkedArray, value: Floats, as_of: datetime) -> ScoredCycle:
    """Lay the values (n, actions) out as SCORES, without uncertainty."""
    n, moment = value.shape[0], utc(as_of)
    version = content_hash({"policy": name, "sum": float(value.sum()), "as_of": moment.isoformat()})
    parts = []
    for column, action in enumerate(context.actions):
        parts.append(
            pa.table(
                {
                    "customer_id": customers.combine_chunks().cast(pa.string()),
                    "action_id": pa.repeat(pa.scalar(action.id), n),
                    "as_of": pa.repeat(pa.scalar(moment, SCORES.schema.field("as_of").type), n),
                    "as_of_day": pa.repeat(pa.scalar(moment.date().isoformat()), n),
                    "value_mean_money": value[:, column],
                    "value_sd_money": np.zeros(n),
                    "cost_money": np.full(n, action.cost_money),
                    "model_version": pa.repeat(pa.scalar(version), n),
                }
            )
        )
    return ScoredCycle(SCORES.check(pa.concat_tables(parts)), {"model": name, "model_version": version})
