"""Log-likelihood of Pareto/NBD on cells, with gradient and Hessian in the logarithms of (r, alpha, s, beta).

Source: Schmittlein, Morrison & Colombo (1987), "Counting your customers", Management Science 33(1); Fader & Hardie
(2005), "A note on deriving the Pareto/NBD model and related expressions", before the integral is solved. With
k = r + x and Q the odds of having left since the last purchase,

    log L = Σ_{j<x} log((r+j)/α) − k log(1 + T/α) − s log(1 + T/β) + log(1 + Q),
    Q = ∫ s ((α+T)/(α+t))^k ((β+T)/(β+t))^s / (β+t) dt,   t from t_x to T.

The integral is taken as it stands, not through 2F1: with u = log((m+t)/(m+t_x)), m the smaller of α and β, the
integrand is analytic within |Im u| < π and falls ever faster; with y = 1 − exp(−ρu/5), ρ its rate at t_x, it is smooth
in y and Gauss–Legendre nodes converge fast. Derivatives are those of the integrand at the same nodes.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from alamo.inference.lifetime_value.bg_nbd_likelihood import Terms, age_terms, purchase_terms
from alamo.inference.lifetime_value.cells import Cells

Floats = npt.NDArray[np.float64]

N_NODES, N_NODES_SILENT = 10, 64
"""Nodes with and without a repeat purchase: silent customers have a longer integral, but few distinct ages."""

_POWER = 5.0  # of (1 − y): tames the end point
_CHUNK = 1 << 11  # cells whose node matrices stay in the second-level cache
_SMALLEST_GAP = 1e-12  # of T: somebody who bought just now; the odds of having left are then of this order
_SLOWEST = 1e-3
_EARLIEST, _LATEST = -250.0, 80.0  # log beta, log parameters: beyond these a limit has been reached


class _Nodes(NamedTuple):
    """Quadrature of Q: log Q (m,), node weights (q, m) that add up to 1, times of the nodes (q, m)."""

    log_odds: Floats
    weight: Floats
    time: Floats


def negative_log_likelihood(theta: Floats, cells: Cells) -> tuple[float, Floats, Floats]:
    """Return the negative mean log-likelihood per customer, its gradient (4,) and Hessian (4, 4).

    Infinite far out, where the limits of the model are looked at by themselves.

    Parameters
    ----------
    theta
        Logarithms of (r, alpha, s, beta), shape (4,).
    cells
        Customers; alpha and beta are in their unit of time.
    """
    if theta[3] < _EARLIEST or theta.max() > _LATEST:
        return np.inf, np.zeros(4), np.eye(4)
    parts = [purchase_terms(theta, cells.beyond), age_terms(theta, cells), _life_terms(theta, cells)]
    first = cells.first_repeat
    for start, stop, chunk, nodes in (
        (0, first, _CHUNK // 8, N_NODES_SILENT),
        (first, len(cells.x), _CHUNK, N_NODES),
    ):
        parts += [
            _departure_terms(theta, cells, slice(low, min(low + chunk, stop)), nodes)
            for low in range(start, stop, chunk)
        ]
    scale = -1.0 / cells.n_customers
    value, gradient, hessian = (scale * sum(part[i] for part in parts) for i in range(3))
    return float(value), np.asarray(gradient), np.asarray(hessian)


def departure_log_odds(theta: Floats, x: Floats, t_x: Floats, t: Floats) -> Floats:
    """Return log Q, the log odds that a customer has left for good, shape (n,)."""
    out = np.empty(len(x))
    for rows, n_nodes in ((x == 0, N_NODES_SILENT), (x > 0, 2 * N_NODES)):
        places = np.flatnonzero(rows)
        for low in range(0, len(places), _CHUNK):
            at = places[low : low + _CHUNK]
            out[at] = _nodes(theta, x[at], t_x[at], t[at], n_nodes).log_odds
    return out


def _life_terms(theta: Floats, cells: Cells) -> Terms:
    """−s log(1+T/β), over the distinct T."""
    s, beta = np.exp(theta[2:])
    log_ratio, share = np.log1p(cells.ages / beta), cells.ages / (beta + cells.ages)
    count = cells.age_customers
    gradient, hessian = np.zeros(4), np.zeros((4, 4))
    value = -s * float(count @ log_ratio)
    gradient[2:] = value, s * (count @ share)
    hessian[2, 2] = value
    hessian[2, 3] = hessian[3, 2] = gradient[3]
    hessian[3, 3] = -s * (count @ (share * (1.0 - share)))
    return Terms(value, gradient, hessian)


@lru_cache(maxsize=8)
def _legendre(n_nodes: int) -> tuple[Floats, Floats]:
    place, weight = np.polynomial.legendre.leggauss(n_nodes)
    return (place + 1.0) / 2.0, weight / 2.0


def _nodes(theta: Floats, x: Floats, t_x: Floats, t: Floats, n_nodes: int) -> _Nodes:
    r, alpha, s, beta = np.exp(theta)
    k, gap = r + x, np.maximum(t - t_x, _SMALLEST_GAP * (t + 1.0))
    near = min(alpha, beta) + t_x
    far, at_near, at_far = max(alpha, beta) + t_x, *((k, s + 1.0) if alpha <= beta else (s + 1.0, k))
    pace = np.maximum(at_near + at_far * (near / far) - 1.0, _SLOWEST) / _POWER
    end = -np.expm1(-pace * np.log1p(gap / near))
    place, weight = _legendre(n_nodes)
    y = np.multiply.outer(place, end)
    u = np.log1p(-y)
    u /= -pace
    time = np.expm1(u)
    time *= near  # since t_x
    fall = np.log1p(time / far)
    fall *= at_far
    density = np.exp((1.0 - at_near) * u - fall)
    density /= 1.0 - y
    density *= weight[:, None]
    total = density.sum(axis=0)
    life = beta + t_x
    peak = theta[2] + k * np.log1p(gap / (alpha + t_x)) + s * np.log1p(gap / life)
    log_odds = peak + np.log(near * end / (pace * life) * total)
    density /= total
    return _Nodes(log_odds, density, t_x + time)


def _departure_terms(theta: Floats, cells: Cells, rows: slice, n_nodes: int) -> Terms:
    """log(1 + Q): the pass over cells."""
    r, alpha, s, beta = np.exp(theta)
    x, t = cells.x[rows], cells.t[rows]
    weight = np.where(t > 0.0, cells.weight[rows], 0.0)  # who came on the last day has had no time to leave
    odds, share, time = _nodes(theta, x, cells.t_x[rows], t, n_nodes)
    k = r + x
    small = np.exp(-np.abs(odds))
    value = weight @ (np.maximum(odds, 0.0) + np.log1p(small))
    p_left = np.where(odds > 0.0, 1.0, small) / (1.0 + small)
    first = weight * p_left
    share *= first  # node weights of all cells, with the weight of their cell

    # derivatives of the integrand's logarithm at each node, shape (4, q, m); differences of shares such as
    # α/(α+T) − α/(α+t) are written as products, which are exact where a parameter runs to infinity
    rest, slopes = np.maximum(t - time, 0.0), np.empty((4, *share.shape))
    rate_now, rate_end = alpha / (alpha + time), alpha / (alpha + t)
    life_now, life_end = beta / (beta + time), beta / (beta + t)
    rate_gap, life_gap = rest * rate_now / alpha, rest * life_now / beta
    np.log1p(rate_gap, out=slopes[0])
    slopes[0] *= r
    np.multiply(rate_gap, -rate_end * k, out=slopes[1])
    np.log1p(life_gap, out=slopes[2])
    slopes[2] *= s
    slopes[2] += 1.0
    np.multiply(life_gap, -s * life_end, out=slopes[3])
    cross_life = float(np.vdot(share, slopes[3]))
    slopes[3] -= life_now

    weighted = slopes * share
    flat = slopes.reshape(4, -1)
    mean = weighted.sum(axis=1)  # (4, m), times first
    gradient = mean.sum(axis=1)
    hessian = weighted.reshape(4, -1) @ flat.T
    hessian -= (mean / np.maximum(weight, 1e-300)) @ mean.T
    hessian[0, 0] += gradient[0]
    cross_rate = r * float((mean[1] / k).sum())
    hessian[0, 1] += cross_rate
    hessian[1, 0] += cross_rate
    hessian[1, 1] += (k * first) @ (rate_end * t / (alpha + t)) - float(
        np.vdot(share, rate_now * time / (alpha + time) * k)
    )
    hessian[2, 2] += gradient[2] - first.sum()
    hessian[2, 3] += cross_life
    hessian[3, 2] += cross_life
    bend = float(np.vdot(share, life_now * time / (beta + time)))
    hessian[3, 3] += s * (float(first @ (life_end * t / (beta + t))) - bend) - bend
    return Terms(float(value), gradient, hessian)
