"""Predictive intervals: how many purchases a customer, and all of them, will make.

Three sources of uncertainty, each counted once: what customers do by chance given the parameters, the parameters, and
for the total the spread of past forecasts around what happened. Parameters are integrated over by the cubature rule of
degree 3: the mean over 2d points at ±√d standard deviations along the axes of their covariance.

Source: Arasaratnam & Haykin (2009), "Cubature Kalman filters", IEEE Transactions on Automatic Control 54(6), section
III (the rule); the laws of the number of purchases are those of the models.

A parameter that is not identified stands at its limit and is not integrated over: such intervals take the limit as
known, and whoever shows them says so.

Assumes the model: where customers do not buy as it says, intervals of single customers are too narrow.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from alamo.inference.lifetime_value.future_counts import first_tail, step_after
from alamo.inference.lifetime_value.purchase_fit import PurchaseFit
from alamo.inference.lifetime_value.purchase_model import PurchaseModel
from alamo.numerics.normal import z_value

Floats = npt.NDArray[np.float64]

_MOST_DEVIATION = 1.0  # of a log parameter: near a limit the normal approximation says no more than "unknown"
_SAMPLE = 4_000  # customers that stand for all where only a total is wanted
_PRECISE = 0.02  # largest deviation of a log parameter that no longer shows beside chance: it moves means by 2 %
_LONGEST = 1_024.0  # times the horizon, beyond which no recalibrated one is sought
_NEGLIGIBLE = 1e-6
_ROWS = 1 << 15  # distinct customers whose laws are held at once


@dataclass(frozen=True, slots=True)
class Total:
    """Purchases of all customers in the horizon.

    Attributes
    ----------
    lower, upper
        Of the interval at `level`.
    """

    horizon_days: float
    mean: float
    lower: float
    upper: float
    level: float

    def to_dict(self) -> dict[str, float]:
        """Return the total as it stands in ``--json``."""
        return {name: getattr(self, name) for name in self.__slots__}


def purchase_intervals(fit: PurchaseFit, horizon_days: float, level: float) -> tuple[Floats, Floats]:
    """Return the lower and upper end of each customer's number of purchases in the horizon, shape (n,) each.

    Equal-tailed: the number is below the lower end, or above the upper, with probability at most (1 − level)/2 each.
    Recalibration acts as the longer or shorter horizon in which all customers together are expected to make as many
    purchases as recalibrated.
    """
    models, horizon = tuple(_spread(fit)), _recalibrated_horizon(fit, horizon_days / fit.unit_days)
    lower, upper = np.empty(len(fit.x)), np.empty(len(fit.x))
    for low in range(0, len(fit.x), _ROWS):
        rows = slice(low, low + _ROWS)
        customers = (fit.x[rows], fit.t_x[rows], fit.t[rows])
        lower[rows], upper[rows] = _ends(models, horizon, customers, (1.0 - level) / 2.0)
    return np.floor(lower * fit.days_per_count)[fit.place], np.ceil(upper * fit.days_per_count)[fit.place]


def _ends(
    models: Sequence[PurchaseModel], horizon: float, customers: tuple[Floats, Floats, Floats], tail: float
) -> tuple[Floats, Floats]:
    """Return the largest counts reached with probability above 1 − tail, and above tail, shape (n,) each."""
    alive = [model.p_alive(*customers) for model in models]
    tails = [first_tail(model, horizon, customers, tail) for model in models]
    before = np.mean(alive, axis=0)
    lower, upper, count, step = np.zeros(len(before)), np.zeros(len(before)), 1, 1
    active = np.flatnonzero(before > tail)
    while len(active):
        p = np.mean([a[active] * law.p_at_least(active) for a, law in zip(alive, tails, strict=True)], axis=0)
        lower[active] += _passed(before[active], p, 1.0 - tail, step)
        upper[active] += _passed(before[active], p, tail, step)
        before[active] = p
        active, step = active[p > tail], step_after(count)
        tails, count = [law.moved(step, active) for law in tails], count + step
    return lower, upper


def _passed(before: Floats, p: Floats, tail: float, step: int) -> Floats:
    """Return how many of the last `step` counts are reached with probability above `tail`, by interpolation."""
    share = np.clip((before - tail) / np.maximum(before - p, 1e-300), 0.0, 1.0)
    return np.where(p > tail, step, 0.0 if step == 1 else np.floor(step * share))


def total_interval(fit: PurchaseFit, horizon_days: float, level: float, level_sd: float = 0.0) -> Total:
    """Return the expected number of purchases of all customers, and its interval.

    Parameters
    ----------
    level
        Of the interval.
    level_sd
        Standard deviation of log(actual/predicted) of past forecasts, 0 if there are none.
    """
    mean = float(fit.expected_purchases(horizon_days).sum())
    *customers, weight = _sampled(fit)
    horizon, scale = _recalibrated_horizon(fit, horizon_days / fit.unit_days), fit.days_per_count

    def total(model: PurchaseModel) -> float:
        return float(weight @ model.expected_purchases(horizon, *customers))

    sides = [total(model) for model in _moved(fit, 1.0)]
    parameters = sum(((up - down) / 2.0) ** 2 for up, down in zip(sides[::2], sides[1::2], strict=True))
    by_chance = float(weight @ _variance(fit.model, horizon, *customers))
    sd = float(np.sqrt(scale**2 * (by_chance + parameters) + (level_sd * mean) ** 2))
    half = z_value(level) * sd
    return Total(horizon_days, mean, max(0.0, mean - half), mean + half, level)


def _sampled(fit: PurchaseFit) -> tuple[Floats, Floats, Floats, Floats]:
    """Return x, t_x, T of a systematic sample of customers, and how many each stands for, shape (m,) each.

    Few distinct customers are all returned.
    """
    weight = np.bincount(fit.place, minlength=len(fit.x)).astype(np.float64)
    if len(weight) <= _SAMPLE:
        return fit.x, fit.t_x, fit.t, weight
    upto = np.cumsum(weight)
    points = (np.arange(_SAMPLE) + 0.5) / _SAMPLE * upto[-1]
    cell, times = np.unique(np.searchsorted(upto, points), return_counts=True)
    return fit.x[cell], fit.t_x[cell], fit.t[cell], times * (upto[-1] / _SAMPLE)


def _recalibrated_horizon(fit: PurchaseFit, horizon: float) -> float:
    """Return h′ such that all customers are expected to make level · E(horizon) purchases within h′.

    Where no horizon holds that many, because customers leave, the level itself lengthens the horizon.
    """
    if fit.level == 1.0:
        return horizon
    *customers, weight = _sampled(fit)

    def expected(within: float) -> float:
        return float(weight @ fit.model.expected_purchases(within, *customers))

    wanted, high = fit.level * expected(horizon), horizon
    while expected(high) < wanted:
        high *= 2.0
        if high > _LONGEST * horizon:
            return fit.level * horizon
    return float(brentq(lambda within: expected(within) - wanted, 0.0, high, rtol=1e-6, xtol=1e-9 * horizon))


def _variance(model: PurchaseModel, horizon: float, x: Floats, t_x: Floats, t: Floats) -> Floats:
    """Return the variance of the number of purchases given the parameters: E X² = Σ (2i − 1) P(X ≥ i)."""
    alive, tail = model.p_alive(x, t_x, t), first_tail(model, horizon, (x, t_x, t))
    first, second, active = np.zeros(len(x)), np.zeros(len(x)), np.arange(len(x))
    before, count, step = alive.copy(), 1, 1
    while len(active):
        p = alive[active] * tail.p_at_least(active)
        middle = p if step == 1 else (before[active] + p) / 2.0
        first[active] += step * middle
        second[active] += (count**2 - (count - step) ** 2) * middle
        before[active] = p
        active, step = active[p > _NEGLIGIBLE], step_after(count)
        tail, count = tail.moved(step, active), count + step
    return second - first**2


def _spread(fit: PurchaseFit) -> Iterator[PurchaseModel]:
    """Models at the cubature points of the parameters; the model itself where their spread no longer shows."""
    steps = fit.fit.deviations
    if max((abs(step) for column in steps for step in column), default=0.0) <= _PRECISE:
        yield fit.model
        return
    yield from _moved(fit, float(np.sqrt(len(steps))))


def _moved(fit: PurchaseFit, factor: float) -> Iterator[PurchaseModel]:
    """Models at plus and minus `factor` standard deviations along each axis of the covariance."""
    theta = fit.model.theta
    for column in fit.fit.deviations:
        step = factor * np.asarray(column)
        step *= min(1.0, _MOST_DEVIATION / max(float(np.abs(step).max()), 1e-300))
        yield fit.model.moved(theta + step)
        yield fit.model.moved(theta - step)
