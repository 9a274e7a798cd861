"""Causal Q-aggregation: convex weights of candidate effects by their cross-validated doubly robust loss.

With L(f) = mean (s − f)², G = mean f fᵀ and b = mean s f (out-of-fold candidates f, scores s), the weights minimise

    (1 − ν) L(Σ w_j f_j) + ν Σ w_j L(f_j) + (β/n) Σ w_j log(1/π_j)   over the simplex,

which is the quadratic programme (1 − ν) wᵀGw + wᵀ(ν diag G − 2b + (β/n) log(1/π)). Only G, b and n are needed, and
they are sums: they add over blocks of rows.

Source: Lan & Syrgkanis (2024), "Causal Q-aggregation for CATE model selection", AISTATS, eq. 4; Lecué &
Rigollet (2014), "Optimal learning with Q-aggregation", Ann. Statist. 42(1), eq. 1.6.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LossMoments:
    """All that the aggregation needs to know of the rows.

    Attributes
    ----------
    gram
        G = weighted mean of f fᵀ, shape (k, k).
    cross
        b = weighted mean of s f, shape (k,).
    square
        Weighted mean of s².
    n
        Number of rows.
    """

    gram: Floats
    cross: Floats
    square: float
    n: int

    @property
    def losses(self) -> Floats:
        """L(f_j) of every candidate, shape (k,)."""
        return self.square - 2.0 * self.cross + np.diag(self.gram)


def loss_moments(candidates: Floats, scores: Floats, weight: Floats) -> LossMoments:
    """Return the moments of out-of-fold candidates (n, k) and scores (n,) under row weights (n,)."""
    share = weight / weight.sum()
    weighted = candidates * share[:, None]
    square = float(share @ scores**2)
    return LossMoments(gram=weighted.T @ candidates, cross=weighted.T @ scores, square=square, n=len(scores))


def q_aggregate(moments: LossMoments, prior: Floats, *, nu: float = 0.5, temper: float = 16.0) -> Floats:
    """Return the weights of the candidates, shape (k,); they sum to one and unused candidates get exactly zero.

    Parameters
    ----------
    moments
        See `LossMoments`.
    prior
        π, positive, shape (k,).
    nu
        ν in [0, 1]: 0 is plain convex stacking, 1 picks a single candidate.
    temper
        β = `temper` · mean s²; 0 switches the prior off.
    """
    beta = temper * moments.square / max(moments.n, 1)
    linear = nu * np.diag(moments.gram) - 2.0 * moments.cross - beta * np.log(prior)
    return minimise_on_simplex(2.0 * (1.0 - nu) * moments.gram, linear)


def minimise_on_simplex(H: Floats, c: Floats) -> Floats:
    """Return argmin ½ wᵀHw + cᵀw over w ≥ 0, Σw = 1, by a primal active-set method.

    Parameters
    ----------
    H
        Symmetric positive semidefinite, shape (k, k); meant for at most a few dozen candidates.
    c
        Shape (k,).

    Source: Nocedal & Wright (2006), Numerical Optimization, algorithm 16.3.
    """
    k = len(c)
    size = max(float(np.abs(H).max()), float(np.abs(c).max()), 1e-300)
    H, c = H / size, c / size
    H = H + 1e-12 * np.eye(k)  # two equal candidates share their weight instead of making the step undefined
    w = np.zeros(k)
    w[int(np.argmin(0.5 * np.diag(H) + c))] = 1.0
    support = w > 0.0
    for _ in range(50 * k):
        target = _equality_minimum(H, c, support)
        step = _longest_step(w, target)
        w = w + step * (target - w)
        if step < 1.0:
            support = support & (w > 1e-15)
            w = np.where(support, w, 0.0)
            continue
        gradient = H @ w + c
        level = float(gradient[support].mean())
        entering = int(np.argmin(np.where(support, np.inf, gradient)))
        if support.all() or gradient[entering] >= level - 1e-12:
            break
        support = support.copy()
        support[entering] = True
    w = np.maximum(w, 0.0)
    return w / w.sum()


def _equality_minimum(H: Floats, c: Floats, support: npt.NDArray[np.bool_]) -> Floats:
    """Minimise over the support with Σw = 1 and no sign constraint."""
    active = np.flatnonzero(support)
    m = len(active)
    kkt = np.ones((m + 1, m + 1))
    kkt[:m, :m] = H[np.ix_(active, active)]
    kkt[m, m] = 0.0
    right = np.append(-c[active], 1.0)
    out = np.zeros(len(c))
    out[active] = np.linalg.lstsq(kkt, right, rcond=None)[0][:m]
    return out


def _longest_step(w: Floats, target: Floats) -> float:
    """Return the longest step in [0, 1] from w to target that keeps w ≥ 0."""
    falling = target < 0.0
    if not falling.any():
        return 1.0
    return float(min(1.0, (w[falling] / (w[falling] - target[falling])).min()))
