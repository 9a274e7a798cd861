from __future__ import annotations

import numpy as np
import pytest

from alamo.numerics.fay_herriot import fay_herriot


def _cells(tau: float, seed: int = 1, n: int = 40) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    variance = rng.uniform(0.5, 2.0, n)
    truth = 1.0 + tau * rng.normal(size=n)
    return truth, truth + np.sqrt(variance) * rng.normal(size=n), variance


def test_equal_segments_are_drawn_together_and_different_ones_left_apart():
    _, noisy, variance = _cells(0.0)
    together = fay_herriot(noisy, variance, scale=0.5)
    assert together.show_mean.std() < 0.5 * noisy.std()
    assert together.p_zero > 0.05
    truth, noisy, variance = _cells(5.0)
    apart = fay_herriot(noisy, variance, scale=0.5)
    assert apart.p_zero < 1e-6
    assert apart.tau == pytest.approx(5.0, abs=1.5)  # sd of τ̂ is about 5/√(2·40) = .56
    assert np.abs(apart.show_mean - truth).mean() < 1.2 * np.sqrt(variance).mean()


def test_known_variance_components_give_the_textbook_posterior():
    # equal variances, no covariates: the flat-prior posterior mean is a common shrinkage towards the mean
    direct = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    result = fay_herriot(direct, np.ones(6), scale=1.0)
    shrinkage = (result.show_mean - direct.mean()) / (direct - direct.mean())
    assert np.allclose(shrinkage, shrinkage[0])
    assert 0.3 < shrinkage[0] < 1.0
    assert (result.show_sd < 1.05).all()


def test_covariates_that_explain_the_segments_lower_the_spread_that_is_left():
    rng = np.random.default_rng(2)
    z = rng.normal(size=(40, 1))
    direct = 1.0 + 3.0 * z[:, 0] + rng.normal(size=40)
    plain = fay_herriot(direct, np.ones(40), scale=0.5)
    with_z = fay_herriot(direct, np.ones(40), z, scale=0.5)
    assert with_z.tau < 0.4 * plain.tau
    assert with_z.slope_sd > 1.0


def test_scaling_effects_scales_everything_but_the_test():
    _, direct, variance = _cells(1.0)
    one, hundred = fay_herriot(direct, variance, scale=0.5), fay_herriot(100 * direct, 1e4 * variance, scale=50.0)
    assert np.allclose(hundred.decide_mean, 100 * one.decide_mean)
    assert np.allclose(hundred.show_sd, 100 * one.show_sd)
    assert hundred.p_zero == pytest.approx(one.p_zero)


def test_too_few_segments_and_impossible_variances_are_refused():
    with pytest.raises(ValueError, match="too few"):
        fay_herriot(np.zeros(4), np.ones(4), scale=1.0)
    with pytest.raises(ValueError, match="positive"):
        fay_herriot(np.zeros(6), np.zeros(6), scale=1.0)
