"""How fine a partition should be: as fine as rows on which it was not grown allow without measurable loss.

The size and the shrinkage of least loss are found first. From there the path is followed on as long as the loss stays
within one standard error (of the paired difference) of the least: among sizes that predict alike the finest is taken,
because it tells people most; the classical rule takes the coarsest.

*Nothing to find* is an answer: unless the best partition predicts better than one group by more than two standard
errors of the paired difference, one group it is. Without an effect the least of a path of losses lies below its
beginning only by chance, and seldom by two standard errors.

Source: Breiman, Friedman, Olshen & Stone (1984), §3.4 (choice on a test sample, its standard error).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alamo.numerics.moments import codes
from alamo.numerics.partition_growth import GrownPath
from alamo.numerics.partition_tree import node_sums, shrunk_means

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

STRENGTHS = (0.0, 50.0, 100.0, 200.0, 500.0, 1000.0)
"""Shrinkage tried, in rows."""
SURE = 2.0
"""Standard errors by which a partition has to predict better than one group."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows to grow or to judge on.

    Attributes
    ----------
    bins
        Shape (n, d).
    outcomes
        Shape (n, q).
    unit
        Whose rows depend on each other, shape (n,).
    """

    bins: Integers
    outcomes: Floats
    unit: npt.NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class Fold:
    """A path, the rows it was grown on, and rows of other units to judge it by."""

    path: GrownPath
    learn: Rows
    judge: Rows


@dataclass(frozen=True, slots=True)
class SizeChoice:
    """The chosen place on the paths.

    Attributes
    ----------
    cuts
        Cuts to follow a path for; 0 keeps its beginning.
    best_cuts
        Cuts of least loss; `cuts` is as many or more.
    strength
        Of the shrinkage at the chosen size.
    losses
        Mean loss on the judging rows after 0, 1, 2 … cuts, each at its best strength, up to the cuts of the shortest
        path, shape (n_cuts + 1,).
    one_group
        Mean loss of one group.
    improvement, se
        One group less the size of least loss, and the standard error of that difference over units.
    found
        Whether the improvement is above `SURE` standard errors.
    """

    cuts: int
    best_cuts: int
    strength: float
    losses: Floats
    one_group: float
    improvement: float
    se: float
    found: bool


def choose_size(folds: Sequence[Fold], strengths: Sequence[float] = STRENGTHS) -> SizeChoice:
    """Return size and strength of least loss on the judging rows of all folds together.

    Assumes
    -------
    No judging row was used to grow the path that it judges, and the outcomes of all rows are on the same scale.

    Raises
    ------
    ValueError
        Without folds or strengths, or without judging rows.
    """
    if not folds or not strengths or not sum(len(fold.judge.bins) for fold in folds):
        raise ValueError("a size is chosen by rows that a path was not grown on, and there are none")
    most = min(len(fold.path.order) for fold in folds)
    apart = np.concatenate(
        [((fold.judge.outcomes - fold.learn.outcomes.mean(axis=0)) ** 2).sum(axis=1) for fold in folds]
    )
    unit = np.concatenate([fold.judge.unit for fold in folds])
    tried = np.stack([_tried(folds, strength, most) for strength in strengths])
    means = tried.mean(axis=2)
    at = means.argmin(axis=0)  # the strength that is best for each size
    losses, curve = tried[at, np.arange(most + 1)], means.min(axis=0)
    least = int(curve.argmin())
    improvement, se = paired_difference(apart - losses[least], unit)
    cuts = _finest(losses, least, unit)
    return SizeChoice(
        cuts=cuts,
        best_cuts=least,
        strength=float(strengths[at[cuts]]),
        losses=curve,
        one_group=float(apart.mean()),
        improvement=improvement,
        se=se,
        found=improvement > SURE * se,
    )


def _tried(folds: Sequence[Fold], strength: float, most: int) -> Floats:
    """Return the loss of every judging row of every fold after 0 … `most` cuts, shape (most + 1, rows)."""
    return np.concatenate([path_losses(f.path, f.learn, f.judge, strength)[: most + 1] for f in folds], axis=1)


def _finest(losses: Floats, least: int, unit: npt.NDArray[np.generic]) -> int:
    """Return the most cuts whose loss is within one standard error of that of `least` cuts."""
    for cuts in range(len(losses) - 1, least, -1):
        worse, se = paired_difference(losses[cuts] - losses[least], unit)
        if worse <= se:
            return cuts
    return least


def path_losses(path: GrownPath, learn: Rows, judge: Rows, strength: float) -> Floats:
    """Return the squared error of each judging row after 0, 1, 2 … cuts, shape (n_cuts + 1, n)."""
    means = shrunk_means(path.tree, node_sums(path.tree, learn.bins, learn.outcomes), strength)
    leaf = path.start.leaf_of(judge.bins)
    current = ((judge.outcomes - means[leaf]) ** 2).sum(axis=1)
    losses = np.empty((len(path.order) + 1, len(leaf)))
    losses[0] = current
    tree = path.tree
    for step, node in enumerate(path.order, start=1):
        rows = np.flatnonzero(leaf == node)
        goes_left = judge.bins[rows, tree.column[node]] <= tree.cut[node]
        leaf[rows] = np.where(goes_left, tree.left[node], tree.right[node])
        current[rows] = ((judge.outcomes[rows] - means[leaf[rows]]) ** 2).sum(axis=1)
        losses[step] = current
    return losses


def paired_difference(difference: Floats, unit: npt.NDArray[np.generic]) -> tuple[float, float]:
    """Return the mean of `difference` (n,) over rows and its standard error over units; 0 with fewer than two units."""
    mean = float(difference.mean())
    code, n_units = codes(unit)
    if n_units < 2:
        return mean, 0.0
    sums = np.bincount(code, difference - mean, minlength=n_units)
    return mean, float(np.sqrt(n_units / (n_units - 1) * (sums @ sums)) / len(difference))
