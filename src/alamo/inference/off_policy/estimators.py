"""Four estimators of what a policy would earn, each as one score per decision whose mean is the value.

With weights w = π(A|x)/e(A|x), outcomes Y, an outcome model q and q_π(x) = Σ_a π(a|x)·q(x, a):

- IPS        Γ = w·Y                                     Horvitz & Thompson (1952)
- SNIPS      Γ = V + w·(Y − V)/w̄,  V = Σ w·Y / Σ w        Hájek (1971); Swaminathan & Joachims (2015), eq. 7
- DR         Γ = q_π(x) + w·(Y − q(x, A))                Dudík, Langford & Li (2011), eq. 2
- SWITCH-DR  Γ = q_π(x) + w·1{w ≤ τ}·(Y − q(x, A))       Wang, Agarwal & Dudík (2017), eq. 5

SNIPS is a ratio; its score is the influence function, so that means, standard errors (delta method) and paired
differences are computed alike for all four.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alamo.inference.off_policy.outcome_model import ModelValues
from alamo.numerics.doubly_robust import mean_by_group
from alamo.numerics.moments import codes

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_TAU_GRID = 21
_TAU_SPAN = (0.05, 0.995)


@dataclass(frozen=True, slots=True)
class Scores:
    """The scores of one estimator.

    Attributes
    ----------
    name
        ``ips``, ``snips``, ``dr`` or ``switch-dr``.
    score
        Shape (n,); the mean is the value.
    residual
        What the weight multiplies, shape (n,): Y, Y − V or Y − q(x, A).
    bias_bound
        How far the mean may be off besides chance; 0 but for a switch.
    threshold
        Weight above which the model alone is trusted; None without a switch.
    """

    name: str
    score: Floats
    residual: Floats
    bias_bound: float = 0.0
    threshold: float | None = None


def ips(weight: Floats, outcome: Floats) -> Scores:
    """Return inverse propensity scores."""
    return Scores("ips", weight * outcome, outcome)


def snips(weight: Floats, outcome: Floats) -> Scores:
    """Return self-normalised inverse propensity scores; weights may not all be 0."""
    value = float(weight @ outcome) / float(weight.sum())
    residual = outcome - value
    return Scores("snips", value + weight * residual / weight.mean(), residual)


def doubly_robust(weight: Floats, outcome: Floats, model: ModelValues) -> Scores:
    """Return doubly robust scores."""
    residual = outcome - model.at_drawn
    return Scores("dr", model.under_target + weight * residual, residual)


def switch_doubly_robust(weight: Floats, outcome: Floats, model: ModelValues, tau: float) -> Scores:
    """Return doubly robust scores whose correction is left out where the weight exceeds `tau`."""
    residual = outcome - model.at_drawn
    used = np.where(weight <= tau, weight, 0.0)
    threshold = float(tau) if tau < weight.max() else None
    bound = bias_bound(weight, outcome, residual, tau)
    return Scores("switch-dr", model.under_target + used * residual, residual, bound, threshold)


def bias_bound(weight: Floats, outcome: Floats, residual: Floats, tau: float) -> float:
    """Return a bound on the bias of a switch at `tau`: s · E[w·1{w > τ}], s² = max(var Y, Σ w·r² / Σ w over w > τ).

    What a switch leaves out is E[w·1{w > τ}·r], r = Y − q(x, A). By the Cauchy–Schwarz inequality it is at most
    E[w·1{w > τ}] times the weighted root mean square of r over the rows beyond τ: the rows that are left out say
    themselves how wrong the model is there. Few rows say little, so s is never less than the standard deviation of Y.
    Wang et al. (2017, §4.2) put the largest possible outcome in the place of s.

    *Assumes* residuals of a model that has not seen the row. Since (Σ w·r)² ≤ Σ w · Σ w·r², leaving rows out seldom
    saves more variance than the square of the bound: a switch happens where hardly more than one row lies beyond τ.
    """
    beyond = np.where(weight > tau, weight, 0.0)
    total = float(beyond.sum())
    if total <= 0.0:
        return 0.0
    spread = max(float(outcome.var()), float(beyond @ residual**2) / total)
    return float(np.sqrt(spread)) * total / len(weight)


def best_threshold(weight: Floats, outcome: Floats, model: ModelValues, unit: Integers | None = None) -> float:
    """Return the τ with the least estimated mean squared error: sampling variance + (bias bound)²; ties to the largest.

    Looks at 21 weights between the 5 % and the 99.5 % quantile, in equal ratios, and at "never switch" (infinity).

    Source: Wang, Agarwal & Dudík (2017), §4.2 (automatic parameter tuning).
    """
    positive = weight[weight > 0.0]
    low, high = np.quantile(positive, _TAU_SPAN)
    group = None if unit is None else codes(unit)[0]
    best, chosen = np.inf, np.inf
    for tau in (np.inf, *np.unique(np.geomspace(low, high, _TAU_GRID))[::-1].tolist()):
        scores = switch_doubly_robust(weight, outcome, model, tau)
        error = mean_by_group(scores.score, group).se ** 2 + scores.bias_bound**2
        if error < best:
            best, chosen = error, float(tau)
    return chosen
