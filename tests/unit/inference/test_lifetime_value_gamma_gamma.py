"""Gamma-Gamma: likelihood against the printed formula, forecasts, limits."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import gammaln

from alamo.inference.lifetime_value.gamma_gamma import (
    GammaGamma,
    Spending,
    fit_gamma_gamma,
    negative_log_likelihood,
)


def simulate(n, rng, *, p=6.0, q=3.7, v=15.0, spread=True, constant=False):
    x = rng.geometric(0.3, n).astype(float)
    nu = rng.gamma(q, 1 / v, n) if spread else np.full(n, q / v)
    mean = p / nu if constant else rng.gamma(p * x, 1 / (nu * x))
    return x, mean


def test_likelihood_is_the_printed_one():
    x, mean = simulate(200, np.random.default_rng(1))
    p, q, v = 5.0, 3.0, 20.0
    printed = (
        (gammaln(p * x + q) - gammaln(p * x) - gammaln(q) + q * np.log(v) + (p * x - 1) * np.log(mean))
        + p * x * np.log(x)
        - (p * x + q) * np.log(v + x * mean)
    )
    value, _, _ = negative_log_likelihood(np.log([p, q, v]), Spending.of(x, mean))
    assert -200 * value == pytest.approx(printed.sum(), rel=1e-12)


@pytest.mark.parametrize("theta", [[1.5, 1.2, 2.7], [0.1, 2.5, 4.0], [3.0, 0.2, 1.0]])
def test_gradient_and_hessian_are_the_derivatives_of_the_likelihood(theta):
    data = Spending.of(*simulate(300, np.random.default_rng(2)))
    _, gradient, hessian = negative_log_likelihood(np.array(theta), data)
    shifts = 1e-5 * np.eye(3)
    pairs = [(negative_log_likelihood(theta + s, data), negative_log_likelihood(theta - s, data)) for s in shifts]
    np.testing.assert_allclose(gradient, [(up[0] - down[0]) / 2e-5 for up, down in pairs], atol=1e-7)
    np.testing.assert_allclose(hessian, [(up[1] - down[1]) / 2e-5 for up, down in pairs], atol=1e-7)


def test_fit_recovers_the_truth_within_four_standard_errors():
    fit = fit_gamma_gamma(Spending.of(*simulate(5_000, np.random.default_rng(3))))
    assert fit.converged
    assert fit.identified
    for name, truth in {"p": 6.0, "q": 3.7, "v": 15.0}.items():
        assert abs(fit.estimates[name] - truth) < 4 * fit.standard_errors[name]


def test_customers_without_positive_repeat_money_are_left_out():
    data = Spending.of([0, 1, 2, 3], [0.0, 10.0, 0.0, 5.0])
    assert data.n_customers == 2
    assert data.mean_money == pytest.approx(25.0 / 4)


def test_expected_money_is_shrunk_by_how_often_it_was_seen():
    model = GammaGamma(p=6.0, q=3.7, v=15.0, sample_mean_money=33.0)
    population = 6.0 * 15.0 / 2.7
    money = model.expected_money(np.array([0.0, 1.0, 10.0, 1e6]), np.array([0.0, 80.0, 80.0, 80.0]))
    assert money[0] == pytest.approx(population)
    assert population < money[1] < money[2] < money[3]
    assert money[3] == pytest.approx(80.0, rel=1e-4)


def test_the_sample_mean_stands_in_where_the_population_mean_is_infinite():
    model = GammaGamma(p=2.0, q=0.9, v=15.0, sample_mean_money=33.0)
    money = model.expected_money(np.array([0.0, 2.0]), np.array([0.0, 50.0]))
    assert money[0] == 33.0
    assert money[1] == pytest.approx(2.0 * 115.0 / 3.9)


def test_amounts_that_never_vary_within_a_customer_are_a_limit_with_forecasts():
    rng = np.random.default_rng(0)
    fits = [fit_gamma_gamma(Spending.of(*simulate(2_000, rng, constant=True))) for _ in range(8)]
    limits = [fit for fit in fits if not fit.identified]
    assert limits, "about half of the samples run to the limit"
    for fit in limits:
        assert fit.estimates["p"] is None
        assert fit.estimates["v"] is None
        assert fit.estimates["q"] == pytest.approx(3.7, abs=4 * fit.standard_errors["q"])
        np.testing.assert_allclose(fit.model.expected_money(np.array([4.0]), np.array([20.0])), 20.0, rtol=1e-6)


def test_customers_who_spend_alike_are_a_limit_with_one_mean_for_all():
    rng = np.random.default_rng(1)
    fits = [fit_gamma_gamma(Spending.of(*simulate(400, rng, spread=False))) for _ in range(8)]
    limits = [fit for fit in fits if not fit.identified]
    assert limits, "about half of the samples run to the limit"
    for fit in limits:
        assert (fit.estimates["q"], fit.estimates["v"]) == (None, None)
        money = fit.model.expected_money(np.array([0.0, 5.0]), np.array([0.0, 90.0]))
        np.testing.assert_allclose(money, fit.model.sample_mean_money, rtol=0.01)
