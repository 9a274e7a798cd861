"""BG/NBD: how often customers buy while they stay, and after which purchase they leave.

Purchases of a customer who stays are Poisson with rate λ ~ Gamma(r, alpha); after each repeat purchase the customer
leaves with probability p ~ Beta(a, b).

Source: Fader, Hardie & Lee (2005), "Counting your customers the easy way: an alternative to the Pareto/NBD model",
Marketing Science 24(2), 275–284.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import betainc, expit

from alamo.inference.lifetime_value.bg_nbd_likelihood import departure_log_odds, negative_log_likelihood
from alamo.inference.lifetime_value.cells import Cells
from alamo.inference.lifetime_value.count_law import CountLaw
from alamo.inference.lifetime_value.dropout_nodes import dropout_nodes
from alamo.inference.lifetime_value.maximum_likelihood import (
    FAR,
    NEAR,
    Face,
    Fitted,
    MaximumLikelihood,
    fitted,
    maximise,
)
from alamo.inference.lifetime_value.starting import mean_age, starting_values

Floats = npt.NDArray[np.float64]

_ROWS = 2_048  # customers whose node matrix is held at once

RATE_BLOCKS = (
    Face.interior(2),
    Face(
        meaning="all customers buy at the same rate",
        lost=("r", "alpha"),
        offset=np.array([FAR, FAR]),
        directions=np.array([[0.0], [-1.0]]),
        seed=np.array([[1.0, -1.0]]),
    ),
)
DROPOUT_BLOCKS = (
    Face.interior(2),
    Face(
        meaning="all customers leave with the same probability after a purchase",
        lost=("a", "b"),
        offset=np.array([FAR, FAR]),
        directions=np.array([[1.0], [0.0]]),
        seed=np.array([[1.0, -1.0]]),
    ),
    Face(
        meaning="every customer leaves after the first repeat purchase or never",
        lost=("a", "b"),
        offset=np.array([NEAR, NEAR]),
        directions=np.array([[1.0], [0.0]]),
        seed=np.array([[1.0, -1.0]]),
    ),
    Face(
        meaning="no customer ever leaves",
        lost=("a", "b"),
        offset=np.array([NEAR, 0.0]),
        directions=np.zeros((2, 0)),
        seed=np.zeros((0, 2)),
    ),
)


@dataclass(frozen=True, slots=True)
class BgNbd:
    """A BG/NBD model with known parameters; times are in the unit of `alpha`."""

    r: float
    alpha: float
    a: float
    b: float

    @property
    def theta(self) -> Floats:
        """Logarithms of (r, alpha, a, b), shape (4,)."""
        return np.log([self.r, self.alpha, self.a, self.b])

    def moved(self, theta: Floats) -> BgNbd:
        """Return the model at other parameters, given as logarithms, shape (4,)."""
        return BgNbd(*(float(value) for value in np.exp(theta)))

    def p_alive(self, x: Floats, t_x: Floats, t: Floats) -> Floats:
        """Return the probability that a customer has not left, shape (n,); 1 without a repeat purchase.

        Parameters
        ----------
        x, t_x, t
            Repeat purchases, time of the last one, age; shape (n,).

        Source: Fader & Hardie (2008), "Computing P(alive) using the BG/NBD model", from eq. (6) of the article.
        """
        odds = departure_log_odds(self.theta, np.maximum(x, 1.0), t_x, t)
        return np.where(x > 0, expit(-odds), 1.0)

    def expected_purchases(self, horizon: float, x: Floats, t_x: Floats, t: Floats) -> Floats:
        """Return E[purchases in (T, T + horizon] | x, t_x, T], shape (n,).

        Source: equal to eq. (10) of the article, see `purchases_while_alive`.
        """
        return self.p_alive(x, t_x, t) * self.purchases_while_alive([horizon], [1.0], x, t)

    def purchases_while_alive(self, horizons: npt.ArrayLike, weights: npt.ArrayLike, x: Floats, t: Floats) -> Floats:
        """Return Σ_h weight_h · E[purchases in (T, T + horizon_h] | x, T, alive at T], shape (n,).

        For known λ and p the expectation is (1 − exp(−λ p h))/p; the posterior of a customer alive at T is
        λ ~ Gamma(r + x, alpha + T) and p ~ Beta(a, b + x), which gives, with k = r + x,

            E_p[(1 − (1 + p h/(alpha + T))^(−k)) / p].

        The closed form of eq. (10) is this integral; it has a removable singularity at a = 1, the integral has none.

        Parameters
        ----------
        horizons, weights
            Shape (q,): several horizons at once, such as discounted quarters.
        x, t
            Repeat purchases and age, shape (n,); equal customers are computed once.
        """
        steps = np.atleast_1d(np.asarray(horizons, dtype=np.float64))
        factors = np.atleast_1d(np.asarray(weights, dtype=np.float64))
        order = np.lexsort((t, x))
        x_sorted, t_sorted = x[order], t[order]
        first = np.ones(len(order), dtype=np.bool_)
        first[1:] = (np.diff(x_sorted) != 0) | (np.diff(t_sorted) != 0)
        x_pair, t_pair = x_sorted[first], t_sorted[first]
        values = np.empty(len(x_pair))
        bounds = np.flatnonzero(np.diff(x_pair, prepend=np.nan, append=np.nan) != 0)
        for start, stop in itertools.pairwise(bounds):
            for low in range(start, stop, _ROWS):
                rows = slice(low, min(low + _ROWS, stop))
                values[rows] = self._of_equal_frequency(steps, factors, float(x_pair[start]), t_pair[rows])
        out = np.empty(len(order))
        out[order] = values[np.cumsum(first) - 1]
        return out

    def p_at_least_if_alive(self, count: int, horizon: float, x: Floats, t_x: Floats, t: Floats) -> Floats:
        """Return P(purchases in (T, T + horizon] ≥ count | x, t_x, T, alive at T) for count ≥ 1, shape (n,).

        The count-th purchase needs as many arrivals of a negative binomial, and that the customer stayed after the
        count − 1 purchases before it.
        """
        stayed = np.ones(len(x))
        for i in range(count - 1):
            stayed *= (self.b + x + i) / (self.a + self.b + x + i)
        arrivals = betainc(count, self.r + x, horizon / (self.alpha + t + horizon))
        return stayed * arrivals

    def count_law(self, horizon: float, x: Floats, t: Floats) -> CountLaw:
        """Return the law behind `p_at_least_if_alive`, which depends on x and T alone; shape (n,) each."""
        p_next = horizon / (self.alpha + t + horizon)
        return CountLaw(self.r + x, np.ones((1, len(x))), p_next[None, :], self.a, self.b + x)

    def _of_equal_frequency(self, horizons: Floats, weights: Floats, x: float, t: Floats) -> Floats:
        """`purchases_while_alive` of customers that share x; t has shape (n,)."""
        k, (p, weight) = self.r + x, dropout_nodes(self.a, self.b + x)
        at_zero, inner, inner_weight = (
            float(weight[p == 0.0].sum()),
            p[p > 0.0],
            (weight / np.maximum(p, 1e-300))[p > 0.0],
        )
        total = np.zeros(len(t))
        for horizon, factor in zip(horizons, weights, strict=True):
            relative = horizon / (self.alpha + t)
            survival = np.log1p(np.multiply.outer(relative, inner))
            survival *= -k
            np.expm1(survival, out=survival)
            total += factor * (k * relative * at_zero - survival @ inner_weight)
        return total


def fit_bg_nbd(cells: Cells) -> Fitted[BgNbd]:
    """Fit BG/NBD by maximum likelihood.

    Parameters
    ----------
    cells
        Customers, of whom at least one came back and at least one has age T > 0.
    """
    start = starting_values(negative_log_likelihood, cells, _plain_start)

    def objective(theta: Floats) -> tuple[float, Floats, Floats]:
        return negative_log_likelihood(theta, cells)

    fit = maximise(objective, start, cells.n_customers)
    faces = suspects(fit)
    if faces:
        fit = maximise(objective, mean_dropout_inside(fit.theta), cells.n_customers, faces)
    model = BgNbd(*(float(value) for value in np.exp(fit.theta)))
    return fitted(model, ("r", "alpha", "a", "b"), fit, round(cells.n_customers))


def _plain_start(cells: Cells) -> Floats:
    return np.log([0.5, 0.5 * mean_age(cells), 0.8, 2.0])


def mean_dropout_inside(theta: Floats) -> Floats:
    """Return log (r, alpha, a, b) with a moved so that a/(a+b) is between 2 % and 98 %.

    At 0 or 1 every direction is flat: no place to start from.
    """
    out = theta.copy()
    out[2] = np.clip(theta[2], theta[3] - 4.0, theta[3] + 4.0)
    return out


def suspects(fit: MaximumLikelihood) -> tuple[tuple[Face, ...], ...]:
    """Return the blocks of faces of log (r, alpha, a, b) that a fit may have run towards; empty if well inside."""
    r, _, a, b = np.exp(np.clip(fit.theta, -FAR, FAR))
    rate = not fit.converged or r > 30.0
    dropout = not fit.converged or a + b > 60.0 or min(a, b) < 0.02
    if not (rate or dropout):
        return ()
    return (RATE_BLOCKS if rate else RATE_BLOCKS[:1], DROPOUT_BLOCKS if dropout else DROPOUT_BLOCKS[:1])
