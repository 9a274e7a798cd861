from __future__ import annotations

import numpy as np
import pytest

from alamo.numerics.fay_herriot import fay_herriot
from alamo.numerics.normal_normal import LEAST_TOGETHER, shrink_together


def test_with_independent_errors_it_is_fay_herriot_without_covariates():
    rng = np.random.default_rng(1)
    direct, variance = rng.normal(1.0, 0.5, 8), rng.uniform(0.05, 0.3, 8)
    together = shrink_together(direct, np.diag(variance))
    known = fay_herriot(direct, variance, scale=1.0)
    # the same integral on a coarser grid of the spread
    assert together.mean == pytest.approx(known.show_mean, abs=0.01)
    assert np.sqrt(np.diag(together.covariance)) == pytest.approx(known.show_sd, rel=0.03)


def test_few_numbers_come_back_as_they_are():
    direct, covariance = np.array([1.0, -2.0, 5.0]), np.array([[2.0, 1.0, 0.0], [1.0, 2.0, 0.0], [0.0, 0.0, 1.0]])
    assert len(direct) < LEAST_TOGETHER
    together = shrink_together(direct, covariance)
    assert together.mean.tolist() == direct.tolist()
    assert together.covariance.tolist() == covariance.tolist()


def test_what_is_known_well_stays_and_what_is_noise_moves_to_the_rest():
    direct = np.array([0.0, 0.1, -0.1, 0.05, 9.0])
    sharp = shrink_together(direct, np.diag(np.full(5, 1e-6)))
    assert sharp.mean == pytest.approx(direct, abs=1e-3)
    blurred = shrink_together(direct, np.diag([1e-4, 1e-4, 1e-4, 1e-4, 400.0]))
    assert abs(blurred.mean[4]) < 1.0
    assert blurred.covariance[4, 4] < 400.0


def test_an_error_that_all_share_is_an_error_of_the_common_mean():
    direct = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    own = np.diag(np.full(5, 0.5))
    apart, shared = shrink_together(direct, own), shrink_together(direct, own + 2.0)
    assert shared.mean == pytest.approx(apart.mean, abs=1e-4)
    assert shared.covariance == pytest.approx(apart.covariance + 2.0, abs=1e-3)  # another grid of the spread


def test_order_does_not_matter():
    rng = np.random.default_rng(3)
    direct = rng.normal(size=6)
    root = rng.normal(size=(6, 6))
    covariance = root @ root.T + np.eye(6)
    order = rng.permutation(6)
    forward = shrink_together(direct, covariance)
    shuffled = shrink_together(direct[order], covariance[np.ix_(order, order)])
    assert shuffled.mean == pytest.approx(forward.mean[order])


def test_a_variance_of_zero_is_refused():
    with pytest.raises(ValueError, match="positive"):
        shrink_together(np.zeros(4), np.diag([1.0, 1.0, 0.0, 1.0]))
