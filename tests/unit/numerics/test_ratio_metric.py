from __future__ import annotations

import numpy as np
import pytest

from alamo.numerics.ratio_metric import denominator_cv, linearised_ratio


def test_the_mean_in_an_arm_is_its_ratio_and_the_variance_that_of_the_delta_method_by_hand() -> None:
    rng = np.random.default_rng(1)
    orders = rng.poisson(1.5, 500).astype(float)
    spend = orders * rng.gamma(4.0, 5.0, 500)
    arm = np.arange(500) % 2
    values = linearised_ratio(spend, orders, arm, np.full(500, 0.5), 2)
    for a in (0, 1):
        n, d = spend[arm == a], orders[arm == a]
        ratio = n.mean() / d.mean()
        by_hand = (n.var() - 2 * ratio * np.cov(n, d, ddof=0)[0, 1] + ratio**2 * d.var()) / d.mean() ** 2
        assert values[arm == a].mean() == pytest.approx(ratio)
        assert values[arm == a].var() == pytest.approx(by_hand)


def test_probabilities_weigh_both_means() -> None:
    spend, orders = np.array([10.0, 30.0, 8.0]), np.array([1.0, 2.0, 1.0])
    p = np.array([0.25, 0.5, 0.75])
    values = linearised_ratio(spend, orders, np.array([1, 1, 0]), p, 2)
    ratio = (10 / 0.25 + 30 / 0.5) / (1 / 0.25 + 2 / 0.5)
    assert np.average(values[:2], weights=1 / p[:2]) == pytest.approx(ratio)
    assert values[2] == pytest.approx(8.0)


def test_a_ratio_that_never_varies_has_no_spread_left_by_rounding() -> None:
    orders = np.random.default_rng(2).poisson(2.0, 300).astype(float)
    values = linearised_ratio(0.1 * orders, orders, np.zeros(300, dtype=np.int64), np.ones(300), 1)
    assert values.min() == values.max()


def test_an_arm_without_any_denominator_comes_out_as_zero() -> None:
    values = linearised_ratio(np.ones(4), np.array([0.0, 0.0, 1.0, 1.0]), np.array([1, 1, 0, 0]), np.full(4, 0.5), 2)
    assert values.tolist() == [0.0, 0.0, 1.0, 1.0]


def test_the_spread_of_a_mean_denominator_is_by_group_and_infinite_at_nil() -> None:
    orders = np.repeat([0.0, 2.0, 1.0, 3.0], 5)
    inside, p = np.ones(20, dtype=bool), np.full(20, 0.5)
    alone = denominator_cv(orders, inside, p, np.arange(20))
    together = denominator_cv(orders, inside, p, np.repeat(np.arange(4), 5))
    assert alone == pytest.approx(orders.std() / np.sqrt(20) / 1.5)
    assert together == pytest.approx(alone * np.sqrt(5))
    assert denominator_cv(-orders, inside, p, np.arange(20)) == float("inf")
    assert denominator_cv(orders, ~inside, p, np.arange(20)) == float("inf")
