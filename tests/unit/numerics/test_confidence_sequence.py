from __future__ import annotations

import numpy as np
import pytest

from alamo.numerics.confidence_sequence import LEAST_CHANCE, half_width, residual_floor


@pytest.mark.parametrize(("fraction", "ratio"), [(0.1, 1.97), (0.25, 1.67), (0.5, 1.57), (1.0, 1.55), (2.0, 1.56)])
def test_width_over_the_fixed_n_interval_is_that_of_the_published_formula(fraction: float, ratio: float):
    n_opt = 100_000
    n = int(fraction * n_opt)
    assert half_width(n, 1.0, alpha=0.05, n_opt=n_opt) / (1.959964 / np.sqrt(n)) == pytest.approx(ratio, abs=0.006)


def test_the_half_width_scales_with_the_standard_deviation():
    assert half_width(50, 9.0, alpha=0.1, n_opt=100) == pytest.approx(3 * half_width(50, 1.0, alpha=0.1, n_opt=100))


@pytest.mark.parametrize(("n", "alpha", "n_opt"), [(0, 0.05, 10), (1, 0.0, 10), (1, 1.0, 10), (1, 0.05, 0)])
def test_no_sequence_without_rows_or_with_an_impossible_level(n: int, alpha: float, n_opt: float):
    with pytest.raises(ValueError, match="no confidence sequence"):
        half_width(n, 1.0, alpha=alpha, n_opt=n_opt)


def test_with_equal_propensities_the_residual_floor_is_pooled_variance_times_mean_inverse():
    squared = np.array([1.0, 4.0, 9.0, 0.0])
    floor = residual_floor(squared, np.full(4, 0.1), np.full(4, 0.9))
    assert floor == pytest.approx(squared.mean() * (1 / 0.1 + 1 / 0.9))


def test_a_chance_too_small_to_be_seen_in_a_log_does_not_make_the_floor_overflow():
    floor = residual_floor(np.ones(2), np.array([0.5, 1e-310]), np.full(2, 0.5))
    assert floor <= 1.0 / LEAST_CHANCE + 2.0


def test_a_perfect_model_removes_the_floor():
    assert residual_floor(np.zeros(3), np.full(3, 0.5), np.full(3, 0.5)) == 0.0


def test_large_residuals_meet_their_own_propensities():
    squared, p_action = np.array([100.0, 1.0]), np.array([0.9, 0.1])
    floor = residual_floor(squared, p_action, 1 - p_action)
    assert floor == pytest.approx((100 * (1 / 0.9 + 10) + (10 + 1 / 0.9)) / 2)
    thin = residual_floor(squared, np.array([0.5, 0.02]), np.array([0.5, 0.98]))
    assert thin < squared.mean() * np.mean(1 / np.array([0.5, 0.02]) + 1 / np.array([0.5, 0.98]))
