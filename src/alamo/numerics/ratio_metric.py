"""Ratios of two means (spend per order): one number per row whose mean moves as the ratio does.

Source: Deng, Knoblich & Lu (2018), "Applying the delta method in metric analytics", KDD, §2.2 and §3; Budylin et al.
(2018), "Consistent transformation of ratio metrics for efficient online controlled experiments", WSDM.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from alamo.numerics.doubly_robust import weighted_arm_means
from alamo.numerics.moments import sums_by

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

MOST_DENOMINATOR_CV = 0.2
"""Largest relative standard error of a mean denominator: the bias of a ratio is at most that many of its standard
errors (Hartley & Ross 1954; Cochran 1977, "Sampling Techniques", §6.8)."""

_ROUNDING = 1e-12


def linearised_ratio(numerator: Floats, denominator: Floats, drawn: Integers, p_drawn: Floats, n_arms: int) -> Floats:
    """Return L = R_a + (N − R_a·D) / D̄_a of every row at the arm it drew, shape (n,).

    With N̄_a, D̄_a the weighted means of the arm and R_a = N̄_a / D̄_a, the weighted mean of L in an arm is R_a exactly,
    and its variance is the delta method's. A difference of means of L is the difference of the ratios; an outcome model
    of L makes it doubly robust (one Newton step from R_a).

    Parameters
    ----------
    numerator, denominator
        N and D of every row, shape (n,).
    drawn, p_drawn
        Index and probability of the arm drawn, shape (n,).
    n_arms
        k.

    Notes
    -----
    Assumes a mean denominator well away from nil, see `denominator_cv`; rows of an arm where it is nil come out as 0.
    """
    over = weighted_arm_means(drawn, numerator, p_drawn, n_arms)
    under = weighted_arm_means(drawn, denominator, p_drawn, n_arms)
    usable = np.isfinite(under) & (under != 0.0)
    ratio = np.divide(over, under, out=np.zeros(n_arms), where=usable)
    scale = np.divide(1.0, under, out=np.zeros(n_arms), where=usable)
    expected = ratio[drawn] * denominator
    rest = numerator - expected
    rest[np.abs(rest) <= _ROUNDING * (np.abs(numerator) + np.abs(expected))] = 0.0
    values: Floats = ratio[drawn] + rest * scale[drawn]
    return values


def denominator_cv(denominator: Floats, inside: npt.NDArray[np.bool_], p_drawn: Floats, groups: Integers) -> float:
    """Return the standard error of an arm's weighted mean denominator as a share of that mean; infinite at nil or less.

    Parameters
    ----------
    denominator, p_drawn
        Of every row, shape (n,).
    inside
        Rows that drew the arm, shape (n,).
    groups
        Code of the independent group of each row, shape (n,).
    """
    weight = 1.0 / p_drawn[inside]
    values, total = denominator[inside], float(weight.sum())
    mean = float(weight @ values) / total if total > 0.0 else 0.0
    if mean <= 0.0:
        return float("inf")
    gaps = sums_by(groups[inside], weight * (values - mean), int(groups.max()) + 1)
    return float(np.sqrt(gaps @ gaps)) / total / mean
