"""Properties of the shared statistics: sums add, order and units of measurement do not matter."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from alamo.numerics.confidence_sequence import half_width, residual_floor
from alamo.numerics.doubly_robust import mean_by_group, scores
from alamo.numerics.fay_herriot import fay_herriot
from alamo.numerics.moments import Moments
from alamo.numerics.ratio_check import multinomial_log_e

NUMBERS = st.floats(-1e4, 1e4, allow_nan=False)
VALUES = arrays(np.float64, st.integers(2, 60), elements=NUMBERS)
SEEDS = st.integers(0, 2**32 - 1)


@given(VALUES, VALUES, NUMBERS)
def test_moments_add(one, other, origin):
    together = Moments.of(np.concatenate([one, other]), origin)
    added = Moments.of(one, origin) + Moments.of(other, origin)
    assert added.n == together.n
    assert added.mean == pytest.approx(together.mean, abs=1e-6)
    assert added.variance == pytest.approx(together.variance, rel=1e-6, abs=1e-4)


@given(SEEDS, st.floats(0.01, 1000.0))
def test_row_order_is_irrelevant_and_scaling_the_outcome_scales_all(seed, factor):
    rng = np.random.default_rng(seed)
    n = 50
    values, groups = rng.normal(size=n), rng.integers(0, 20, n)
    order = rng.permutation(n)
    estimate, shuffled = mean_by_group(values, groups), mean_by_group(values[order], groups[order])
    assert shuffled.mean == pytest.approx(estimate.mean)
    assert shuffled.se == pytest.approx(estimate.se)
    scaled = mean_by_group(factor * values, groups)
    assert scaled.mean == pytest.approx(factor * estimate.mean)
    assert scaled.se == pytest.approx(factor * estimate.se)


@given(SEEDS)
def test_scores_shift_with_the_outcome(seed):
    rng = np.random.default_rng(seed)
    mu, drawn = rng.normal(size=(30, 3)), rng.integers(0, 3, 30)
    outcome, p = rng.normal(size=30), rng.uniform(0.05, 1.0, 30)
    shifted = scores(mu + 7.0, drawn, outcome + 7.0, p)
    assert np.allclose(shifted, scores(mu, drawn, outcome, p) + 7.0)


@given(SEEDS)
def test_the_residual_floor_is_at_least_the_worst_case_of_full_overlap(seed):
    rng = np.random.default_rng(seed)
    squared = rng.exponential(size=40)
    p = rng.dirichlet(np.ones(3), 40) * 0.9 + 0.03
    floor = residual_floor(squared, p[:, 0], p[:, 1])
    weights = 1.0 / (p[:, 0] + p[:, 1])
    assert floor >= 4.0 * np.average(squared * weights, weights=weights) - 1e-9  # 1/a + 1/b ≥ 4/(a + b)


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.floats(0.01, 0.2))
def test_a_later_horizon_never_narrows_the_present_interval_before_it(n, beyond, alpha):
    near, far = (half_width(n, 1.0, alpha=alpha, n_opt=n_opt) for n_opt in (n, n + beyond))
    assert far >= near * (1 - 0.02)  # the optimum in n_opt is flat, near but not exactly at n


@given(SEEDS)
@settings(max_examples=30)
def test_segments_may_come_in_any_order(seed):
    rng = np.random.default_rng(seed)
    direct, variance = rng.normal(size=8), rng.uniform(0.1, 2.0, 8)
    order = rng.permutation(8)
    one, other = (fay_herriot(d, v, scale=0.5) for d, v in ((direct, variance), (direct[order], variance[order])))
    assert np.allclose(one.show_mean[order], other.show_mean)
    assert np.allclose(one.decide_sd[order], other.decide_sd)


@given(SEEDS)
def test_the_ratio_check_does_not_depend_on_the_names_of_the_arms(seed):
    rng = np.random.default_rng(seed)
    counts, shares = rng.integers(0, 1000, 4).astype(float), rng.dirichlet(np.ones(4) * 5)
    order = rng.permutation(4)
    assert multinomial_log_e(counts[order], shares[order]) == pytest.approx(float(multinomial_log_e(counts, shares)))
