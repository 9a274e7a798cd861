"""Log-likelihood of BG/CNBD-k and MBG/CNBD-k on cells, with gradient and Hessian in log (r, alpha, a, b).

Times between purchases are Erlang with k stages; a customer may leave after each repeat purchase and, in the modified
model (m = 1, else 0), after the first purchase too. k = 1, m = 0 is BG/NBD; k = 1, m = 1 is MBG/NBD.

Source: Reutterer, Platzer & Schröder (2021), "Leveraging purchase regularity for predicting customer behavior the easy
way", International Journal of Research in Marketing 38(1); Batislam, Denizel & Filiztekin (2007), "Empirical
validation and comparison of models for customer base analysis", same journal 24(3) (MBG/NBD). With κ = r + kx and
τ = T − t_x, apart from what depends on the data alone (`stage_constant`),

    log L = Σ_{j<kx} log((r+j)/α) − Σ_{j<x+m} log(1 + a/(b+j)) − κ log(1 + T/α) + log(e^D + Σ_{j<k} e^{A_j}),
    D = κ log((α+T)/(α+t_x)) + log(a/(b+x+m−1)),   A_j = Σ_{i<j} log((κ+i)/(i+1)) + j log(τ/(α+T)).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from alamo.inference.lifetime_value.bg_nbd_likelihood import Terms, age_terms, dropout_terms, purchase_terms
from alamo.inference.lifetime_value.cells import Cells

Floats = npt.NDArray[np.float64]

_CHUNK = 1 << 13


@dataclass(frozen=True, slots=True)
class Kind:
    """Which model of the family.

    Attributes
    ----------
    stages
        k: 1 for purchases at random times, more the more regular they are.
    leaves_at_once
        Whether a customer may leave right after the first purchase (the modified model).
    """

    stages: int = 1
    leaves_at_once: bool = False

    @property
    def chances(self) -> int:
        """Chances to leave that a customer without a repeat purchase has had: m."""
        return int(self.leaves_at_once)


def negative_log_likelihood(theta: Floats, cells: Cells, kind: Kind) -> tuple[float, Floats, Floats]:
    """Return the negative mean log-likelihood per customer without its constant, its gradient (4,), Hessian (4, 4).

    Parameters
    ----------
    theta
        Logarithms of (r, alpha, a, b), shape (4,).
    cells
        Customers; alpha is in their unit of time.
    kind
        Stages and chances to leave.
    """
    beyond = np.concatenate([np.full(kind.chances, cells.n_customers), cells.beyond])
    parts = [
        purchase_terms(theta, np.repeat(cells.beyond, kind.stages)),
        age_terms(theta, cells, kind.stages),
        dropout_terms(theta, beyond),
    ]
    parts += [_state_terms(theta, cells, slice(low, low + _CHUNK), kind) for low in range(0, len(cells.x), _CHUNK)]
    scale = -1.0 / cells.n_customers
    value, gradient, hessian = (scale * sum(part[i] for part in parts) for i in range(3))
    return float(value), np.asarray(gradient), np.asarray(hessian)


def stage_constant(stages: int, x: Floats, log_gaps: float) -> float:
    """Return the part of the log-likelihood that depends on the data alone.

    Parameters
    ----------
    x
        Repeat purchases, shape (n,).
    log_gaps
        Sum of the logarithms of all times between purchases, in the unit of time of alpha.
    """
    return (stages - 1) * log_gaps - float(gammaln(stages)) * float(x.sum())


def state_log_weights(theta: Floats, x: Floats, t_x: Floats, t: Floats, kind: Kind) -> Floats:
    """Return D and A_0 … A_{k−1}, log weights of having left and of each stage since the last purchase, (1+k, n)."""
    r, alpha, _, b = np.exp(theta)
    kappa, out = r + kind.stages * x, np.empty((1 + kind.stages, len(x)))
    tries = x + kind.chances
    odds = kappa * np.log1p((t - t_x) / (alpha + t_x)) + theta[2] - np.log(b + (np.maximum(tries, 1.0) - 1.0))
    out[0] = np.where(tries > 0.0, odds, -np.inf)
    out[1] = 0.0
    with np.errstate(divide="ignore"):
        step = np.log((t - t_x) / (alpha + t))
    for j in range(1, kind.stages):
        out[j + 1] = out[j] + np.log((kappa + (j - 1.0)) / j) + step
    return out


def _state_terms(theta: Floats, cells: Cells, rows: slice, kind: Kind) -> Terms:
    """log(e^D + Σ e^{A_j}): the pass over cells."""
    r, alpha, _, b = np.exp(theta)
    x, t_x, t, weight = cells.x[rows], cells.t_x[rows], cells.t[rows], cells.weight[rows]
    logs = state_log_weights(theta, x, t_x, t, kind)
    top = logs.max(axis=0)
    share = np.exp(logs - top)
    total = share.sum(axis=0)
    value = weight @ (top + np.log(total))
    share *= weight / total

    n_states, kappa, share_t = 1 + kind.stages, r + kind.stages * x, alpha / (alpha + t)
    slopes = np.zeros((4, n_states, len(x)))
    bends = np.zeros((3, n_states, len(x)))  # of log r, of log alpha, and both
    gap = (t - t_x) / (alpha + t_x)
    fall = -share_t * gap
    slopes[0, 0], slopes[1, 0], slopes[2, 0] = r * np.log1p(gap), kappa * fall, 1.0
    bends[0, 0], bends[1, 0], bends[2, 0] = slopes[0, 0], kappa * fall * (1.0 - 2.0 * share_t + fall), r * fall
    b_share = b / (b + (np.maximum(x + kind.chances, 1.0) - 1.0))
    slopes[3, 0] = -b_share
    for j in range(1, kind.stages):
        part = r / (kappa + (j - 1.0))
        slopes[0, j + 1] = slopes[0, j] + part
        bends[0, j + 1] = bends[0, j] + part * (1.0 - part)
        slopes[1, j + 1] = -j * share_t
        bends[1, j + 1] = -j * share_t * (1.0 - share_t)

    weighted = slopes * share
    mean = weighted.sum(axis=1)
    hessian = weighted.reshape(4, -1) @ slopes.reshape(4, -1).T - (mean / weight) @ mean.T
    rate, age, cross = (float(np.vdot(share, bend)) for bend in bends)
    hessian[0, 0] += rate
    hessian[1, 1] += age
    hessian[0, 1] += cross
    hessian[1, 0] += cross
    hessian[3, 3] -= share[0] @ (b_share * (1.0 - b_share))
    return Terms(float(value), mean.sum(axis=1), hessian)
