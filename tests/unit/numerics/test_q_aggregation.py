from __future__ import annotations

import itertools

import numpy as np
import pytest

from alamo.numerics.q_aggregation import LossMoments, loss_moments, minimise_on_simplex, q_aggregate


def brute_force(H, c):
    """Minimise over every support by its KKT system, and keep the best feasible point."""
    best, best_value, k = None, np.inf, len(c)
    for size in range(1, k + 1):
        for support in itertools.combinations(range(k), size):
            index = np.array(support)
            kkt = np.ones((size + 1, size + 1))
            kkt[:size, :size] = H[np.ix_(index, index)]
            kkt[size, size] = 0.0
            solution = np.linalg.lstsq(kkt, np.append(-c[index], 1.0), rcond=None)[0][:size]
            if (solution < -1e-10).any():
                continue
            w = np.zeros(k)
            w[index] = solution
            value = 0.5 * w @ H @ w + c @ w
            if value < best_value:
                best, best_value = w, value
    return best, best_value


@pytest.mark.parametrize("seed", range(40))
def test_the_active_set_method_finds_the_brute_force_minimum(seed):
    rng = np.random.default_rng(seed)
    k = int(rng.integers(2, 8))
    root = rng.normal(size=(int(rng.integers(1, k + 3)), k))
    H, c = root.T @ root, rng.normal(size=k) * rng.choice([0.1, 1.0, 10.0])
    w = minimise_on_simplex(H, c)
    _, expected = brute_force(H, c)
    assert (w >= 0.0).all()
    assert w.sum() == pytest.approx(1.0)
    assert 0.5 * w @ H @ w + c @ w == pytest.approx(expected, abs=1e-7 * (1.0 + abs(expected)))


def test_two_equal_candidates_do_not_break_the_method():
    w = minimise_on_simplex(np.ones((3, 3)), np.array([-1.0, -1.0, 0.0]))
    assert w[2] == 0.0
    assert w[:2].sum() == pytest.approx(1.0)


def test_a_single_candidate_gets_all_the_weight():
    assert minimise_on_simplex(np.array([[2.0]]), np.array([5.0])).tolist() == [1.0]


def test_the_weights_do_not_depend_on_the_unit_of_money():
    rng = np.random.default_rng(3)
    effects, scores, weight = rng.normal(size=(500, 4)), rng.normal(size=500), rng.uniform(0.1, 2.0, 500)
    prior = np.array([0.1, 0.2, 0.3, 0.4])
    in_euro = q_aggregate(loss_moments(effects, scores, weight), prior)
    in_cent = q_aggregate(loss_moments(100.0 * effects, 100.0 * scores, weight), prior)
    assert in_cent == pytest.approx(in_euro, abs=1e-8)


def test_losses_are_weighted_mean_squares():
    effects, scores = np.array([[0.0, 1.0], [0.0, 2.0]]), np.array([1.0, 4.0])
    moments = loss_moments(effects, scores, np.array([3.0, 1.0]))
    assert moments.losses == pytest.approx([(3 * 1 + 16) / 4, (3 * 0 + 4) / 4])


def test_a_true_effect_beats_zero_and_noise():
    rng = np.random.default_rng(5)
    truth = rng.normal(size=4000)
    scores = truth + rng.normal(size=4000)
    effects = np.column_stack([np.zeros(4000), truth, rng.normal(size=4000)])
    weights = q_aggregate(loss_moments(effects, scores, np.ones(4000)), np.array([0.4, 0.3, 0.3]))
    assert weights[1] > 0.95


def test_without_evidence_the_prior_decides():
    moments = LossMoments(gram=np.zeros((3, 3)), cross=np.zeros(3), square=1.0, n=100)
    weights = q_aggregate(moments, np.array([0.2, 0.7, 0.1]))
    assert weights.tolist() == [0.0, 1.0, 0.0]
