"""The error of a difference between arms that were drawn as a whole, in few clusters: Welch's, by arm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alamo.numerics.laws import t_exceeded, t_tail
from alamo.numerics.moments import codes, sums_by

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


_NOTHING = 1e-18


def design_effect(values: Floats, cluster: Integers) -> float:
    """Return the variance of a sum of values (n,) over what it were if rows did not depend on each other, at least 1.

    Source: Kish (1965), "Survey Sampling", §8.2; counted from the rows, without a model of how they depend.
    """
    group, n_clusters = codes(cluster)
    alone = float(values @ values)
    if n_clusters == len(values) or alone <= 0.0:
        return 1.0
    sums = sums_by(group, values, n_clusters)
    return max(1.0, float(sums @ sums) * n_clusters / max(n_clusters - 1, 1) / alone)


@dataclass(frozen=True, slots=True)
class ClusterError:
    """A standard error with the degrees of freedom that its Student law deserves; infinite where it is known."""

    se: float
    freedom: float

    def quantile(self, level: float) -> float:
        """Return how many standard errors an interval at `level` reaches to either side."""
        return t_exceeded(0.5 * (1.0 - level), self.freedom)

    def p_value(self, mean: float) -> float:
        """Return the two-sided p-value of "the mean is 0"."""
        return 2.0 * t_tail(abs(mean) / self.se, self.freedom)


def cluster_error(influence: Floats, size: Floats, arm: Integers) -> ClusterError:
    """Return the error of a mean to which each cluster of one arm or another contributes.

    Each arm's part of the variance is that of as many clusters as it has, and has one degree of freedom less than it
    has clusters of equal size; parts are added, and their degrees of freedom by Satterthwaite.

    Parameters
    ----------
    influence
        What each cluster adds to the mean, times the number of clusters, shape (G,); about 0 on average in every arm.
    size
        Units of each cluster, positive, shape (G,): clusters of unequal size count as fewer (Kish).
    arm
        Code of the arm that each cluster drew, shape (G,).

    Assumes
    -------
    Clusters are independent, and every arm that contributes has two of them; else the error is infinite.

    Source: Welch (1947), Biometrika 34(1/2), §2; Bell & McCaffrey (2002), Survey Methodology 28(2), §3, of which it is
    the case of one indicator per arm; unequal clusters: Kish (1965), "Survey Sampling", §11.7.
    """
    k = int(arm.max()) + 1 if len(arm) else 0
    squares = sums_by(arm, influence**2, k)
    n = np.bincount(arm, minlength=k).astype(np.float64)
    used = squares > _NOTHING * squares.max(initial=0.0)
    if not used.any():
        return ClusterError(0.0, float("inf"))
    if (n[used] < 2.0).any():
        return ClusterError(float("inf"), 1.0)
    part = squares[used] * n[used] / (n[used] - 1.0) / float(len(influence)) ** 2
    alike = sums_by(arm, size, k)[used] ** 2 / sums_by(arm, size**2, k)[used]
    freedom = float(part.sum()) ** 2 / float(np.sum(part**2 / np.maximum(alike - 1.0, 1.0)))
    return ClusterError(float(np.sqrt(part.sum())), freedom)
