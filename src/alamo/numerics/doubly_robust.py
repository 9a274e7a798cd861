"""Doubly robust scores and what is made of them: means with standard errors by unit or cluster, and their variance.

Source: Robins, Rotnitzky & Zhao (1994); Kennedy (2023), "Towards optimal doubly robust estimation of heterogeneous
causal effects", §3. Propensities are the logged ones and never estimated again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alamo.numerics.moments import sums_by

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

BINS = 10
"""Equal-count bins of the predicted level that a variance is read off."""
SLACK = 1e-12
"""Relative: quantiles are interpolated to rounding, which must move no row that lies on one (predictions are tied)."""
_LEAST_SHARE = 0.05
_OWN_NONZERO = 20.0


def scores(mu: Floats, drawn: Integers, outcome: Floats, p_drawn: Floats) -> Floats:
    """Return Γ(a) = μ(x, a) + 1{A = a}·(Y − μ(x, a)) / e(a | x) for every arm, shape (n, k).

    Parameters
    ----------
    mu
        Outcome model at each arm, fitted without the row's unit, shape (n, k).
    drawn
        Index of the arm drawn, shape (n,).
    outcome
        Shape (n,).
    p_drawn
        Logged probability of the arm drawn, in (0, 1], shape (n,).

    Raises
    ------
    ValueError
        If a probability is not in (0, 1].
    """
    if not ((p_drawn > 0.0) & (p_drawn <= 1.0)).all():
        raise ValueError("the probability of the arm drawn must lie in (0, 1]")
    rows = np.arange(len(outcome))
    gamma = mu.astype(np.float64, copy=True)
    gamma[rows, drawn] += (outcome - mu[rows, drawn]) / p_drawn
    return gamma


def weighted_arm_means(drawn: Integers, outcome: Floats, p_drawn: Floats, n_arms: int) -> Floats:
    """Return the weighted mean outcome of each arm, Σ 1{A=a} Y/e ÷ Σ 1{A=a}/e, shape (k,); NaN for an arm nobody drew.

    Taken as a constant outcome model it turns the doubly robust estimate into the difference in (weighted) means.

    Source: Hájek (1971).
    """
    weight = sums_by(drawn, 1.0 / p_drawn, n_arms)
    total = sums_by(drawn, outcome / p_drawn, n_arms)
    return np.divide(total, weight, out=np.full(n_arms, np.nan), where=weight > 0.0)


@dataclass(frozen=True, slots=True)
class ScoreMean:
    """A mean of scores per unit.

    Attributes
    ----------
    mean
        Σ scores / number of units.
    se
        Standard error over independent groups.
    n
        Number of independent groups (units, or clusters of them).
    variance
        Variance of one group's contribution: ``se**2 * n``.
    """

    mean: float
    se: float
    n: int
    variance: float


@dataclass(frozen=True, slots=True)
class GroupSums:
    """What a mean per unit needs of its independent groups (T the scores of a group, U its units): it is additive.

    Attributes
    ----------
    groups
        Number of groups.
    total, units
        Σ T and Σ U.
    squares, crossed, sizes
        Σ T², Σ T·U and Σ U².
    """

    groups: float
    total: float
    units: float
    squares: float
    crossed: float
    sizes: float

    def mean(self) -> ScoreMean:
        """Return what `mean_by_group` returns of the same groups."""
        n = int(self.groups)
        if n < 2 or self.units <= 0.0:
            return ScoreMean(float("nan"), float("nan"), n, float("nan"))
        mean = self.total / self.units
        scatter = max(self.squares - 2.0 * mean * self.crossed + mean * mean * self.sizes, 0.0)
        variance = scatter * (n / self.units) ** 2 / (n - 1)
        return ScoreMean(mean, float(np.sqrt(variance / n)), n, variance)


def mean_by_group(values: Floats, groups: Integers | None = None, units: Floats | None = None) -> ScoreMean:
    """Return the mean per unit of `values` with a standard error over independent groups.

    Parameters
    ----------
    values
        Scores, or sums of scores, shape (n,).
    groups
        Code of the independent group of each row (a recurring unit, or a cluster of units), shape (n,); None: each row.
    units
        How many units each row stands for, shape (n,); None: one.

    Notes
    -----
    A ratio of two sums, linearised: ψ_g = (T_g − mean·U_g)·G/ΣU with T_g, U_g the group's sums of scores and units.
    NaN with fewer than two groups.
    """
    mean, influence = group_influences(values, groups, units)
    n = len(influence)
    if math.isnan(mean):
        return ScoreMean(mean, float("nan"), n, float("nan"))
    variance = float(influence @ influence) / (n - 1)
    return ScoreMean(mean, float(np.sqrt(variance / n)), n, variance)


def group_influences(
    values: Floats, groups: Integers | None = None, units: Floats | None = None
) -> tuple[float, Floats]:
    """Return the mean per unit and what each independent group adds to it, times the number of groups, shape (G,).

    As in `mean_by_group`; the mean is NaN with fewer than two groups.
    """
    count = np.ones(len(values)) if units is None else units
    if groups is None:
        totals, sizes = values, count
    else:
        n_groups = int(groups.max()) + 1 if len(groups) else 0
        present = np.bincount(groups, minlength=n_groups) > 0
        totals, sizes = sums_by(groups, values, n_groups)[present], sums_by(groups, count, n_groups)[present]
    n, size = len(totals), float(sizes.sum())
    if n < 2 or size <= 0.0:
        return float("nan"), np.full(n, np.nan)
    mean = float(totals.sum()) / size
    return mean, (totals - mean * sizes) * (n / size)


def variance_by_level(level: Floats, squared_residual: Floats, weight: Floats, at: Floats) -> Floats:
    """Return the outcome variance expected at each predicted level, shape of `at`.

    Cells with few rows have no usable variance of their own (rare outcomes: often zero), so it is read off a curve:
    the weighted mean squared residual in ten equal-count bins of the predicted level, never under 5 % of the overall.

    Parameters
    ----------
    level, squared_residual, weight
        Predicted outcome, squared residual and weight of the rows to learn from, shape (m,).
    at
        Predicted outcome of the rows to judge, shape (n,).
    """
    squares = weight * squared_residual
    overall = float(squares.sum() / weight.sum())
    edges = np.quantile(level, np.arange(1, BINS) / BINS)
    edges = np.unique(edges + SLACK * np.abs(edges))
    place = np.searchsorted(edges, level, side="left")
    mass = sums_by(place, weight, len(edges) + 1)
    total = sums_by(place, squares, len(edges) + 1)
    return variance_of_bins(total, mass, overall)[np.searchsorted(edges, at, side="left")]


def variance_of_bins(squares: Floats, weight: Floats, overall: float) -> Floats:
    """Return the outcome variance expected in each bin of the predicted level, shape (n_bins,).

    Parameters
    ----------
    squares, weight
        Weighted sum of the squared residuals, and sum of the weights, of the rows of each bin, shape (n_bins,).
    overall
        Weighted mean squared residual of all rows.
    """
    curve = np.divide(squares, weight, out=np.full(len(weight), overall), where=weight > 0.0)
    return np.maximum(curve, _LEAST_SHARE * overall)


def variance_by_cell(squares: Floats, n: Floats, nonzero: Floats) -> Floats:
    """Return the outcome variance expected in each cell, its own drawn towards that of all, shape (n_cells,).

    A cell of few rows has no usable variance of its own, and a curve over its mean outcome cannot stand in: where no
    model smooths them, cells with few outcomes by chance would be given both a small variance and a large effect. So
    the overall mean square counts as if it had been seen in as many rows as show `_OWN_NONZERO` non-zero outcomes.

    Parameters
    ----------
    squares, n, nonzero
        Sum of the squared residuals, number and number of non-zero outcomes of the rows to learn from, shape
        (n_cells,); the rows of at least one cell.
    """
    overall = float(squares.sum() / n.sum())
    borrowed = _OWN_NONZERO * float(n.sum()) / max(float(nonzero.sum()), 1.0)
    return np.asarray((squares + borrowed * overall) / (n + borrowed))
