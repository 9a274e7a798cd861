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
    half-normal priors. With two to four groups the spread between them is that of the method of moments.

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
        mean, variance = sums_by(cell, score, len(size)) / size, pooled.se**2 * n / size
        if pooled.se == 0.0:
            effects[:, action] = pooled.mean
        elif len(size) < LEAST_SEGMENTS:
            effects[:, action] = _by_moments(mean, variance)[cell]
        else:
            scale = 0.5 * max(abs(pooled.mean), 2.0 * pooled.se)
            effects[:, action] = fay_herriot(mean, variance, scale=scale).decide_mean[cell]
    return effects


def _by_moments(direct: Floats, variance: Floats) -> Floats:
    """Return few group means shrunk towards their weighted mean, with the spread of DerSimonian & Laird (1986)."""
    weight = 1.0 / variance
    centre = float(weight @ direct) / float(weight.sum())
    excess = float(weight @ (direct - centre) ** 2) - (len(direct) - 1)
    scale = float(weight.sum() - (weight @ weight) / weight.sum())
    spread = max(excess / scale, 0.0) if scale > 0.0 else 0.0
    return centre + spread / (spread + variance) * (direct - centre)
