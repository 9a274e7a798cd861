"""Rivals: who else could decide. Each only scores; eligibility, limits, control and costs are the engine's own.

A rival that learns opens as the engine does, chooses from the log of the first cycle, and stays with its choice. One's
own rivals are handed to `alamo.simulation.run.simulate` as a `Contender`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, Protocol, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.errors import UsageError
from alamo.domain.settings import ExplorationSettings, Settings
from alamo.domain.tables import SCORES
from alamo.domain.time import utc
from alamo.engine.context import Context, ScoredCycle, Scorer
from alamo.engine.infer import observations_with_outcome, profiles_as_of
from alamo.engine.predict import uplift_scorer
from alamo.inference.loop_rows import LoopLog
from alamo.numerics.hashing import content_hash
from alamo.simulation.offers import Offers
from alamo.simulation.purchases import Floats
from alamo.simulation.truth import true_profits
from alamo.simulation.world import World

Policy = Literal["engine", "nothing", "blast", "best-offer-per-segment", "uniform", "oracle"]
POLICIES: tuple[str, ...] = get_args(Policy)

LEARNING_CYCLES = 1
_NEVER_MONEY = -1.0
LEAST_FLOOR = 5e-4
"""Keeps every probability of a rival's log away from 0, so that the engine's estimates from it stay finite."""


class Contender(Scorer, Protocol):
    """A policy of one's own: scores every customer and action from what the loop has observed so far.

    Everything else is the engine's: who is eligible, limits and their prices, control, costs, the draw and its log.
    It is asked once per cycle, in order, so it may keep what it has learnt between the calls.
    """

    @property
    def name(self) -> str:
        """Name of the policy in the result."""
        ...

    def settings(self, cycle: int, settings: Settings) -> Settings:
        """Return the settings it decides `cycle` under, given those of the scenario."""
        ...


def name_of(policy: str | Contender) -> str:
    """Return the name of a policy."""
    return policy if isinstance(policy, str) else policy.name


def scorer_of(policy: str | Contender, world: World) -> Scorer | None:
    """Return the scorer of `policy`; None for the engine itself.

    Raises
    ------
    UsageError
        If there is no such policy.
    """
    if not isinstance(policy, str):
        return policy
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


def settings_of(policy: str | Contender, cycle: int, settings: Settings) -> Settings:
    """Return the settings `policy` decides `cycle` under: rivals do not explore once they have chosen.

    An `opening_share` of 0 means that there is no opening: values are followed from the first cycle on.
    """
    if not isinstance(policy, str):
        return policy.settings(cycle, settings)
    if policy == "engine" or (policy in ("blast", "best-offer-per-segment") and cycle <= LEARNING_CYCLES):
        return settings
    floor = {"uniform": 1.0, "nothing": 0.0}.get(policy, LEAST_FLOOR)
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
        return plain_scores(context, self.name, customers, value, as_of)


@dataclass(frozen=True, slots=True)
class _Oracle:
    """Scores by the true profit."""

    world: World

    def __call__(self, context: Context, cycle: int, as_of: datetime) -> ScoredCycle:
        customers = profiles_as_of(context, as_of)["customer_id"]
        value = true_profits(self.world)[self.world.positions(customers.to_pylist())]
        return plain_scores(context, "oracle", customers, value, as_of)


@dataclass(slots=True)
class _BestOffer:
    """Offers what the first cycle's log says is worth more than it costs, and stays with that.

    The single best action to everybody, or to each group of segments its best one.
    """

    name: str
    by_segment: bool
    _offers: Offers | None = None

    def __call__(self, context: Context, cycle: int, as_of: datetime) -> ScoredCycle:
        if cycle <= LEARNING_CYCLES:
            return uplift_scorer(context, cycle, as_of)
        if self._offers is None:
            self._offers = _first_offers(context)
        customers = profiles_as_of(context, as_of)["customer_id"]
        if self.by_segment:
            effects = only_the_best(self._offers.values(_segments(context, customers, as_of)))
        else:
            effects = np.tile(only_the_best(self._offers.everybody), (len(customers), 1))
        value = np.where(effects > 0.0, effects, _NEVER_MONEY - max(float(effects.max(initial=0.0)), 0.0))
        return plain_scores(context, self.name, customers, value, as_of)


def only_the_best(effects: Floats) -> Floats:
    """Return the effects with −∞ for all but the largest of each row, shape (…, n_actions)."""
    best = np.argmax(effects, axis=-1)[..., None]
    return np.where(np.arange(effects.shape[-1]) == best, effects, -np.inf)


def _first_offers(context: Context) -> Offers:
    log = observations_with_outcome(context)
    log = log.filter(pc.less_equal(log["cycle"], LEARNING_CYCLES))
    scores = context.history.query(
        "SELECT * FROM dr_scores WHERE cycle <= $last ORDER BY cycle, decision_id, action_id", {"last": LEARNING_CYCLES}
    )
    return Offers.of(LoopLog.of(scores, log), [action.id for action in context.actions])


def _segments(context: Context, customers: pa.ChunkedArray, as_of: datetime) -> list[str]:
    """Return today's segment of each customer."""
    found = context.history.query(
        "SELECT customer_id, segment FROM segments WHERE as_of_day = $day", {"day": as_of.date().isoformat()}
    )
    named = dict(zip(found["customer_id"].to_pylist(), found["segment"].to_pylist(), strict=True))
    return [named.get(customer, "") for customer in customers.to_pylist()]


def plain_scores(
    context: Context, name: str, customers: pa.ChunkedArray, value: Floats, as_of: datetime
) -> ScoredCycle:
    """Lay the values (n, actions), money net of cost, out as SCORES without uncertainty.

    Raises
    ------
    UsageError
        If a value is no finite number.
    """
    _require_finite(name, value, [action.id for action in context.actions])
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
                    "shared_sd_money": np.zeros(n),
                    "cost_money": np.full(n, action.cost_money),
                    "model_version": pa.repeat(pa.scalar(version), n),
                }
            )
        )
    return ScoredCycle(SCORES.check(pa.concat_tables(parts)), {"model": name, "model_version": version})


def _require_finite(name: str, value: Floats, actions: list[str]) -> None:
    bad = ~np.isfinite(value)
    if bad.any():
        action = actions[int(bad.any(axis=0).argmax())]
        raise UsageError(
            f"policy {name!r} gives {int(bad.sum())} values that are no finite numbers, of {action!r} for one",
            hint="Give the value in money net of cost, and -1 where an action is not to be offered. "
            "See: alamo simulate --help",
            code="simulation.bad_value",
            details={"policy": name, "action": action},
        )
