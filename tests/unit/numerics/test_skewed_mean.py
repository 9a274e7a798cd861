"""A skewed mean by hand: its moments, how errors are added, and intervals that are the test turned round."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import kurtosis, norm, skew, ttest_1samp

from alamo.numerics.doubly_robust import mean_by_group
from alamo.numerics.skewed_mean import SkewedMean


def draw(seed: int = 1, n: int = 40) -> np.ndarray:
    return np.random.default_rng(seed).lognormal(0.0, 1.0, n) - 0.5


def test_moments_are_those_of_the_sample_and_the_mean_is_that_of_groups() -> None:
    values, groups = draw(), np.arange(40) // 2
    found = SkewedMean.of(values)
    assert found.skewness == pytest.approx(skew(values) * (39 / 40) ** 1.5 / math.sqrt(40))
    assert found.freedom == pytest.approx(40 / kurtosis(values, fisher=False))
    grouped, plain = SkewedMean.of(values, groups, np.full(40, 0.5)), mean_by_group(values, groups, np.full(40, 0.5))
    assert (grouped.mean, grouped.n) == (plain.mean, plain.n)
    assert grouped.se == pytest.approx(plain.se)
    assert grouped.times(3.0).se == pytest.approx(3.0 * plain.se)


def test_without_skew_it_is_student() -> None:
    values = np.concatenate([np.ones(6), -np.ones(6)]) + 0.3
    found = SkewedMean.of(values)
    assert found.skewness == pytest.approx(0.0, abs=1e-12)
    assert found.p_value() == pytest.approx(ttest_1samp(values, 0.0).pvalue, rel=0.05)  # 12 degrees, not 11


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("level", [0.8, 0.999])
def test_the_ends_of_the_interval_are_what_the_test_just_excludes(seed: int, level: float) -> None:
    found = SkewedMean.of(draw(seed, 400))
    for end in found.interval(level):
        assert found.less(end).p_value() == pytest.approx(1.0 - level)
    lower, upper = found.interval(level)
    assert lower < found.mean < upper
    assert upper - found.mean > found.mean - lower  # the tail lies above


def test_an_error_that_is_normal_dilutes_the_skew() -> None:
    found = SkewedMean.of(draw())
    much = found.less(0.0, 50.0 * found.se)
    assert much.se == pytest.approx(math.hypot(1.0, 50.0) * found.se)
    assert much.p_value() == pytest.approx(2.0 * norm.sf(abs(much.mean) / much.se), abs=1e-4)
    assert found.less(0.0) == found


def test_one_side_mirrors_the_other_and_nothing_is_said_without_an_error() -> None:
    values = draw()
    assert SkewedMean.of(values).p_above() == pytest.approx(SkewedMean.of(-values).p_below())
    assert SkewedMean.of(values).p_above() < 0.5 < SkewedMean.of(values).p_below()
    for empty in (SkewedMean.of(np.zeros(0)), SkewedMean.of(np.ones(1)), SkewedMean.of(np.ones(9))):
        assert empty.p_value() is None
        assert empty.p_above() is empty.p_below() is None
    certain = SkewedMean.of(np.ones(9)).less(0.0, 1.0)
    assert certain.p_value() == pytest.approx(2.0 * norm.sf(1.0))
