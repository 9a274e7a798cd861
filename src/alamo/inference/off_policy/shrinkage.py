"""Effects per row that do not chase noise: means of groups of similar rows, shrunk towards each other."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from alamo.numerics.doubly_robust import mean_by_group
from alamo.numerics.fay_herriot import LEAST_SEGMENTS, fay_herriot
from alamo.numerics.grouping import Grouping
from alamo.numerics.moments import sums_by

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def shrunk_effects(gamma: Floats, features: Floats, groups: Integers | None = None) -> Floats:
    """Return the shrunk effect of each action against the first, by row, shape (n, k); zeros for the first.

    Rows are grouped by their features alone; a group's mean score has the variance that the pooled score would have on
    as many rows (a cell's own sample variance is useless with rare outcomes) and is shrunk by Fay–Herriot under
    half-normal priors. With too few groups everybody gets the pooled effect.

    Parameters
    ----------
    gamma
        Doubly robust scores of every action, shape (n, k).
    features
        Shape (n, d), missing NaN.
    groups
        Code of the independent unit of each row, shape (n,); None: each row.
    """
    n, k = gamma.shape
    grouping = Grouping.fit(features, [str(j) for j in range(features.shape[1])])
    cell = grouping.assign(features) if features.shape[1] else np.zeros(n, dtype=np.int64)
    size = np.bincount(cell).astype(np.float64)
    effects = np.zeros((n, k))
    for action in range(1, k):
        score = gamma[:, action] - gamma[:, 0]
        pooled = mean_by_group(score, groups)
        variance = pooled.se**2 * n / np.maximum(size, 1.0)
        if len(size) < LEAST_SEGMENTS or pooled.se == 0.0:
            effects[:, action] = pooled.mean
            continue
        mean = sums_by(cell, score, len(size)) / size
        scale = 0.5 * max(abs(pooled.mean), 2.0 * pooled.se)
        effects[:, action] = fay_herriot(mean, variance, scale=scale).decide_mean[cell]
    return effects
