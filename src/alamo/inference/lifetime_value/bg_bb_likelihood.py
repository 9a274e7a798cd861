"""Log-likelihood of BG/BB, with gradient and Hessian in the logarithms of (alpha, beta, gamma, delta).

Source: Fader, Hardie & Shang (2010), Marketing Science 29(6): a customer with x purchases at n opportunities,
the last at t_x, stayed throughout or left after opportunity i = t_x, …, n − 1. With y opportunities had while staying

    log P(x of y) = Σ_{j<x} log(α+j) + Σ_{j<y−x} log(β+j) − Σ_{j<y} log(α+β+j)
    log P(stayed y) = Σ_{j<y} log(1 − γ/(γ+δ+j)),   log P(left after y) = log P(stayed y) + log(γ/(γ+δ+y)),

and every sum is looked up in a table over j, so no special function is evaluated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

_STEP = 1e-5  # of log parameters: differences of the exact gradient give the Hessian to about 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class Histories:
    """Customers, and the moments at which each may have left.

    Attributes
    ----------
    x, weight
        Purchases and number of customers, shape (m,).
    cell, tries, stayed
        Of each possible history: its customer, opportunities had while staying, and whether that is all of them;
        shape (h,), ordered by customer.
    first
        Where the histories of each customer begin, shape (m,).
    """

    x: Codes
    weight: Floats
    cell: Codes
    tries: Codes
    stayed: npt.NDArray[np.bool_]
    first: Codes

    @classmethod
    def of(cls, x: Floats, t_x: Floats, t: Floats, weight: Floats | None = None) -> Histories:
        """Build from opportunities used, the last one used and opportunities had, shape (m,)."""
        used, last, had = (np.asarray(part, dtype=np.int64) for part in (x, t_x, t))
        counts = had - last + 1
        first = np.cumsum(counts) - counts
        cell = np.repeat(np.arange(len(used)), counts)
        tries = np.arange(int(counts.sum())) - first[cell] + last[cell]
        kept = np.ones(len(used)) if weight is None else weight
        return cls(used, kept, cell, tries, tries == had[cell], first)


def negative_log_likelihood(theta: Floats, histories: Histories) -> tuple[float, Floats, Floats]:
    """Return the negative mean log-likelihood per customer, its gradient (4,) and Hessian (4, 4).

    Parameters
    ----------
    theta
        Logarithms of (alpha, beta, gamma, delta), shape (4,).
    """
    value, gradient = _value_and_gradient(theta, histories)
    steps = _STEP * np.eye(4)
    rows = [
        (_value_and_gradient(theta + step, histories)[1] - _value_and_gradient(theta - step, histories)[1])
        for step in steps
    ]
    hessian = np.array(rows) / (2.0 * _STEP)
    return value, gradient, (hessian + hessian.T) / 2.0


def left_and_stayed(theta: Floats, histories: Histories) -> tuple[Floats, Floats]:
    """Return the likelihoods of having left and of having stayed, relative to the likelier history, shape (m,) each."""
    logs, _ = _log_terms(theta, histories)
    relative = np.exp(logs - np.maximum.reduceat(logs, histories.first)[histories.cell])
    stayed = relative[histories.stayed]
    return np.add.reduceat(np.where(histories.stayed, 0.0, relative), histories.first), stayed


def _value_and_gradient(theta: Floats, histories: Histories) -> tuple[float, Floats]:
    logs, slopes = _log_terms(theta, histories)
    top = np.maximum.reduceat(logs, histories.first)
    relative = np.exp(logs - top[histories.cell])
    total = np.add.reduceat(relative, histories.first)
    n = histories.weight.sum()
    value = histories.weight @ (top + np.log(total)) / n
    share = relative * (histories.weight / total)[histories.cell]
    return -float(value), -(slopes @ share) / n


def _log_terms(theta: Floats, histories: Histories) -> tuple[Floats, Floats]:
    """Return the log probability of each history (h,) and its gradient (4, h)."""
    alpha, beta, gamma, delta = np.exp(theta)
    x, tries = histories.x[histories.cell], histories.tries
    n = int(tries.max()) + 1
    buys, skips, both = _table(alpha, n), _table(beta, n), _table(alpha + beta, n)
    stays, leaves = _table(delta, n), _table(gamma + delta, n)
    p_buy, p_leave = alpha / (alpha + beta), gamma / (gamma + delta)
    missed = tries - x
    logs = x * np.log(p_buy) + missed * np.log(beta / (alpha + beta))
    logs += buys[0][x] + skips[0][missed] - both[0][tries]
    logs += tries * np.log(delta / (gamma + delta)) + stays[0][tries] - leaves[0][tries]
    ends = gamma / (gamma + delta + np.arange(n))
    logs += np.where(histories.stayed, 0.0, np.log(ends[tries]))
    slopes = np.empty((4, len(tries)))
    slopes[0] = x - tries * p_buy + buys[1][x] - p_buy * both[1][tries]
    slopes[1] = missed - tries * (1.0 - p_buy) + skips[1][missed] - (1.0 - p_buy) * both[1][tries]
    slopes[2] = -tries * p_leave - p_leave * leaves[1][tries]
    slopes[3] = tries * p_leave + stays[1][tries] - (1.0 - p_leave) * leaves[1][tries]
    left = np.where(histories.stayed, 0.0, 1.0)
    slopes[2] += left * (1.0 - ends[tries])
    slopes[3] -= left * (ends * (delta / gamma))[tries]
    return logs, slopes


def _table(c: float, n: int) -> tuple[Floats, Floats]:
    """Return Σ_{j<m} log(1 + j/c) and its derivative in log c, for m = 0, …, n."""
    j = np.arange(n, dtype=np.float64)
    zero = np.zeros(1)
    return np.concatenate([zero, np.cumsum(np.log1p(j / c))]), np.concatenate([zero, -np.cumsum(j / (c + j))])
