"""Gamma-Gamma: what a customer spends per purchase, shrunk towards everybody by how often it was seen.

The amounts of a customer are Gamma(p, ν) with ν ~ Gamma(q, v), independent of how often the customer buys.

Source: Fader & Hardie (2013), "The gamma-gamma model of monetary value", eq. (1a) and (5);
Fader, Hardie & Lee (2005), "RFM and CLV: using iso-value curves", Journal of Marketing Research 42(4).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import betaln, polygamma, psi

from alamo.inference.lifetime_value.maximum_likelihood import FAR, Face, Fitted, fitted, maximise

Floats = npt.NDArray[np.float64]

_FACES = (
    Face.interior(3),
    Face(
        meaning="all customers spend the same on average",
        lost=("q", "v"),
        offset=np.array([0.0, FAR, FAR]),
        directions=np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]]),
        seed=np.array([[1.0, 0.0, 0.0], [0.0, -1.0, 1.0]]),
    ),
    Face(
        meaning="a customer's purchases are all of the same amount",
        lost=("p", "v"),
        offset=np.array([FAR, 0.0, -FAR]),
        directions=np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]),
        seed=np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 1.0]]),
    ),
)
_SUSPICIOUS = 60.0


@dataclass(frozen=True, slots=True, eq=False)
class Spending:
    """Sufficient statistics of repeat buyers: purchases seen and their mean amount.

    Attributes
    ----------
    x, total
        Repeat purchases and their summed amount, shape (n,), both positive.
    counts, count_weight
        Distinct x and how many customers have it.
    """

    x: Floats
    total: Floats
    counts: Floats
    count_weight: Floats

    @classmethod
    def of(cls, x: npt.ArrayLike, mean_money: npt.ArrayLike) -> Spending:
        """Build from all customers; those without a repeat purchase or without a positive amount are left out."""
        purchases, mean = np.asarray(x, dtype=np.float64), np.asarray(mean_money, dtype=np.float64)
        kept = (purchases > 0) & (mean > 0)
        purchases, mean = purchases[kept], mean[kept]
        counts, weight = np.unique(purchases, return_counts=True)
        return cls(purchases, purchases * mean, counts, weight.astype(np.float64))

    @property
    def n_customers(self) -> int:
        """Number of repeat buyers."""
        return len(self.x)

    @property
    def mean_money(self) -> float:
        """Mean amount per repeat purchase over all of them."""
        return float(self.total.sum() / self.x.sum())


def negative_log_likelihood(theta: Floats, data: Spending) -> tuple[float, Floats, Floats]:
    """Return the negative mean log-likelihood of the mean amounts, its gradient (3,) and Hessian (3, 3).

    With s = x·z̄ and y = p·x, eq. (1a) is

        log L = −log z̄ − log B(y, q) − y log(1 + v/s) − q log(1 + s/v),

    a form that stays exact where p or q runs to infinity.

    Parameters
    ----------
    theta
        Logarithms of (p, q, v), shape (3,).
    """
    p, q, v = np.exp(theta)
    s, y = data.total, p * data.x
    up, down = np.log1p(v / s), np.log1p(s / v)
    v_share, s_share = v / (v + s), s / (v + s)
    y_count, weight = p * data.counts, data.count_weight
    psi_sum, psi_y, psi_q = psi(y_count + q), psi(y_count), psi(q)
    curve, curve_y, curve_q = polygamma(1, y_count + q), polygamma(1, y_count), polygamma(1, q)

    value = -np.log(s / data.x).sum() - weight @ betaln(y_count, q) - y @ up - q * down.sum()
    gradient = np.array(
        [
            weight @ (y_count * (psi_sum - psi_y)) - y @ up,
            q * (weight @ (psi_sum - psi_q) - down.sum()),
            q * s_share.sum() - y @ v_share,
        ]
    )
    hessian = np.zeros((3, 3))
    hessian[0, 0] = gradient[0] + weight @ (y_count**2 * (curve - curve_y))
    hessian[0, 1] = hessian[1, 0] = q * (weight @ (y_count * curve))
    hessian[0, 2] = hessian[2, 0] = -(y @ v_share)
    hessian[1, 1] = gradient[1] + q**2 * (weight @ (curve - curve_q))
    hessian[1, 2] = hessian[2, 1] = q * s_share.sum()
    hessian[2, 2] = -((y + q) @ (v_share * s_share))
    scale = -1.0 / data.n_customers
    return float(scale * value), scale * gradient, scale * hessian


@dataclass(frozen=True, slots=True)
class GammaGamma:
    """A Gamma-Gamma model with known parameters.

    Attributes
    ----------
    sample_mean_money
        Mean amount per repeat purchase in the data: stands in where the model has no finite mean.
    """

    p: float
    q: float
    v: float
    sample_mean_money: float

    def expected_money(self, x: Floats, mean_money: Floats) -> Floats:
        """Return E[amount per purchase | x purchases seen with mean `mean_money`], shape (n,), eq. (5).

        A customer without a repeat purchase (x = 0) has the mean over all customers, p v/(q − 1). Where p x + q ≤ 1
        that expectation is infinite, and the sample mean stands in.
        """
        seen = np.where(x > 0, x * mean_money, 0.0)
        degrees = self.p * x + (self.q - 1.0)
        finite = degrees > 0.0
        return np.where(finite, self.p * (self.v + seen) / np.where(finite, degrees, 1.0), self.sample_mean_money)


def fit_gamma_gamma(data: Spending) -> Fitted[GammaGamma]:
    """Fit Gamma-Gamma by maximum likelihood to at least two repeat buyers."""

    def objective(theta: Floats) -> tuple[float, Floats, Floats]:
        return negative_log_likelihood(theta, data)

    start = np.log([4.0, 4.0, 0.75 * data.mean_money])
    fit = maximise(objective, start, data.n_customers)
    if not fit.converged or np.exp(np.clip(fit.theta[:2], -FAR, FAR)).max() > _SUSPICIOUS:
        fit = maximise(objective, np.clip(fit.theta, start - 5.0, start + 5.0), data.n_customers, (_FACES,))
    p, q, v = (float(value) for value in np.exp(fit.theta))
    return fitted(GammaGamma(p, q, v, data.mean_money), ("p", "q", "v"), fit, data.n_customers)
