"""Bounds on harm: what is bet on, what a bound says, and that both refuse nonsense."""

from __future__ import annotations

import math

import numpy as np
import pytest

from alamo.numerics.confidence_sequence import half_width
from alamo.numerics.harm_bound import BETS, LARGEST_WEIGHT, harm_lower_bound, log_wealth, one_sided_half_width


def decisions(n: int, p_action: float, p_none: float, rates: tuple[float, float], seed: int = 1):
    """Draw decisions and events: rate with the action, and with none."""
    rng = np.random.default_rng(seed)
    u, happens = rng.random(n), rng.random(n)
    action, none = u < p_action, u >= 1.0 - p_none
    happened = happens < np.where(action, rates[0], rates[1])
    return happened.astype(float), action.astype(float), none.astype(float), np.full(n, p_action), np.full(n, p_none)


def test_an_event_with_the_action_wins_and_one_with_none_loses():
    one = np.ones(1)
    won = log_wealth(one, one, 0 * one, 0.2 * one, 0.5 * one)
    lost = log_wealth(one, 0 * one, one, 0.2 * one, 0.5 * one)
    assert np.allclose(won, np.log1p(np.array(BETS) * LARGEST_WEIGHT / 0.2))
    assert np.allclose(lost, np.log1p(-np.array(BETS) * LARGEST_WEIGHT / 0.5))
    assert (log_wealth(0 * one, one, 0 * one, 0.2 * one, 0.5 * one) == 0.0).all()


def test_no_stake_is_larger_than_what_can_be_lost():
    n = 50
    p_none = np.geomspace(1e-6, 1.0, n)
    lost = log_wealth(np.ones(n), np.zeros(n), np.ones(n), np.full(n, 0.1), p_none)
    assert np.isfinite(lost).all()


def test_sums_of_disjoint_decisions_add():
    drawn = decisions(400, 0.3, 0.4, (0.1, 0.05))
    parts = [log_wealth(*(column[piece] for column in drawn)) for piece in (slice(0, 150), slice(150, 400))]
    assert np.allclose(parts[0] + parts[1], log_wealth(*drawn))


@pytest.mark.parametrize("alpha", [0.05, 0.002])
def test_at_the_bound_the_mean_wealth_is_one_over_alpha(alpha):
    drawn = decisions(3000, 0.3, 0.4, (0.08, 0.01))
    wealth, weight = log_wealth(*drawn), 3000 * LARGEST_WEIGHT
    bound = harm_lower_bound(wealth, weight, alpha)
    assert 0.0 < bound < 0.07
    assert np.exp(wealth - bound * weight * np.array(BETS)).mean() == pytest.approx(1.0 / alpha, rel=1e-6)


def test_a_stricter_level_gives_a_lower_bound_and_more_decisions_a_higher_one():
    few, many = decisions(1000, 0.3, 0.4, (0.08, 0.01)), decisions(20_000, 0.3, 0.4, (0.08, 0.01))
    bounds = [harm_lower_bound(log_wealth(*few), 100.0, alpha) for alpha in (0.2, 0.05, 0.001)]
    assert bounds[0] > bounds[1] > bounds[2]
    assert harm_lower_bound(log_wealth(*many), 2000.0, 0.05) > bounds[1]


def test_nothing_seen_says_next_to_nothing():
    assert harm_lower_bound(np.zeros(len(BETS)), 1.0, 0.05) == -1.0
    assert -0.2 < harm_lower_bound(np.zeros(len(BETS)), 500.0, 0.05) < 0.0


@pytest.mark.parametrize(("weight", "alpha"), [(0.0, 0.05), (math.nan, 0.05), (1.0, 0.0), (1.0, 1.0)])
def test_a_bound_out_of_nothing_is_refused(weight, alpha):
    with pytest.raises(ValueError, match="no bound"):
        harm_lower_bound(np.zeros(len(BETS)), weight, alpha)


def test_one_side_is_narrower_than_two_and_wider_than_one_look():
    one = one_sided_half_width(10_000, 4.0, alpha=0.025, n_opt=10_000)
    assert 1.96 * 0.02 < one < half_width(10_000, 4.0, alpha=0.025, n_opt=10_000)


@pytest.mark.parametrize(("n", "alpha", "n_opt"), [(0, 0.05, 10.0), (5, 0.5, 10.0), (5, 0.05, 0.0)])
def test_a_width_of_nothing_is_refused(n, alpha, n_opt):
    with pytest.raises(ValueError, match="no one-sided"):
        one_sided_half_width(n, 1.0, alpha=alpha, n_opt=n_opt)
