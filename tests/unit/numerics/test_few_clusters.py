"""The error of few clusters is Welch's, with fewer degrees of freedom where clusters are of unequal size."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ttest_ind

from alamo.numerics.doubly_robust import group_influences
from alamo.numerics.few_clusters import ClusterError, cluster_error, design_effect


def difference(values: np.ndarray, arm: np.ndarray) -> tuple[float, ClusterError]:
    """The difference in means of clusters of one row, as scores with the arms' shares for chances."""
    p, means = arm.mean(), [values[arm == a].mean() for a in (0, 1)]
    residual = values - np.where(arm == 1, means[1], means[0])
    score = means[1] - means[0] + np.where(arm == 1, residual / p, -residual / (1.0 - p))
    mean, influence = group_influences(score)
    return mean, cluster_error(influence, np.ones(len(values)), arm)


@pytest.mark.parametrize(("n", "n_action"), [(20, 10), (30, 4)])
def test_clusters_of_equal_size_give_the_test_of_welch(n: int, n_action: int) -> None:
    rng = np.random.default_rng(n)
    arm = (np.arange(n) < n_action).astype(np.int64)
    values = rng.normal(size=n) * (1.0 + 2.0 * arm)
    mean, error = difference(values, arm)
    welch = ttest_ind(values[arm == 1], values[arm == 0], equal_var=False)
    assert error.freedom == pytest.approx(welch.df)
    assert mean / error.se == pytest.approx(welch.statistic)
    assert error.p_value(mean) == pytest.approx(welch.pvalue)
    reach = error.quantile(0.95) * error.se
    assert (mean - reach, mean + reach) == pytest.approx(tuple(welch.confidence_interval(0.95)))


def test_unequal_clusters_count_as_fewer_and_one_cluster_shows_no_error() -> None:
    influence, arm = np.array([1.0, -1.0, 2.0, -2.0, 1.5, -1.5, 0.5, -0.5]), np.repeat([0, 1], 4)
    alike = cluster_error(influence, np.ones(8), arm)
    unequal = cluster_error(influence, np.array([1.0, 1.0, 1.0, 9.0] * 2), arm)
    assert unequal.se == alike.se
    assert unequal.freedom < 0.5 * alike.freedom
    alone = cluster_error(influence, np.ones(8), np.array([0, 1, 1, 1, 1, 1, 1, 1]))
    assert np.isinf(alone.se)
    nothing = cluster_error(np.zeros(8), np.ones(8), arm)
    assert (nothing.se, nothing.freedom) == (0.0, np.inf)


def test_the_design_effect_is_that_of_rows_that_repeat_each_other() -> None:
    values = np.random.default_rng(1).normal(size=200)
    assert design_effect(values, np.arange(200)) == 1.0
    alike = design_effect(np.repeat(values, 5), np.repeat(np.arange(200), 5))
    assert alike == pytest.approx(5.0 * 200 / 199)
    assert design_effect(np.tile([1.0, -1.0], 50), np.repeat(np.arange(50), 2)) == 1.0  # never below
