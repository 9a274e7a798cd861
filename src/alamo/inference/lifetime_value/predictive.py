"""Predictive intervals: how many purchases a customer, and all of them, will make.

Three sources of uncertainty, each counted once: what customers do by chance given the parameters, the parameters, and
for the total the spread of past forecasts around what happened. Parameters are integrated over by the cubature rule of
degree 3: the mean over 2d points at ±√d standard deviations along the axes of their covariance.

Source: Arasaratnam & Haykin (2009), "Cubature Kalman filters", IEEE Transactions on Automatic Control 54(6), section
III (the rule); the laws of the number of purchases are those of the models.

Assumes the model: where customers do not buy as it says, intervals of single customers are too narrow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from alamo.inference.lifetime_value.purchase_fit import PurchaseFit
from alamo.inference.lifetime_value.purchase_model import PurchaseModel

Floats = npt.NDArray[np.float64]

_MOST_DEVIATION = 1.0  # of a log parameter: near a limit the normal approximation says no more than "unknown"
_SAMPLE = 2_000  # distinct customers that stand for all where only a total is wanted
_MANY = 10_000  # customers: the parameters' part in the variance of one customer's number is then below 1 %
_NEGLIGIBLE = 1e-6


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
    Recalibration acts as a longer or shorter horizon.
    """
    x, t_x, t = fit.x, fit.t_x, fit.t
    models, tail = list(_spread(fit)), (1.0 - level) / 2.0
    alive = [model.p_alive(x, t_x, t) for model in models]
    horizon = fit.level * horizon_days / fit.unit_days
    lower, upper, count = np.zeros(len(x)), np.zeros(len(x)), 1
    active = np.flatnonzero(np.mean(alive, axis=0) > tail)
    while len(active):
        parts = [
            stays[active] * model.p_at_least_if_alive(count, horizon, x[active], t_x[active], t[active])
            for model, stays in zip(models, alive, strict=True)
        ]
        p = np.mean(parts, axis=0)
        lower[active] += p > 1.0 - tail
        upper[active] += p > tail
        count, active = count + 1, active[p > tail]
    return np.floor(lower * fit.days_per_count)[fit.place], np.ceil(upper * fit.days_per_count)[fit.place]


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
    x, t_x, t = fit.x, fit.t_x, fit.t
    weight = np.bincount(fit.place, minlength=len(x)).astype(np.float64)
    step = max(1, len(x) // _SAMPLE)
    chosen = slice(step // 2, None, step)
    x, t_x, t, weight = x[chosen], t_x[chosen], t[chosen], weight[chosen] * (weight.sum() / weight[chosen].sum())
    horizon, scale = fit.level * horizon_days / fit.unit_days, fit.days_per_count

    def total(model: PurchaseModel) -> float:
        return float(weight @ model.expected_purchases(horizon, x, t_x, t))

    sides = [total(model) for model in _moved(fit, 1.0)]
    parameters = sum(((up - down) / 2.0) ** 2 for up, down in zip(sides[::2], sides[1::2], strict=True))
    by_chance = float(weight @ _variance(fit.model, horizon, x, t_x, t))
    sd = float(np.sqrt(scale**2 * (by_chance + parameters) + (level_sd * mean) ** 2))
    half = float(norm.ppf(0.5 + level / 2.0)) * sd
    return Total(horizon_days, mean, max(0.0, mean - half), mean + half, level)


def _variance(model: PurchaseModel, horizon: float, x: Floats, t_x: Floats, t: Floats) -> Floats:
    """Return the variance of the number of purchases given the parameters: E X² = Σ (2i − 1) P(X ≥ i)."""
    alive = model.p_alive(x, t_x, t)
    first, second, active, count = np.zeros(len(x)), np.zeros(len(x)), np.arange(len(x)), 1
    while len(active):
        p = alive[active] * model.p_at_least_if_alive(count, horizon, x[active], t_x[active], t[active])
        first[active] += p
        second[active] += (2 * count - 1) * p
        count, active = count + 1, active[p > _NEGLIGIBLE]
    return second - first**2


def _spread(fit: PurchaseFit) -> Iterator[PurchaseModel]:
    """Models at the cubature points of the parameters; the model itself where their spread no longer shows."""
    deviations = len(fit.fit.deviations)
    if not deviations or fit.fit.n_customers > _MANY:
        yield fit.model
        return
    yield from _moved(fit, float(np.sqrt(deviations)))


def _moved(fit: PurchaseFit, factor: float) -> Iterator[PurchaseModel]:
    """Models at plus and minus `factor` standard deviations along each axis of the covariance."""
    theta = fit.model.theta
    for column in fit.fit.deviations:
        step = factor * np.asarray(column)
        step *= min(1.0, _MOST_DEVIATION / max(float(np.abs(step).max()), 1e-300))
        yield fit.model.moved(theta + step)
        yield fit.model.moved(theta - step)
