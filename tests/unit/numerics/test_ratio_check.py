from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import gammaln

from alamo.numerics.ratio_check import (
    inverse_weight_p_value,
    mixture_log_e,
    multinomial_log_e,
    p_value,
    tilted_log_likelihoods,
)


def test_the_multinomial_e_value_is_the_dirichlet_mixture_over_the_design():
    counts, shares = np.array([30.0, 70.0]), np.array([0.5, 0.5])
    a = 1000 * shares
    mixture = gammaln(1000) - gammaln(1100) + (gammaln(a + counts) - gammaln(a)).sum()
    assert multinomial_log_e(counts, shares) == pytest.approx(mixture - 100 * math.log(0.5))


def test_an_e_value_has_expectation_one_under_the_design():
    n, p = 40, 0.3
    k = np.arange(n + 1)
    probability = np.exp(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1) + k * np.log(p) + (n - k) * np.log(1 - p))
    counts = np.column_stack([k, n - k]).astype(float)
    assert probability @ np.exp(multinomial_log_e(counts, np.array([p, 1 - p]))) == pytest.approx(1.0)
    drawn = [mixture_log_e(tilted_log_likelihoods(np.arange(n) < seen, np.full(n, p))) for seen in k]
    assert probability @ np.exp(drawn) == pytest.approx(1.0)


def test_a_lost_twentieth_of_one_arm_is_seen():
    counts = np.array([100_000.0, 95_000.0])
    assert p_value(float(multinomial_log_e(counts, np.array([0.5, 0.5])))) < 0.01
    assert p_value(float(multinomial_log_e(np.array([100_000.0, 99_900.0]), np.array([0.5, 0.5])))) == 1.0


def test_changing_propensities_are_followed_row_by_row():
    rng = np.random.default_rng(5)
    p = rng.uniform(0.02, 0.98, 50_000)
    honest = rng.random(50_000) < p
    lost = honest & (rng.random(50_000) < 0.9)
    assert p_value(mixture_log_e(tilted_log_likelihoods(honest, p))) > 0.01
    assert p_value(mixture_log_e(tilted_log_likelihoods(lost, p))) < 0.01


def test_evidence_of_disjoint_rows_adds():
    p, drawn = np.array([0.2, 0.5, 0.7]), np.array([True, False, True])
    parts = tilted_log_likelihoods(drawn[:1], p[:1]) + tilted_log_likelihoods(drawn[1:], p[1:])
    assert np.allclose(parts, tilted_log_likelihoods(drawn, p))


def test_shares_must_be_a_distribution():
    with pytest.raises(ValueError, match="add up to one"):
        multinomial_log_e(np.array([1.0, 2.0]), np.array([0.5, 0.6]))


def test_wrong_probabilities_of_the_drawn_arm_are_seen():
    rng = np.random.default_rng(6)
    arm = (rng.random(20_000) < 0.3).astype(int)
    for claimed, right in ((0.3, True), (0.4, False)):
        inverse = 1 / np.where(arm == 1, claimed, 1 - claimed)
        sums, squares = np.bincount(arm, inverse), np.bincount(arm, inverse**2)
        assert (inverse_weight_p_value(sums, squares, 20_000) > 0.01) is right
