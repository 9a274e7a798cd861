"""Log-likelihood of BG/NBD on cells, with gradient and Hessian in the logarithms of (r, alpha, a, b).

Source: Fader, Hardie & Lee (2005), "Counting your customers the easy way", Marketing Science 24(2), eq. (6):

    L = B(a, b+x)/B(a, b) · Γ(r+x) α^r / (Γ(r) (α+T)^(r+x))
        + 1{x > 0} · B(a+1, b+x−1)/B(a, b) · Γ(r+x) α^r / (Γ(r) (α+t_x)^(r+x)).

Ratios of gamma and beta functions are written as products over j < x, summed once over the counts ``beyond``; and
everything as ``log1p`` of ratios, so that the value stays exact where a parameter runs to zero or infinity. With
D = (r+x) log((α+T)/(α+t_x)) + log(a/(b+x−1)), the log odds of having left after the last purchase,

    log L = Σ_{j<x} [log((r+j)/α) − log(1 + a/(b+j))] − (r+x) log(1+T/α) + log(1 + e^D).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from alamo.inference.lifetime_value.cells import Cells

Floats = npt.NDArray[np.float64]

_CHUNK = 1 << 14  # cells whose temporaries stay in the second-level cache


class Terms(NamedTuple):
    """A part of the log-likelihood: value, gradient (4,) and Hessian (4, 4)."""

    value: float
    gradient: Floats
    hessian: Floats


def negative_log_likelihood(theta: Floats, cells: Cells) -> tuple[float, Floats, Floats]:
    """Return the negative mean log-likelihood per customer, its gradient (4,) and Hessian (4, 4).

    Parameters
    ----------
    theta
        Logarithms of (r, alpha, a, b), shape (4,).
    cells
        Customers; alpha is in their unit of time.
    """
    parts = [purchase_terms(theta, cells.beyond), age_terms(theta, cells), dropout_terms(theta, cells.beyond)]
    repeaters = range(cells.first_repeat, len(cells.x), _CHUNK)
    parts += [_departure_terms(theta, cells, slice(start, start + _CHUNK)) for start in repeaters]
    scale = -1.0 / cells.n_customers
    value, gradient, hessian = (scale * sum(part[i] for part in parts) for i in range(3))
    return float(value), np.asarray(gradient), np.asarray(hessian)


def departure_log_odds(theta: Floats, x: Floats, t_x: Floats, t: Floats) -> Floats:
    """Return D, the log odds that a repeat buyer (x > 0) has left for good, shape (n,)."""
    r, alpha, _, b = np.exp(theta)
    return (r + x) * np.log1p((t - t_x) / (alpha + t_x)) + theta[2] - np.log(b + (x - 1.0))


def purchase_terms(theta: Floats, beyond: Floats) -> Terms:
    """Return the terms of Σ_{j<x} log((r+j)/α); `beyond` counts customers with x > j, shape (max x,)."""
    r = np.exp(theta[0])
    j = np.arange(len(beyond), dtype=np.float64)
    share = r / (r + j)
    value = float(beyond @ (np.log(r + j) - theta[1]))
    gradient, hessian = np.zeros(4), np.zeros((4, 4))
    gradient[:2] = beyond @ share, -beyond.sum()
    hessian[0, 0] = beyond @ (share * j / (r + j))
    return Terms(value, gradient, hessian)


def age_terms(theta: Floats, cells: Cells, stages: int = 1) -> Terms:
    """Return the terms of −(r + stages·x) log(1+T/α), over the distinct T."""
    r, alpha = np.exp(theta[:2])
    customers, k = cells.age_customers, r * cells.age_customers + stages * cells.age_purchases
    log_ratio, share = np.log1p(cells.ages / alpha), cells.ages / (alpha + cells.ages)
    gradient, hessian = np.zeros(4), np.zeros((4, 4))
    gradient[:2] = -r * (customers @ log_ratio), k @ share
    hessian[0, 0] = gradient[0]
    hessian[0, 1] = hessian[1, 0] = r * (customers @ share)
    hessian[1, 1] = -k @ (share * (1.0 - share))
    return Terms(-float(k @ log_ratio), gradient, hessian)


def dropout_terms(theta: Floats, beyond: Floats) -> Terms:
    """Return the terms of −Σ_{j<x} log(1 + a/(b+j)): nobody left after any purchase so far."""
    a, b = np.exp(theta[2:])
    count, j = beyond, np.arange(len(beyond), dtype=np.float64)
    total = a + b + j
    left, b_share, b_of_total = a / total, b / (b + j), b / total
    gradient, hessian = np.zeros(4), np.zeros((4, 4))
    gradient[2:] = -count @ left, count @ (b_share - b_of_total)
    hessian[2, 2] = -count @ (left * (1.0 - left))
    hessian[2, 3] = hessian[3, 2] = count @ (left * b_of_total)
    hessian[3, 3] = count @ (b_share * (j / (b + j)) - b_of_total * (1.0 - b_of_total))
    return Terms(-float(count @ np.log1p(a / (b + j))), gradient, hessian)


def _departure_terms(theta: Floats, cells: Cells, rows: slice) -> Terms:
    """log(1 + e^D) over cells of repeat buyers: the only pass over cells."""
    r, alpha, _, b = np.exp(theta)
    x, t_x, t, weight = cells.x[rows], cells.t_x[rows], cells.t[rows], cells.weight[rows]
    k, gap = r + x, (t - t_x) / (alpha + t_x)
    log_ratio, share_t = np.log1p(gap), alpha / (alpha + t)
    fall = -share_t * gap  # derivative of log_ratio in log alpha
    b_share = b / (b + (x - 1.0))
    odds = k * log_ratio + theta[2] - np.log(b + (x - 1.0))

    small = np.exp(-np.abs(odds))
    value = weight @ (np.maximum(odds, 0.0) + np.log1p(small))
    p_left = np.where(odds > 0.0, 1.0, small) / (1.0 + small)
    first, second = weight * p_left, weight * p_left * (1.0 - p_left)

    slopes = np.stack((r * log_ratio, k * fall, np.ones_like(x), -b_share))
    gradient = slopes @ first
    hessian = (slopes * second) @ slopes.T
    hessian[0, 0] += gradient[0]
    cross = r * (first @ fall)
    hessian[0, 1] += cross
    hessian[1, 0] += cross
    hessian[1, 1] += first @ (k * fall * (1.0 - 2.0 * share_t + fall))
    hessian[3, 3] -= first @ (b_share * (1.0 - b_share))
    return Terms(float(value), gradient, hessian)
