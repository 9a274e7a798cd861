"""Pareto/NBD: likelihood against the integral, derivatives, forecasts against each other, limits."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import gammaln

from alamo.inference.lifetime_value.bg_cnbd import BgCnbd
from alamo.inference.lifetime_value.cells import compress
from alamo.inference.lifetime_value.pareto_nbd import ParetoNbd, fit_pareto_nbd
from alamo.inference.lifetime_value.pareto_nbd_likelihood import departure_log_odds, negative_log_likelihood

TRUE = ParetoNbd(r=0.6, alpha=8.0, s=0.7, beta=12.0)


def simulate(n, rng, *, life=None):
    """Histories of the exact process; `life` replaces the times of leaving."""
    lam = rng.gamma(TRUE.r, 1 / TRUE.alpha, n)
    stay = rng.exponential(1.0, n) / rng.gamma(TRUE.s, 1 / TRUE.beta, n) if life is None else life
    t = rng.integers(20, 60, n).astype(float)
    end = np.minimum(t, stay)
    x = rng.poisson(lam * end).astype(float)
    return x, np.where(x > 0, end * rng.random(n) ** (1 / np.maximum(x, 1)), 0.0), t


def integrated(theta, x, t_x, t):
    """The likelihood of one customer, its integral by adaptive quadrature."""
    r, alpha, s, beta = np.exp(theta)
    stayed = (alpha + t) ** -(r + x) * (beta + t) ** -s
    left = quad(lambda u: (alpha + u) ** -(r + x) * s * (beta + u) ** -(s + 1), t_x, t, epsabs=0.0, epsrel=1e-11)[0]
    return gammaln(r + x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta) + np.log(stayed + left)


@pytest.mark.parametrize("theta", [[-0.5, 2.0, -0.2, 2.9], [1.0, 3.5, 0.7, -1.5], [-2.0, 0.5, -1.5, 2.5]])
def test_likelihood_on_cells_is_the_integrated_one_per_customer(theta):
    x, t_x, t = simulate(60, np.random.default_rng(1))
    expected = sum(integrated(theta, *customer) for customer in zip(x, t_x, t, strict=True))
    value = negative_log_likelihood(np.array(theta), compress(x, t_x, t))[0]
    assert -60 * value == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("theta", [[-0.5, 2.0, -0.2, 2.9], [1.0, 3.5, 0.7, -1.5], [5.0, 7.0, 6.0, 9.0]])
def test_gradient_and_hessian_are_the_derivatives_of_the_likelihood(theta):
    cells, step = compress(*simulate(300, np.random.default_rng(2))), 1e-5
    _, gradient, hessian = negative_log_likelihood(np.array(theta), cells)
    for i in range(4):
        up, down = (
            negative_log_likelihood(np.array(theta) + sign * step * np.eye(4)[i], cells) for sign in (1.0, -1.0)
        )
        assert (up[0] - down[0]) / (2 * step) == pytest.approx(gradient[i], abs=1e-8)
        np.testing.assert_allclose((up[1] - down[1]) / (2 * step), hessian[i], atol=1e-8)


def test_many_purchases_and_departures_at_the_start_do_not_overflow():
    theta = np.array([-0.2, 2.0, -7.0, -170.0])
    odds = departure_log_odds(theta, np.array([0.0, 900.0]), np.array([0.0, 1.0]), np.array([50.0, 5_000.0]))
    assert np.isfinite(odds).all()


def test_p_alive_is_the_share_of_the_likelihood_of_those_who_stayed():
    x, t_x, t = (np.array([value]) for value in (3.0, 20.0, 40.0))
    r, alpha, s, beta = TRUE.r, TRUE.alpha, TRUE.s, TRUE.beta
    stayed = (alpha + 40.0) ** -(r + 3.0) * (beta + 40.0) ** -s
    left = quad(lambda u: (alpha + u) ** -(r + 3.0) * s * (beta + u) ** -(s + 1), 20.0, 40.0, epsabs=0.0)[0]
    assert TRUE.p_alive(x, t_x, t)[0] == pytest.approx(stayed / (stayed + left), rel=1e-9)


@pytest.mark.parametrize("s", [0.4, 1.0, 2.5])
def test_expected_purchases_are_the_sum_of_the_probabilities_of_at_least_one_two_three(s):
    model = ParetoNbd(0.6, 8.0, s, 12.0)
    x, t_x, t = np.array([0.0, 1.0, 9.0]), np.array([0.0, 5.0, 38.0]), np.array([30.0, 35.0, 40.0])
    total = sum(model.p_alive(x, t_x, t) * model.p_at_least_if_alive(count, 26.0, x, t_x, t) for count in range(1, 200))
    np.testing.assert_allclose(total, model.expected_purchases(26.0, x, t_x, t), rtol=1e-6)


def test_discounted_quarters_add_up():
    x, t = np.array([2.0, 0.0]), np.array([30.5, 10.0])
    apart = sum(w * TRUE.purchases_while_alive([h], [1.0], x, t) for h, w in ((13.0, 0.7), (26.0, -0.2)))
    np.testing.assert_allclose(TRUE.purchases_while_alive([13.0, 26.0], [0.7, -0.2], x, t), apart, rtol=1e-13)


def test_fit_recovers_the_truth_within_four_standard_errors():
    fit = fit_pareto_nbd(compress(*simulate(20_000, np.random.default_rng(4))))
    assert fit.converged
    assert fit.identified
    for name, estimate in fit.estimates.items():
        assert abs(estimate - getattr(TRUE, name)) < 4 * fit.standard_errors[name]


def test_customers_who_never_leave_have_no_lifetime_estimate_but_a_forecast():
    rng = np.random.default_rng(2)
    x, t_x, t = simulate(4_000, rng, life=np.full(4_000, 1e9))
    fit = fit_pareto_nbd(compress(x, t_x, t))
    assert fit.converged
    assert not fit.identified
    assert (fit.estimates["s"], fit.standard_errors["beta"]) == (None, None)
    expected = 26.0 * (fit.model.r + 3.0) / (fit.model.alpha + 40.0)
    got = fit.model.expected_purchases(26.0, np.array([3.0]), np.array([38.0]), np.array([40.0]))[0]
    assert 0.9 * expected < got <= expected * (1 + 1e-9)


def test_leaving_at_once_or_never_is_found_as_the_limit_it_shares_with_mbg_nbd():
    rng = np.random.default_rng(2)
    gone = rng.random(4_000) < 0.4
    fit = fit_pareto_nbd(compress(*simulate(4_000, rng, life=np.where(gone, 0.0, 1e9))))
    assert "right after the first purchase or never" in fit.limit
    assert isinstance(fit.model, BgCnbd)
    assert (fit.estimates["s"], fit.estimates["beta"]) == (None, None)
    assert fit.model.a / (fit.model.a + fit.model.b) == pytest.approx(0.4, abs=0.06)


@pytest.mark.parametrize("log_beta", [2.5, -20.0, -40.0, -200.0])
def test_who_came_on_the_last_day_says_nothing_about_leaving(log_beta):
    """Their likelihood is 1 whatever the lifetimes are: no time has passed in which they could have left."""
    theta = np.array([-0.5, 2.0, -0.2, log_beta])
    value, gradient, hessian = negative_log_likelihood(theta, compress(np.zeros(5), np.zeros(5), np.zeros(5)))
    assert (value, np.abs(gradient).max(), np.abs(hessian).max()) == (0.0, 0.0, 0.0)


@pytest.mark.filterwarnings("error")
def test_who_came_on_the_last_day_moves_no_fit_where_nobody_leaves():
    rng = np.random.default_rng(11)
    x, t_x, t = simulate(2_000, rng, life=np.full(2_000, np.inf))
    new = np.zeros(40)  # came today
    fit = fit_pareto_nbd(compress(np.append(x, new), np.append(t_x, new), np.append(t, new)))
    without = fit_pareto_nbd(compress(x, t_x, t))
    assert fit.converged
    assert fit.limit == without.limit
    assert not fit.identified
    assert fit.log_likelihood == pytest.approx(without.log_likelihood, abs=1e-6)
