from __future__ import annotations

import numpy as np
import pytest

from alamo.numerics.doubly_robust import mean_by_group, scores, variance_by_level, weighted_arm_means


def test_a_score_is_the_model_plus_the_weighted_residual_of_the_arm_drawn():
    gamma = scores(np.array([[1.0, 2.0]]), np.array([1]), np.array([5.0]), np.array([0.25]))
    assert gamma.tolist() == [[1.0, 2.0 + 3.0 / 0.25]]


def test_scores_refuse_a_probability_of_zero():
    with pytest.raises(ValueError, match="must lie in"):
        scores(np.zeros((1, 2)), np.array([0]), np.array([1.0]), np.array([0.0]))


def test_a_constant_model_of_weighted_means_gives_the_difference_in_means_exactly():
    rng = np.random.default_rng(2)
    arm = rng.integers(0, 3, 999)
    y = rng.exponential(size=999)
    p = (np.bincount(arm) / 999)[arm]
    means = weighted_arm_means(arm, y, p, 3)
    gamma = scores(np.tile(means, (999, 1)), arm, y, p)
    assert np.allclose(gamma.mean(axis=0), [y[arm == a].mean() for a in range(3)])
    effect = mean_by_group(gamma[:, 1] - gamma[:, 0])
    welch = np.sqrt(sum(y[arm == a].var(ddof=1) / (arm == a).sum() for a in (0, 1)))
    assert effect.se == pytest.approx(welch, rel=0.005)


def test_an_arm_nobody_drew_has_no_mean():
    assert np.isnan(weighted_arm_means(np.array([0, 0]), np.ones(2), np.ones(2), 2)[1])


def test_doubling_every_row_of_its_unit_does_not_make_the_estimate_surer():
    rng = np.random.default_rng(3)
    values = rng.normal(1.0, 2.0, 500)
    once = mean_by_group(values)
    twice = mean_by_group(np.repeat(values, 2), groups=np.repeat(np.arange(500), 2))
    assert twice.mean == pytest.approx(once.mean)
    assert twice.se == pytest.approx(once.se)
    assert twice.n == 500


def test_the_mean_is_per_unit_where_rows_are_shares_of_units():
    values = np.array([1.0, 2.0, 3.0])
    result = mean_by_group(values, groups=np.array([0, 0, 1]), units=np.array([0.5, 0.5, 1.0]))
    assert result.mean == pytest.approx(3.0)


def test_fewer_than_two_groups_have_no_standard_error():
    assert np.isnan(mean_by_group(np.array([1.0])).se)


def test_the_variance_curve_follows_the_level_and_never_falls_to_zero():
    rng = np.random.default_rng(4)
    level = rng.uniform(0, 1, 20_000)
    outcome = (rng.random(20_000) < level).astype(float)
    curve = variance_by_level(level, (outcome - level) ** 2, np.ones(20_000), at=np.array([0.05, 0.5]))
    assert curve == pytest.approx([0.05, 0.25], abs=0.02)
    flat = variance_by_level(np.zeros(10), np.array([0.0] * 9 + [1.0]), np.ones(10), at=np.zeros(3))
    assert flat == pytest.approx(0.1)
