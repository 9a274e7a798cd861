"""Pareto/NBD: how often customers buy while they stay, and how long they stay.

Purchases of a customer who stays are Poisson with rate λ ~ Gamma(r, alpha); the time until the customer leaves is
exponential with rate μ ~ Gamma(s, beta), whether or not there are purchases.

Source: Schmittlein, Morrison & Colombo (1987), "Counting your customers: who are they and what will they do next?",
Management Science 33(1), 1–24.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import betainc, expit, exprel

from alamo.inference.lifetime_value import bg_cnbd_likelihood
from alamo.inference.lifetime_value.bg_cnbd import BgCnbd
from alamo.inference.lifetime_value.bg_nbd import RATE_BLOCKS
from alamo.inference.lifetime_value.cells import Cells
from alamo.inference.lifetime_value.count_law import CountLaw
from alamo.inference.lifetime_value.maximum_likelihood import (
    FAR,
    NEAR,
    Face,
    Fitted,
    MaximumLikelihood,
    best_of,
    fitted,
    maximise,
)
from alamo.inference.lifetime_value.pareto_nbd_likelihood import departure_log_odds, negative_log_likelihood
from alamo.inference.lifetime_value.starting import mean_age, starting_values

Floats = npt.NDArray[np.float64]

_NAMES = ("r", "alpha", "s", "beta")
_STAY_NODES = 10  # for the time a customer stays within the horizon

_LIFE_BLOCKS = (
    Face.interior(2),
    Face(
        meaning="all customers leave at the same rate",
        lost=("s", "beta"),
        offset=np.array([FAR, FAR]),
        directions=np.array([[0.0], [-1.0]]),
        seed=np.array([[1.0, -1.0]]),
    ),
    Face(
        meaning="no customer ever leaves",
        lost=("s", "beta"),
        offset=np.array([NEAR, 0.0]),
        directions=np.zeros((2, 0)),
        seed=np.zeros((0, 2)),
    ),
)


@dataclass(frozen=True, slots=True)
class ParetoNbd:
    """A Pareto/NBD model with known parameters; times are in the unit of `alpha` and `beta`."""

    r: float
    alpha: float
    s: float
    beta: float

    @property
    def theta(self) -> Floats:
        """Logarithms of (r, alpha, s, beta), shape (4,)."""
        return np.log([self.r, self.alpha, self.s, self.beta])

    def moved(self, theta: Floats) -> ParetoNbd:
        """Return the model at other parameters, given as logarithms, shape (4,)."""
        return ParetoNbd(*(float(value) for value in np.exp(theta)))

    def p_alive(self, x: Floats, t_x: Floats, t: Floats) -> Floats:
        """Return the probability that a customer has not left, shape (n,); below 1 without a repeat purchase too.

        Parameters
        ----------
        x, t_x, t
            Repeat purchases, time of the last one, age; shape (n,).
        """
        return expit(-departure_log_odds(self.theta, x, t_x, t))

    def expected_purchases(self, horizon: float, x: Floats, t_x: Floats, t: Floats) -> Floats:
        """Return E[purchases in (T, T + horizon] | x, t_x, T], shape (n,).

        Source: Schmittlein, Morrison & Colombo (1987).
        """
        return self.p_alive(x, t_x, t) * self.purchases_while_alive([horizon], [1.0], x, t)

    def purchases_while_alive(self, horizons: npt.ArrayLike, weights: npt.ArrayLike, x: Floats, t: Floats) -> Floats:
        """Return Σ_h weight_h · E[purchases in (T, T + horizon_h] | x, T, alive at T], shape (n,).

        With ℓ = log(1 + h/(beta + T)) a customer is expected to stay (beta + T)(e^((1−s)ℓ) − 1)/(1 − s) within h, a
        form without a singularity at s = 1.

        Parameters
        ----------
        horizons, weights
            Shape (q,): several horizons at once, such as discounted quarters.
        x, t
            Repeat purchases and age, shape (n,).
        """
        stay, life = np.zeros(len(t)), self.beta + t
        for horizon, weight in zip(np.atleast_1d(horizons), np.atleast_1d(weights), strict=True):
            log_ratio = np.log1p(horizon / life)
            stay += weight * life * log_ratio * exprel((1.0 - self.s) * log_ratio)
        return (self.r + x) / (self.alpha + t) * stay

    def p_at_least_if_alive(self, count: int, horizon: float, x: Floats, t_x: Floats, t: Floats) -> Floats:
        """Return P(purchases in (T, T + horizon] ≥ count | x, t_x, T, alive at T) for count ≥ 1, shape (n,).

        Given how long a customer stays, purchases are negative binomial; the time of leaving is integrated over in
        its own probability, by Gauss–Legendre nodes.
        """
        k, rate, out = self.r + x, self.alpha + t, np.zeros(len(t))
        for stay, weight in zip(*self._stays(horizon, t), strict=True):
            out += weight * betainc(count, k, stay / (rate + stay))
        return out

    def count_law(self, horizon: float, x: Floats, t: Floats) -> CountLaw:
        """Return the law behind `p_at_least_if_alive`, which depends on x and T alone; shape (n,) each."""
        stay, weight = self._stays(horizon, t)
        return CountLaw(self.r + x, weight, stay / (self.alpha + t + stay), 0.0, np.ones(len(x)))

    def _stays(self, horizon: float, t: Floats) -> tuple[Floats, Floats]:
        """Return spans of time a customer alive at T may stay, and their probabilities, shape (m, n) each."""
        life = self.beta + t
        log_stays = -self.s * np.log1p(horizon / life)  # P(stays throughout)
        place, share = np.polynomial.legendre.leggauss(_STAY_NODES)
        leaves = -np.expm1(log_stays)
        z = (place[:, None] + 1.0) / 2.0
        stay = np.minimum(life * np.expm1(-np.log1p(-z * leaves) / self.s), horizon)
        weight = np.concatenate([np.exp(log_stays)[None, :], share[:, None] / 2.0 * leaves])
        return np.concatenate([np.full((1, len(t)), horizon), stay]), weight


def fit_pareto_nbd(cells: Cells) -> Fitted[ParetoNbd] | Fitted[BgCnbd]:
    """Fit Pareto/NBD by maximum likelihood.

    Where the likelihood is highest as s and beta run to zero together, customers leave at once or never: that limit is
    also one of MBG/NBD, whose form can be written down there, so the fit holds an MBG/NBD model.

    Parameters
    ----------
    cells
        Customers, of whom at least one came back and at least one has age T > 0.
    """

    def objective(theta: Floats) -> tuple[float, Floats, Floats]:
        return negative_log_likelihood(theta, cells)

    fit = maximise(objective, starting_values(negative_log_likelihood, cells, _plain_start), cells.n_customers)
    r, _, s, beta = np.exp(np.clip(fit.theta, -FAR, FAR)) / (1.0, 1.0, 1.0, mean_age(cells))
    rate = not fit.converged or r > 30.0
    life = not fit.converged or max(s, beta) > 30.0 or s < 0.05 or beta < 0.01
    if rate or life:
        suspects = (RATE_BLOCKS if rate else RATE_BLOCKS[:1], _LIFE_BLOCKS if life else _LIFE_BLOCKS[:1])
        tries = [maximise(objective, start, cells.n_customers, suspects) for start in _starts(fit.theta, cells)]
        fit = best_of([fit, *tries], cells.n_customers)
        at_once = _at_once_or_never(cells, suspects[0]) if life else fit
        if best_of([fit, at_once], cells.n_customers) is at_once is not fit:
            limit = BgCnbd(1.0, 1.0, 1.0, 1.0, leaves_at_once=True).moved(at_once.theta)
            return fitted(limit, _NAMES, at_once, round(cells.n_customers))
    model = ParetoNbd(*(float(value) for value in np.exp(fit.theta)))
    return fitted(model, _NAMES, fit, round(cells.n_customers))


def _plain_start(cells: Cells) -> Floats:
    scale = 0.4 * mean_age(cells)
    return np.log([0.6, scale, 0.6, scale])


def _starts(theta: Floats, cells: Cells) -> tuple[Floats, Floats]:
    """Return log parameters to start again from: the fit, moved to where nothing is flat, and early departures."""
    start = _plain_start(cells)
    return np.clip(theta, start - 4.0, start + 4.0), start - (0.0, 0.0, 2.0, 6.0)


def _at_once_or_never(cells: Cells, rates: Sequence[Face]) -> MaximumLikelihood:
    """Fit the limit s, beta → 0, as that of MBG/NBD; the face is named after the parameters of Pareto/NBD."""

    def objective(theta: Floats) -> tuple[float, Floats, Floats]:
        return bg_cnbd_likelihood.negative_log_likelihood(theta, cells, bg_cnbd_likelihood.Kind(1, leaves_at_once=True))

    face = Face(
        meaning="every customer leaves right after the first purchase or never",
        lost=("s", "beta"),
        offset=np.array([NEAR, NEAR]),
        directions=np.array([[1.0], [0.0]]),
        seed=np.array([[1.0, -1.0]]),
    )
    return maximise(objective, np.append(_plain_start(cells)[:2], [0.0, 1.0]), cells.n_customers, (rates, (face,)))
