"""BG/BB: likelihood against the printed sum, derivatives, forecasts against simulation, limits."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import betaln

from alamo.inference.lifetime_value.bg_bb import BgBb, fit_bg_bb
from alamo.inference.lifetime_value.bg_bb_likelihood import Histories, negative_log_likelihood
from alamo.inference.lifetime_value.cells import compress

TRUE = BgBb(alpha=1.2, beta=0.75, gamma=0.66, delta=2.78)
HAD, AHEAD = 6, 5


def simulate(n, rng, *, leave=None):
    """Return x, t_x, n and the opportunities used among the next AHEAD; `leave` replaces chances to leave."""
    p = rng.beta(TRUE.alpha, TRUE.beta, n)
    chance = rng.beta(TRUE.gamma, TRUE.delta, n) if leave is None else leave
    gone = rng.random((n, HAD + AHEAD)) < np.reshape(chance, (-1, 1))
    used = (rng.random((n, HAD + AHEAD)) < p[:, None]) & (gone.cumsum(axis=1) == 0)
    x = used[:, :HAD].sum(axis=1).astype(float)
    t_x = np.where(x > 0, HAD - np.argmax(used[:, HAD - 1 :: -1], axis=1), 0).astype(float)
    return x, t_x, np.full(n, float(HAD)), used[:, HAD:].sum(axis=1)


def test_likelihood_is_the_printed_sum_per_customer():
    x, t_x, t, _ = simulate(200, np.random.default_rng(1))
    a, b, c, d = TRUE.alpha, TRUE.beta, TRUE.gamma, TRUE.delta
    expected = 0.0
    for used, last, had in zip(x, t_x, t, strict=True):
        terms = [betaln(a + used, b + had - used) + betaln(c, d + had)]
        terms += [betaln(a + used, b + i - used) + betaln(c + 1, d + i) for i in range(int(last), int(had))]
        expected += np.logaddexp.reduce(terms) - betaln(a, b) - betaln(c, d)
    cells = compress(x, t_x, t)
    value = negative_log_likelihood(TRUE.theta, Histories.of(cells.x, cells.t_x, cells.t, cells.weight))[0]
    assert -200 * value == pytest.approx(expected, rel=1e-11)


def test_gradient_is_the_derivative_of_the_likelihood():
    x, t_x, t, _ = simulate(200, np.random.default_rng(2))
    histories, theta, step = Histories.of(x, t_x, t), TRUE.theta + 0.3, 1e-6
    gradient = negative_log_likelihood(theta, histories)[1]
    for i in range(4):
        up, down = (negative_log_likelihood(theta + sign * step * np.eye(4)[i], histories)[0] for sign in (1.0, -1.0))
        assert (up - down) / (2 * step) == pytest.approx(gradient[i], abs=1e-8)


def test_fit_recovers_the_truth_within_four_standard_errors():
    fit = fit_bg_bb(compress(*simulate(10_000, np.random.default_rng(4))[:3]))
    assert fit.converged
    assert fit.identified
    for name, estimate in fit.estimates.items():
        assert abs(estimate - getattr(TRUE, name)) < 4 * fit.standard_errors[name]


def test_forecasts_fit_what_customers_do_within_four_standard_errors():
    x, t_x, t, later = simulate(20_000, np.random.default_rng(5))
    error = later - TRUE.expected_purchases(float(AHEAD), x, t_x, t)
    assert abs(error.mean()) < 4 * error.std() / np.sqrt(len(error))
    for count in (1, 3):
        p = TRUE.p_alive(x, t_x, t) * TRUE.p_at_least_if_alive(count, float(AHEAD), x, t_x, t)
        error = (later >= count) - p
        assert abs(error.mean()) < 4 * error.std() / np.sqrt(len(error))


@pytest.mark.parametrize("horizon", [3.0, 4.5])
def test_expected_purchases_are_the_sum_of_the_probabilities_of_at_least_one_two_three(horizon):
    x, t_x, t = np.array([0.0, 1.0, 5.0]), np.array([0.0, 3.0, 6.0]), np.full(3, 6.0)
    total = sum(TRUE.p_alive(x, t_x, t) * TRUE.p_at_least_if_alive(i, horizon, x, t_x, t) for i in range(1, 6))
    np.testing.assert_allclose(total, TRUE.expected_purchases(horizon, x, t_x, t), rtol=1e-10)


def test_customers_who_never_leave_have_no_estimate_of_leaving():
    fit = fit_bg_bb(compress(*simulate(3_000, np.random.default_rng(6), leave=np.zeros(3_000))[:3]))
    assert not fit.identified
    assert (fit.estimates["gamma"], fit.estimates["delta"]) == (None, None)
    assert fit.estimates["alpha"] == pytest.approx(TRUE.alpha, abs=4 * fit.standard_errors["alpha"])


def test_customers_who_buy_always_or_never_have_no_estimate_of_buying():
    rng = np.random.default_rng(7)
    t = rng.integers(4, 20, 2_000).astype(float)
    stays = np.minimum(rng.geometric(rng.beta(0.8, 6.0, 2_000)) - 1.0, t)
    x = np.where(rng.random(2_000) < 0.5, stays, 0.0)
    fit = fit_bg_bb(compress(x, x, t))
    assert fit.converged
    assert (fit.estimates["alpha"], fit.estimates["beta"]) == (None, None)
    assert "always or never" in fit.limit
    # of those who come back the next opportunity is used by all who stay
    loyal = np.array([10.0]), np.array([10.0]), np.array([10.0])
    stay = (fit.model.delta + 10.0) / (fit.model.gamma + fit.model.delta + 10.0)
    assert fit.model.expected_purchases(1.0, *loyal)[0] == pytest.approx(stay)
    assert fit.model.p_at_least_if_alive(1, 1.0, *loyal)[0] == pytest.approx(stay)
