"""Honest trees: where to split is learnt on one part of the rows, what a leaf is worth on another.

A leaf chosen because its scores looked high is lucky on the rows that chose it. Rows that took no part in the choice
tell what it is worth; the leaves' means are then drawn together as far as chance explains their differences.

Source: Athey & Imbens (2016), "Recursive partitioning for heterogeneous causal effects", PNAS 113(27), §2 (honest
estimation).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from alamo.numerics.hashing import uniforms
from alamo.numerics.moments import sums_by
from alamo.prediction.learners.booster import BoosterSettings, Trees

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def halves(n: int, folds: Integers | None = None) -> Flags:
    """Return which of `n` rows belong to the first half, shape (n,).

    Whole folds go to one half, so that the rows of a unit stay together; without two folds each row falls by a hash of
    its number.
    """
    present = np.unique(folds) if folds is not None else np.zeros(0, dtype=np.int64)
    if folds is None or len(present) < 2:
        return uniforms(np.arange(n, dtype=np.uint64), "honest") < 0.5
    return np.isin(folds, present[::2])


def grow_honest(x: Floats, score: Floats, weight: Floats, first: Flags, settings: BoosterSettings) -> Trees | None:
    """Return trees that were split on the rows of the `first` part and valued on the others; None where rows are few.

    Parameters
    ----------
    x, score, weight
        Features (n, d), scores (n,) and positive weights (n,).
    first
        Rows that choose the splits, shape (n,).
    settings
        Growing; each half needs twice its least leaf.
    """
    s, w = score[first], weight[first]
    if min(len(s), len(score) - len(s)) < 2 * settings.least_rows or not x.shape[1]:
        return None
    centre = float(w @ s / w.sum())
    spread = float(np.sqrt(w @ (s - centre) ** 2 / w.sum()))
    if spread == 0.0:
        return None
    trees = Trees.grow(x[first], (s - centre) / spread, w, settings)
    leaves, sizes = trees.leaves(x[~first]), trees.leaf_counts
    if not sizes:
        return None
    others = (score[~first], weight[~first])
    return trees.with_leaf_values([leaf_effects(leaf, *others, n) for leaf, n in zip(leaves.T, sizes, strict=True)])


def leaf_effects(leaf: Integers, score: Floats, weight: Floats, size: int) -> Floats:
    """Return the effect of each of `size` leaves from rows that did not choose the leaves, shape (size,).

    Weighted means, drawn towards their centre by 1 − τ²/(τ² + v) each, where v is the variance of the mean (scores
    vary by φ/weight) and τ² that of the leaves' true effects, by moments; 0 where chance explains the differences. A
    leaf without rows gets the centre.

    Source: DerSimonian & Laird (1986), "Meta-analysis in clinical trials", Controlled Clinical Trials 7(3), eq. 8;
    Efron & Morris (1973), JASA 68, §2, for drawing means together.
    """
    mass = sums_by(leaf, weight, size)
    filled = np.flatnonzero(mass > 0.0)
    mass = mass[filled]
    means = sums_by(leaf, weight * score, size)[filled] / mass
    centre = float(mass @ means / mass.sum())
    values = np.full(size, centre)
    known = np.zeros(size)
    known[filled] = means
    level = float(weight @ (score - known[leaf]) ** 2) / max(len(score) - len(filled), 1)
    if level == 0.0:
        values[filled] = means
        return values
    precision = mass / level
    room = float(precision.sum() - precision @ precision / precision.sum())
    between = float(precision @ (means - centre) ** 2) - (len(filled) - 1)
    if between <= 0.0 or room <= 0.0:
        return values
    variance = between / room
    kept = variance / (variance + 1.0 / precision)
    centre = float(kept @ means / kept.sum())
    values[:] = centre
    values[filled] = centre + kept * (means - centre)
    return values
