from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2

from alamo.numerics.clustered import PatternSums, clustered_line, homogeneity


def test_the_line_is_weighted_least_squares_and_its_error_the_jackknife_over_clusters():
    rng = np.random.default_rng(3)
    cluster = np.repeat(np.arange(12), 5)
    x, weight = rng.normal(size=60), rng.uniform(0.5, 2.0, 60)
    y = 1.0 + 0.5 * x + rng.normal(size=60) + rng.normal(size=12)[cluster]
    found = clustered_line(x, y, weight, cluster)

    def slope(rows: np.ndarray) -> np.ndarray:
        root = np.sqrt(weight[rows])
        z = np.column_stack([np.ones(rows.sum()), x[rows]]) * root[:, None]
        return np.linalg.lstsq(z, y[rows] * root, rcond=None)[0]

    intercept, whole = slope(cluster >= 0)
    without = np.array([slope(cluster != g)[1] for g in range(12)])
    assert found.slope == pytest.approx(whole)
    assert found.intercept == pytest.approx(intercept)
    assert found.slope_se == pytest.approx(np.sqrt(11 / 12 * np.sum((without - whole) ** 2)))
    assert 1.0 <= found.freedom <= 11.0
    low, high = found.interval(0.95)
    assert found.p_value(low) == pytest.approx(0.05)
    assert found.p_value(high) == pytest.approx(0.05)


def test_rows_told_twice_do_not_shrink_the_error():
    rng = np.random.default_rng(4)
    x, y, w = rng.normal(size=40), rng.normal(size=40), np.ones(40)
    once = clustered_line(x, y, w, np.arange(40))
    twice = clustered_line(np.tile(x, 2), np.tile(y, 2), np.ones(80), np.tile(np.arange(40), 2))
    assert twice.slope_se == pytest.approx(once.slope_se)
    assert twice.n_clusters == 40


def patterns_of(x: np.ndarray, y: np.ndarray, cluster: np.ndarray) -> PatternSums:
    """Add up clusters that hold the same values of x."""
    found: dict[tuple, list[tuple[float, float]]] = {}
    for one in np.unique(cluster):
        mine = cluster == one
        pattern = (mine.sum(), x[mine].sum(), (x[mine] ** 2).sum())
        found.setdefault(pattern, []).append((y[mine].sum(), (x * y)[mine].sum()))
    size, sx, sxx = np.array(list(found)).T
    sums = [np.array(pairs) for pairs in found.values()]
    total, squares = np.array([s.sum(axis=0) for s in sums]), np.array([(s.T @ s).ravel() for s in sums])
    clusters = np.array([float(len(s)) for s in sums])
    return PatternSums(clusters, size, sx, sxx, total[:, 0], total[:, 1], squares[:, 0], squares[:, 1], squares[:, 3])


@pytest.mark.parametrize("seed", range(20))
def test_a_line_from_sums_over_clusters_of_equal_x_is_the_line_from_rows(seed):
    rng = np.random.default_rng(seed)
    cluster = rng.integers(0, int(rng.integers(4, 80)), 200)
    x = rng.integers(1, int(rng.integers(3, 9)), 200).astype(float)
    y = 40.0 + rng.normal(size=200) + 0.1 * x + rng.normal(size=80)[cluster]
    rows, sums = clustered_line(x, y, np.ones(200), cluster), patterns_of(x, y, cluster).line()
    assert sums.n_clusters == rows.n_clusters
    for name in ("slope", "intercept", "slope_se", "freedom"):
        assert getattr(sums, name) == pytest.approx(getattr(rows, name), rel=1e-9)


def test_sums_of_x_that_does_not_vary_have_no_slope():
    assert np.isnan(patterns_of(np.full(10, 3.0), np.arange(10.0), np.arange(10)).line().slope)


def test_where_x_does_not_vary_there_is_no_slope():
    found = clustered_line(np.full(10, 7.1), np.arange(10.0), np.ones(10), np.arange(10))
    assert np.isnan(found.slope)
    assert found.n_clusters == 10


def test_one_cluster_that_decides_alone_leaves_one_degree_of_freedom():
    x = np.concatenate([[1_000.0], np.linspace(0.0, 1.0, 99)])
    assert clustered_line(x, x, np.ones(100), np.arange(100)).freedom == pytest.approx(1.0, abs=0.05)


def test_q_of_independent_cells_is_cochrans():
    rng = np.random.default_rng(5)
    values, cell = rng.normal(size=3_000), np.repeat(np.arange(3), 1_000)
    values[cell == 2] += 0.15
    found = homogeneity(values, cell, np.arange(3_000))
    means = np.array([values[cell == k].mean() for k in range(3)])
    variance = np.array([values[cell == k].var() / 1_000 for k in range(3)])
    pooled = np.sum(means / variance) / np.sum(1 / variance)
    q = np.sum((means - pooled) ** 2 / variance)
    assert found.q == pytest.approx(q, rel=2e-3)
    assert found.pooled == pytest.approx(pooled)
    assert found.p_value == pytest.approx(chi2.sf(q, 2), rel=0.05)
    assert found.newest_gap == pytest.approx(means[2] - np.average(means[:2], weights=1 / variance[:2]), rel=1e-3)
    assert found.newest_gap_se == pytest.approx(np.sqrt(variance[2] + 1 / np.sum(1 / variance[:2])), rel=2e-3)
    assert (found.q > found.threshold(0.95)) == (found.p_value < 0.05)


def test_what_is_common_to_a_cluster_cancels_between_cells():
    rng = np.random.default_rng(6)
    person = rng.normal(0.0, 10.0, 500)
    values = np.concatenate([person + rng.normal(0.0, 0.1, 500), person + 0.1 + rng.normal(0.0, 0.1, 500)])
    cell, cluster = np.repeat([0, 1], 500), np.tile(np.arange(500), 2)
    assert homogeneity(values, cell, cluster).p_value < 1e-6
    assert homogeneity(values, cell, np.arange(1_000)).p_value > 0.5


@pytest.mark.parametrize(("cell", "cluster"), [([0, 0, 0], [0, 1, 2]), ([0, 1, 1], [0, 1, 1])])
def test_too_little_to_compare_is_refused(cell: list[int], cluster: list[int]):
    with pytest.raises(ValueError, match="more clusters than cells"):
        homogeneity(np.ones(3), np.array(cell), np.array(cluster))


@pytest.mark.parametrize("common", [2.0, 57.0])
def test_where_one_cluster_alone_differs_in_x_the_slope_has_no_error(common: float):
    x, cluster = np.full(40, common), np.arange(40)
    x[0] += 1.0
    y = np.random.default_rng(1).normal(size=40)
    assert np.isnan(clustered_line(x, y, np.ones(40), cluster).slope_se)
    assert np.isnan(patterns_of(x, y, cluster).line().slope_se)
