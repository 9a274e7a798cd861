"""Estimates from rows that recur in clusters: a line with jackknifed errors, and whether several means are one.

Errors are those of clusters, never of rows: a customer decided about eight times is one customer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alamo.numerics.laws import f_exceeded, f_tail, t_exceeded, t_tail
from alamo.numerics.moments import codes, sums_by

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_FLAT = 1e-12
_LEVEL = 1e-7


@dataclass(frozen=True, slots=True)
class Line:
    """A weighted least squares line y ≈ intercept + slope·x.

    Attributes
    ----------
    intercept, slope
        NaN where x does not vary.
    slope_se
        Standard error of the slope over clusters; NaN where x varies by one cluster alone.
    freedom
        Degrees of freedom of the t law that the error deserves: few clusters far out on x are few clusters.
    n_clusters
        Number of clusters.
    """

    intercept: float
    slope: float
    slope_se: float
    freedom: float
    n_clusters: int

    def interval(self, level: float) -> tuple[float, float]:
        """Return the interval of the slope at `level`."""
        half = t_exceeded(0.5 * (1.0 - level), self.freedom) * self.slope_se
        return self.slope - half, self.slope + half

    def p_value(self, slope: float) -> float:
        """Return the two-sided p-value of "the slope is `slope`"."""
        return 2.0 * t_tail(abs(self.slope - slope) / self.slope_se, self.freedom)


def clustered_line(x: Floats, y: Floats, weight: Floats, cluster: Integers) -> Line:
    """Fit a line with a standard error that is right when rows of a cluster depend on each other.

    The error is the jackknife over clusters (CV3); its degrees of freedom are those of the squared influences under a
    working variance of 1/`weight`, 1/Σ h² with h a cluster's share of the spread of x.

    Parameters
    ----------
    x, y
        Shape (n,).
    weight
        Positive precision of each row, known without the outcomes, shape (n,).
    cluster
        Code of each row's cluster, shape (n,).

    Assumes
    -------
    Clusters are independent of each other.

    Source: MacKinnon, Nielsen & Webb (2023), "Cluster-robust inference: a guide to empirical practice", Journal of
    Econometrics 232(2), eq. 16; degrees of freedom: Satterthwaite (1946), Biometrics Bulletin 2(6), as in Bell &
    McCaffrey (2002), Survey Methodology 28(2), §3.
    """
    group, n_clusters = codes(cluster)
    centre = float(weight @ x / weight.sum()) if len(x) else 0.0
    z = np.column_stack([np.ones(len(x)), x - centre])
    spread = weight * z[:, 1] ** 2
    total = float(spread.sum())
    if n_clusters < 3 or total <= _FLAT * float(weight @ x**2):
        return Line(float("nan"), float("nan"), float("nan"), float("nan"), n_clusters)
    gram = np.stack(
        [sums_by(group, weight * z[:, i] * z[:, j], n_clusters) for i, j in ((0, 0), (0, 1), (1, 1))], axis=1
    )
    right = np.stack([sums_by(group, weight * z[:, i] * y, n_clusters) for i in (0, 1)], axis=1)
    whole = _solved(gram.sum(axis=0)[None, :], right.sum(axis=0)[None, :])[0]
    without = _solved(gram.sum(axis=0) - gram, right.sum(axis=0) - right)
    variance = (n_clusters - 1) / n_clusters * float(np.sum((without[:, 1] - whole[1]) ** 2))
    share = sums_by(group, spread, n_clusters) / total
    freedom = max(1.0, min(1.0 / float(share @ share), n_clusters - 1.0))
    return Line(float(whole[0] - whole[1] * centre), float(whole[1]), float(variance**0.5), freedom, n_clusters)


@dataclass(frozen=True, slots=True)
class PatternSums:
    """What a line needs of its clusters, those of equal x taken together: nothing of it is a row, and it is additive.

    Clusters that hold the same values of x differ in y alone, in which each one's part of the jackknife is square.

    Attributes
    ----------
    clusters
        Number of clusters of each pattern, shape (k,).
    size, x, xx
        Rows of *one* such cluster, its Σ x and Σ x², shape (k,).
    y, xy
        Over the pattern's clusters together, Σ T and Σ S with T = Σ y and S = Σ x·y of a cluster, shape (k,).
    yy, yxy, xyxy
        Likewise Σ T², Σ T·S and Σ S², shape (k,).
    """

    clusters: Floats
    size: Floats
    x: Floats
    xx: Floats
    y: Floats
    xy: Floats
    yy: Floats
    yxy: Floats
    xyxy: Floats

    def line(self) -> Line:
        """Return what `clustered_line` returns of the same rows, each of weight 1."""
        n_clusters, rows = int(self.clusters.sum()), float(self.clusters @ self.size)
        centre = float(self.clusters @ self.x) / rows if rows else 0.0
        gram = np.stack(
            [self.size, self.x - centre * self.size, self.xx - 2.0 * centre * self.x + centre**2 * self.size], axis=1
        )
        total = float(self.clusters @ gram[:, 2])
        if n_clusters < 3 or total <= _FLAT * float(self.clusters @ self.xx):
            return Line(float("nan"), float("nan"), float("nan"), float("nan"), n_clusters)
        whole = self.clusters @ gram
        right = np.array([self.y.sum(), self.xy.sum() - centre * self.y.sum()])
        line = _solved(whole[None, :], right[None, :])[0]
        variance = (n_clusters - 1) / n_clusters * float(self._left_out(whole - gram, right, centre, line[1]).sum())
        share = gram[:, 2] / total
        freedom = max(1.0, min(1.0 / float(self.clusters @ share**2), n_clusters - 1.0))
        return Line(float(line[0] - line[1] * centre), float(line[1]), float(variance**0.5), freedom, n_clusters)

    def _left_out(self, gram: Floats, right: Floats, centre: float, slope: float) -> Floats:
        """Return the sum of squares by which the slope moves when each cluster of a pattern is left out, shape (k,)."""
        a, b, d = gram.T
        determinant = _determinant(a, b, d)
        of_y, of_xy = -b / determinant, a / determinant
        moved = of_y * right[0] + of_xy * right[1] - slope
        xy = self.xy - centre * self.y
        yxy = self.yxy - centre * self.yy
        xyxy = self.xyxy - 2.0 * centre * self.yxy + centre**2 * self.yy
        squares: Floats = of_y**2 * self.yy + 2.0 * of_y * of_xy * yxy + of_xy**2 * xyxy
        return np.maximum(self.clusters * moved**2 - 2.0 * moved * (of_y * self.y + of_xy * xy) + squares, 0.0)


def _solved(gram: Floats, right: Floats) -> Floats:
    """Return the solution of k systems of two equations, shape (k, 2); `gram` holds a, b, d of [[a, b], [b, d]]."""
    a, b, d = gram.T
    numerators = np.stack([d * right[:, 0] - b * right[:, 1], a * right[:, 1] - b * right[:, 0]], axis=1)
    return numerators / _determinant(a, b, d).reshape(-1, 1)


def _determinant(a: Floats, b: Floats, d: Floats) -> Floats:
    """Return a·d − b², NaN where x does not vary but for rounding: then there is no line."""
    determinant = a * d - b * b
    return np.where(determinant > _LEVEL * a * d, determinant, np.nan)


@dataclass(frozen=True, slots=True)
class Homogeneity:
    """Whether the means of several cells are one.

    Attributes
    ----------
    means, standard_errors
        Of each cell, shape (k,).
    pooled
        Their precision-weighted mean.
    q
        Cochran's Q: about χ² with k − 1 degrees of freedom if all means are one.
    p_value
        Chance of a larger Q in that case.
    newest_gap, newest_gap_se
        Mean of the last cell less the precision-weighted mean of the others, and its standard error.
    n_clusters
        Number of clusters.
    """

    means: tuple[float, ...]
    standard_errors: tuple[float, ...]
    pooled: float
    q: float
    p_value: float
    newest_gap: float
    newest_gap_se: float
    n_clusters: int

    def threshold(self, level: float) -> float:
        """Return the Q that chance exceeds with probability 1 − `level` if all means are one."""
        differences, freedom, scale = _hotelling(len(self.means), self.n_clusters)
        return scale * f_exceeded(1.0 - level, differences, freedom)


def _hotelling(k: int, n_clusters: int) -> tuple[int, int, float]:
    """Return the two degrees of freedom of the F law, and by how much Q is larger than it."""
    freedom = n_clusters - (k - 1)
    return k - 1, freedom, (k - 1) * (n_clusters - 1) / freedom


def homogeneity(values: Floats, cell: Integers, cluster: Integers) -> Homogeneity:
    """Test whether cells (such as cycles) share one mean, when clusters (such as customers) recur in several cells.

    Q = (θ − θ̄1)ᵀ V⁻¹ (θ − θ̄1) with V the cluster-robust covariance of the cells' means θ, referred to Hotelling's law,
    since V is estimated from finitely many clusters.

    Parameters
    ----------
    values
        Shape (n,).
    cell
        Code 0 … k − 1 of each row's cell, every one with rows, the newest last, shape (n,).
    cluster
        Code of each row's cluster, shape (n,).

    Assumes
    -------
    Clusters are independent of each other; there are more of them than cells.

    Raises
    ------
    ValueError
        If there are fewer than two cells, or no more clusters than cells.

    Source: Cochran (1954), "The combination of estimates from different experiments", Biometrics 10(1), §4; with
    correlated estimates: Becker (1992), "Using results from replicated studies", Journal of Educational Statistics
    17(4), eq. 6.
    """
    group, n_clusters = codes(cluster)
    k = int(cell.max()) + 1 if len(cell) else 0
    if k < 2 or n_clusters <= k:
        raise ValueError(f"homogeneity needs two cells and more clusters than cells, not {k} and {n_clusters}")
    size = np.bincount(cell, minlength=k).astype(np.float64)
    means = sums_by(cell, values, k) / size
    influence = np.zeros((n_clusters, k))
    np.add.at(influence, (group, cell), (values - means[cell]) / size[cell])
    covariance = influence.T @ influence * n_clusters / (n_clusters - 1)
    precision = np.linalg.pinv(covariance, hermitian=True)
    pooled = float(precision.sum(axis=0) @ means / precision.sum())
    gap = means - pooled
    q = max(float(gap @ precision @ gap), 0.0)
    differences, freedom, scale = _hotelling(k, n_clusters)
    older = np.linalg.pinv(covariance[:-1, :-1], hermitian=True)
    contrast = np.append(-older.sum(axis=0) / older.sum(), 1.0)
    return Homogeneity(
        tuple(means.tolist()),
        tuple(np.sqrt(np.diag(covariance)).tolist()),
        pooled,
        q,
        f_tail(q / scale, differences, freedom),
        float(contrast @ means),
        float(np.sqrt(contrast @ covariance @ contrast)),
        n_clusters,
    )
