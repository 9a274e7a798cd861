"""The true long-run effect of an action: what one draw of it changes in the longer outcome under the policy that ran.

For each decision the market is played on from its cycle under the action and under none, everything else being equal
(`alamo.simulation.counterfactual`), and the longer outcome is taken as the engine defines it. Where the policy looks at
more than what is open to a customer, playing it from its log is an approximation. What it misses is added by the log
itself: with m the outcome played and L the outcome seen,

    effect = m(a) − m(none) + 1{A = a}(L − m(a))/e(a) − 1{A = none}(L − m(none))/e(none),

which is unbiased whatever m is, because the propensities e are known; where m is exact the rest is zero. So the truth
has a standard error of its own, next to nothing where the policy can be read off its log.

Source: Robins, Rotnitzky & Zhao (1994) for the form; the random numbers that the worlds share play the part of the
covariates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from alamo.domain.ports import ContinuationValue
from alamo.inference.permission_price import PermissionPrices
from alamo.simulation.counterfactual import CycleRecord, Replay, Stretch
from alamo.simulation.decision_log import NOBODY, DecisionLog
from alamo.simulation.purchases import Floats
from alamo.simulation.response import UNTREATED
from alamo.simulation.world import World

_YEAR_DAYS = 365.0
_LEAST_CHANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Terms:
    """How the engine values what it sees.

    Attributes
    ----------
    value
        Value model frozen before a cycle.
    price
        Prices of lost permissions frozen before a cycle, None where there are none.
    """

    value: Callable[[int], ContinuationValue]
    price: Callable[[int], PermissionPrices | None]


@dataclass(frozen=True, slots=True)
class LongTruth:
    """True effects on the longer outcome; t cycles, k actions.

    Attributes
    ----------
    effect
        Mean over the decisions of all cycles at which the action had a chance, shape (k,).
    se
        Standard error that is left in it, shape (k,).
    by_cycle
        Mean over each cycle's decisions, NaN without any, shape (t, k).
    decisions
        How many, shape (t, k).
    """

    effect: Floats
    se: Floats
    by_cycle: Floats
    decisions: Floats


def long_effects(world: World, records: Sequence[CycleRecord], terms: Terms) -> LongTruth:
    """Return the true effect of every action on the longer outcome (``long_days`` of the scenario).

    Parameters
    ----------
    world
        The market, which does not move.
    records
        Every cycle that was decided. Long windows that reach beyond them go on under the last policy.
    terms
        How the engine values what it sees.
    """
    scenario, replay = world.scenario, Replay(world, records)
    cycles = -(-scenario.outcome.long_days // scenario.cycle_days)
    n, k = len(world.population), len(scenario.actions)
    sums, decisions = np.zeros((len(records), k)), np.zeros((len(records), k))
    left = np.zeros((n, k))
    for row, record in enumerate(records):
        judge = _Judge(world, record.cycle, terms)
        seen = judge.outcome(replay.follow(record.cycle, cycles))
        arms = [np.full(n, arm) for arm in (UNTREATED, *range(k))]
        played = [judge.outcome(replay.follow(record.cycle, cycles, arm)) for arm in arms]
        for action in range(k):
            mask = _measurable(record.log, action)
            effect, rest = _scores(record.log, action, (seen, played[0], played[action + 1]))
            sums[row, action] = float((effect + rest)[mask].sum())
            decisions[row, action] = float(mask.sum())
            np.add.at(left[:, action], record.log.position[mask], rest[mask])
    total = np.maximum(decisions.sum(axis=0), 1.0)
    by_cycle = np.divide(sums, decisions, out=np.full_like(sums, np.nan), where=decisions > 0)
    return LongTruth(sums.sum(axis=0) / total, np.sqrt((left**2).sum(axis=0)) / total, by_cycle, decisions)


def _measurable(log: DecisionLog, action: int) -> np.ndarray:
    """Say which decisions enter an action's effect: both it and none had a chance."""
    return np.asarray(log.measurable[:, action] & (1.0 - log.p.sum(axis=1) > _LEAST_CHANCE))


def _scores(log: DecisionLog, action: int, outcomes: tuple[Floats, Floats, Floats]) -> tuple[Floats, Floats]:
    """Return the effect played and what the log adds to it, shape (m,) each; outcomes: seen, under none, under it."""
    seen, none, under = (part[log.position] for part in outcomes)
    p_none = np.maximum(1.0 - log.p.sum(axis=1), _LEAST_CHANCE)
    p_action = np.maximum(log.p[:, action], _LEAST_CHANCE)
    rest = np.where(log.drawn == action, (seen - under) / p_action, 0.0)
    rest -= np.where(log.drawn == NOBODY, (seen - none) / p_none, 0.0)
    return under - none, rest


@dataclass(frozen=True, slots=True)
class _Judge:
    """Values what became of everybody from one cycle on, as the engine would."""

    world: World
    cycle: int
    terms: Terms

    def outcome(self, stretch: Stretch) -> Floats:
        """Return the longer outcome of a decision in the first cycle, money, shape (n,)."""
        scenario = self.world.scenario
        start = (self.cycle - 1) * scenario.cycle_days
        short, end = start + scenario.window_days, start + scenario.outcome.long_days
        starts = start + scenario.cycle_days * np.arange(len(stretch.treated))
        n = len(self.world.population)
        margin, cost = np.zeros(n), np.zeros(n)
        costs = np.array([action.cost for action in scenario.actions] + [0.0])  # UNTREATED is the last place
        for first_day, bought, treated in zip(starts, stretch.purchases, stretch.treated, strict=True):
            inside = bought.where(bought.day < end)
            paid = inside.money * self._discount(np.asarray(inside.day + 0.5 - short, dtype=np.float64))
            margin += scenario.margin.rate * np.bincount(inside.customer, weights=paid, minlength=n)
            cost += costs[treated] if first_day < end else 0.0
        discount = float(self._discount(np.full(1, float(end - short)))[0])
        return margin + discount * self._future(stretch, end, end - short) - cost

    def _future(self, stretch: Stretch, end: int, elapsed: int) -> Floats:
        """Return what is left of the residual value at `end`, less the price of a permission lost until then."""
        scenario = self.world.scenario
        days = max(scenario.outcome.residual_horizon_days - elapsed, 0)
        last = stretch.purchases[-1]
        books = stretch.states[-2].ledger.after(last.where(last.day < end))
        value = np.zeros(len(books.total))
        if days:
            value = value + self.terms.value(self.cycle).over(days).residual_value_money(*books.statistics(end))
        price = self.terms.price(self.cycle)
        if price is not None and days:
            lost = np.any(stretch.lost, axis=0)
            for gone in np.unique(lost, axis=0):
                names = [channel for channel, its in zip(scenario.channels, gone, strict=True) if its]
                value = value - price.charge_money(names, days) * (lost == gone).all(axis=1)
        return value

    def _discount(self, days: Floats) -> Floats:
        rate = self.world.scenario.outcome.discount_rate_per_year / _YEAR_DAYS
        return np.asarray(np.exp(-rate * np.maximum(days, 0.0)))
