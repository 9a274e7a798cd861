"""Always-valid intervals: asymptotic confidence sequences, and the rules that make them safe with rare outcomes.

As published the sequence fails where a small arm has shown few outcomes: its sample variance is then too small. Rule
one puts a floor under the variance, rule two waits for `LEAST_NONZERO` non-zero outcomes in every compared arm. Where a
row had a chance below `LEAST_CHANCE` of an arm, there is no interval at all.

Source: Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas (2024), "Time-uniform central limit theory and asymptotic
confidence sequences", Annals of Statistics 52(6), Theorem 2.2 (mean), §2.4–2.5 (average conditional variances).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

LEAST_NONZERO = 20
"""Non-zero outcomes every compared arm must show before an always-valid interval is given (second rule)."""

LEAST_CHANCE = 1e-6
"""Least probability of a compared arm. The variance of a score is of the order of 1/p: of rows that draw an arm once in
more than a million times no log shows anything, and the floor of the first rule grows without bound."""


def tightness(alpha: float, n_opt: float) -> float:
    """Return ρ², which makes the sequence about tightest at `n_opt` rows; to be fixed before the first look.

    Source: Waudby-Smith et al. (2024), appendix on the choice of ρ.
    """
    return (-2.0 * math.log(alpha) + math.log(1.0 - 2.0 * math.log(alpha))) / n_opt


def half_width(n: int, variance: float, *, alpha: float, n_opt: float) -> float:
    """Return the half width of the level 1 − `alpha` sequence for a mean of `n` rows with this variance per row.

    Raises
    ------
    ValueError
        If `n` or `n_opt` is below 1, or `alpha` not in (0, 1).
    """
    if n < 1 or n_opt < 1.0 or not 0.0 < alpha < 1.0:
        raise ValueError(f"no confidence sequence for n = {n}, n_opt = {n_opt}, alpha = {alpha}")
    rho2 = tightness(alpha, n_opt)
    inner = n * rho2 + 1.0
    return math.sqrt(variance * 2.0 * inner / (n * n * rho2) * math.log(math.sqrt(inner) / alpha))


def residual_floor(squared_residual: Floats, p_action: Floats, p_none: Floats) -> float:
    """Return the floor on the variance of Γ(a) − Γ(none), from squared residuals of both compared arms together.

    Were the outcome equally uncertain under both arms, the conditional variance of a row's score would be
    σ²(x)·(1/e_a + 1/e_none). Every compared row estimates its own σ²(x) by its squared residual, whichever arm it
    drew, so a small arm borrows from the large one; rows are weighted by 1/(e_a + e_none), the inverse of their chance
    to be compared. Equal propensities make it (pooled residual variance) × mean(1/e_a + 1/e_none); where the
    propensities follow the customer's value, the row-wise form keeps large residuals with their own propensities.
    (A floor on the *raw* outcome variance is as safe but gives up all that an outcome model removed: 3 to 6 times wider
    in a heavy-tailed world where the model explains .95.)

    Parameters
    ----------
    squared_residual
        (Y − μ(x, A))² of the rows that drew the action or none, shape (m,).
    p_action, p_none
        Their logged probabilities of the action and of none, shape (m,); below `LEAST_CHANCE` they count as that.
    """
    p_action, p_none = np.maximum(p_action, LEAST_CHANCE), np.maximum(p_none, LEAST_CHANCE)
    weight = 1.0 / (p_action + p_none)
    return float(np.average(squared_residual * (1.0 / p_action + 1.0 / p_none), weights=weight))
