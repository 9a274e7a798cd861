"""BG/NBD: likelihood against the printed formula, forecasts against the closed form, limits."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import betaln, gammaln, hyp2f1

from alamo.inference.lifetime_value.bg_nbd import BgNbd, fit_bg_nbd
from alamo.inference.lifetime_value.bg_nbd_likelihood import negative_log_likelihood
from alamo.inference.lifetime_value.cells import Cells, compress
from alamo.inference.lifetime_value.dropout_nodes import dropout_nodes

TRUE = BgNbd(r=0.6, alpha=8.0, a=0.8, b=2.5)


def simulate(n, rng, *, rate=None, dropout=None, age=(80.0, 300.0)):
    """Histories of the exact process; `rate` and `dropout` replace the draws from TRUE."""
    lam = rng.gamma(TRUE.r, 1 / TRUE.alpha, n) if rate is None else np.broadcast_to(rate, (n,))
    p = rng.beta(TRUE.a, TRUE.b, n) if dropout is None else np.broadcast_to(dropout, (n,))
    t, x, t_x, now = rng.uniform(*age, n), np.zeros(n), np.zeros(n), np.zeros(n)
    active = np.arange(n)
    while len(active):
        now[active] += rng.exponential(1.0, len(active)) / lam[active]
        active = active[now[active] < t[active]]
        x[active] += 1
        t_x[active] = now[active]
        active = active[rng.random(len(active)) > p[active]]
    return x, t_x, t


def printed_log_likelihood(model, x, t_x, t):
    """Eq. (6) as it is printed."""
    r, alpha, a, b = model.r, model.alpha, model.a, model.b
    common = gammaln(r + x) - gammaln(r) + r * np.log(alpha) - betaln(a, b)
    stayed = betaln(a, b + x) - (r + x) * np.log(alpha + t)
    left = betaln(a + 1, b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + t_x)
    return common + np.where(x > 0, np.logaddexp(stayed, left), stayed)


def closed_form(model, horizon, x, t_x, t):
    """Eq. (10) as it is printed."""
    r, alpha, a, b = model.r, model.alpha, model.a, model.b
    z = horizon / (alpha + t + horizon)
    inner = 1 - ((alpha + t) / (alpha + t + horizon)) ** (r + x) * hyp2f1(r + x, b + x, a + b + x - 1, z)
    odds = a / (b + np.maximum(x, 1) - 1) * ((alpha + t) / (alpha + t_x)) ** (r + x)
    return (a + b + x - 1) / (a - 1) * inner / (1 + (x > 0) * odds)


def numeric_derivatives(function, theta, step=1e-5):
    shifts = step * np.eye(len(theta))
    pairs = [(function(theta + s), function(theta - s)) for s in shifts]
    gradient = np.array([(up[0] - down[0]) / (2 * step) for up, down in pairs])
    hessian = np.array([(up[1] - down[1]) / (2 * step) for up, down in pairs])
    return gradient, hessian


def test_cells_hold_every_customer_and_their_counts():
    x, t_x, t = [0, 2, 2, 0, 1], [0, 5, 5, 0, 3], [7, 9, 9, 7, 7]
    cells = compress(x, t_x, t, unit=7.0)
    assert cells.weight.tolist() == [2.0, 1.0, 2.0]
    assert cells.x.tolist() == [0.0, 1.0, 2.0]
    np.testing.assert_allclose(cells.t, np.array([7, 7, 9]) / 7)
    assert cells.beyond.tolist() == [3.0, 2.0]
    assert (cells.first_repeat, cells.n_customers) == (1, 5.0)
    np.testing.assert_allclose(cells.age_purchases, [1.0, 4.0])


def test_cells_of_fractional_times_are_grouped_too():
    cells = compress([1, 1, 3], [0.5, 0.5, 0.25], [2.5, 2.5, 1.75])
    assert cells.weight.tolist() == [2.0, 1.0]
    assert cells.t_x.tolist() == [0.5, 0.25]


@pytest.mark.parametrize("unit", [1.0, 7.0])
@pytest.mark.parametrize("whole", [True, False])
def test_ages_of_cells_are_those_that_occur_with_all_their_customers(unit, whole):
    rng = np.random.default_rng(4)
    x, t = rng.poisson(1.5, 400).astype(float), rng.choice([3.0, 90.0, 91.0, 400.0], 400) + (0.0 if whole else 0.25)
    cells = compress(x, 0.5 * t, t, unit=unit)
    ages, place = np.unique(t / unit, return_inverse=True)
    np.testing.assert_array_equal(cells.ages, ages)
    np.testing.assert_array_equal(cells.age_customers, np.bincount(place))
    np.testing.assert_array_equal(cells.age_purchases, np.bincount(place, weights=x))
    rebuilt = Cells.of(cells.x, cells.t_x, cells.t, cells.weight)
    np.testing.assert_array_equal(rebuilt.age_purchases, cells.age_purchases)


def test_likelihood_on_cells_is_the_printed_one_per_customer():
    x, t_x, t = simulate(400, np.random.default_rng(1))
    cells = compress(x, t_x, t)
    value, _, _ = negative_log_likelihood(TRUE.theta, cells)
    assert -value * 400 == pytest.approx(printed_log_likelihood(TRUE, x, t_x, t).sum(), rel=1e-12)


@pytest.mark.parametrize("theta", [[-0.5, 2.0, -0.2, 0.9], [1.0, 3.5, 0.7, -1.5], [-2.0, 0.5, 1.5, 2.5]])
def test_gradient_and_hessian_are_the_derivatives_of_the_likelihood(theta):
    cells = compress(*simulate(300, np.random.default_rng(2)))
    _, gradient, hessian = negative_log_likelihood(np.array(theta), cells)
    expected = numeric_derivatives(lambda z: negative_log_likelihood(z, cells), np.array(theta))
    np.testing.assert_allclose(gradient, expected[0], atol=1e-8)
    np.testing.assert_allclose(hessian, expected[1], atol=1e-8)


def test_likelihood_at_infinite_rate_shape_is_the_poisson_one():
    x, t_x, t = simulate(200, np.random.default_rng(3))
    rate, a, b = 0.04, 0.8, 2.5
    stayed = x * np.log(rate) - rate * t + betaln(a, b + x) - betaln(a, b)
    left = x * np.log(rate) - rate * t_x + betaln(a + 1, b + np.maximum(x, 1) - 1) - betaln(a, b)
    expected = np.where(x > 0, np.logaddexp(stayed, left), stayed).sum()
    theta = np.array([32.0, 32.0 - np.log(rate), np.log(a), np.log(b)])
    assert -200 * negative_log_likelihood(theta, compress(x, t_x, t))[0] == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize("x", [0.0, 1.0, 7.0, 60.0])
@pytest.mark.parametrize("horizon", [3.0, 52.0])
@pytest.mark.parametrize("a", [0.2, 0.8, 3.0])
def test_expected_purchases_equal_the_closed_form(x, horizon, a):
    model = BgNbd(0.6, 8.0, a, 2.5)
    t_x, t = np.array([0.0 if x == 0 else 30.0, 0.0 if x == 0 else 58.0]), np.array([40.0, 60.0])
    count = np.full(2, x)
    got = model.expected_purchases(horizon, count, t_x, t)
    np.testing.assert_allclose(got, closed_form(model, horizon, count, t_x, t), rtol=1e-8)


def test_expected_purchases_pass_smoothly_through_a_equal_one():
    x, t_x, t = np.array([0.0, 3.0]), np.array([0.0, 20.0]), np.array([30.0, 30.0])
    below, at, above = (BgNbd(0.6, 8.0, a, 2.5).expected_purchases(52.0, x, t_x, t) for a in (0.999, 1.0, 1.001))
    np.testing.assert_allclose(at, (below + above) / 2, rtol=1e-6)
    assert (below > at).all()
    assert (at > above).all()


def test_horizons_add_up_and_equal_customers_get_equal_numbers():
    x, t = np.array([2.0, 0.0, 2.0, 5.0]), np.array([30.5, 10.0, 30.5, 90.0])
    apart = [TRUE.purchases_while_alive(h, w, x, t) for h, w in ((13.0, 0.7), (26.0, -0.2))]
    together = TRUE.purchases_while_alive([13.0, 26.0], [0.7, -0.2], x, t)
    np.testing.assert_allclose(together, apart[0] + apart[1], rtol=1e-13)
    assert together[0] == together[2]


def test_more_rows_than_a_block_give_the_same_numbers_as_one_by_one():
    t = np.linspace(1.0, 200.0, 5_000)
    x = np.full(5_000, 2.0)
    all_at_once = TRUE.purchases_while_alive(26.0, 1.0, x, t)
    alone = [TRUE.purchases_while_alive(26.0, 1.0, x[i : i + 1], t[i : i + 1])[0] for i in (0, 2047, 2048, 4999)]
    np.testing.assert_allclose(all_at_once[[0, 2047, 2048, 4999]], alone, rtol=1e-13)


def test_p_alive_is_one_without_a_repeat_purchase_and_falls_with_silence():
    x, t = np.array([0.0, 4.0, 4.0, 4.0]), np.full(4, 100.0)
    p_alive = TRUE.p_alive(x, np.array([0.0, 99.0, 60.0, 20.0]), t)
    assert p_alive[0] == 1.0
    assert (np.diff(p_alive) < 0).all()
    odds = TRUE.a / (TRUE.b + 3) * (108.0 / 68.0) ** 4.6
    assert p_alive[2] == pytest.approx(1 / (1 + odds))


@pytest.mark.parametrize(("a", "b"), [(0.8, 2.5), (0.01, 3.0), (3.0, 0.05), (40.0, 300.0), (1e-260, 2e-260)])
def test_dropout_nodes_integrate_probability_one_and_the_mean(a, b):
    p, weight = dropout_nodes(a, b)
    assert weight.min() >= 0
    assert weight.sum() == pytest.approx(1.0, abs=1e-9)
    assert weight @ p == pytest.approx(a / (a + b), rel=1e-8)


def test_a_narrow_beta_is_a_point():
    p, weight = dropout_nodes(2e9, 6e9)
    assert p.tolist() == [0.25]
    assert weight.tolist() == [1.0]


def test_fit_recovers_the_truth_within_four_standard_errors():
    fit = fit_bg_nbd(compress(*simulate(20_000, np.random.default_rng(4))))
    assert fit.converged
    assert fit.identified
    for name, estimate in fit.estimates.items():
        assert abs(estimate - getattr(TRUE, name)) < 4 * fit.standard_errors[name]


def test_fit_through_a_sample_of_cells_ends_where_the_direct_fit_ends(monkeypatch):
    cells = compress(*simulate(60_000, np.random.default_rng(5)))
    assert len(cells.x) > 40_000
    through_sample = fit_bg_nbd(cells)
    monkeypatch.setattr("alamo.inference.lifetime_value.starting._COARSE_ABOVE", 10**9)
    direct = fit_bg_nbd(cells)
    assert through_sample.log_likelihood == pytest.approx(direct.log_likelihood, abs=1e-6)
    for name, estimate in direct.estimates.items():
        assert through_sample.estimates[name] == pytest.approx(estimate, rel=1e-6)


def test_row_order_is_irrelevant():
    x, t_x, t = simulate(800, np.random.default_rng(6))
    order = np.random.default_rng(7).permutation(800)
    assert fit_bg_nbd(compress(x, t_x, t)) == fit_bg_nbd(compress(x[order], t_x[order], t[order]))


def test_customers_who_never_leave_have_no_dropout_estimate_but_a_forecast():
    rng = np.random.default_rng(10)
    fit = fit_bg_nbd(compress(*simulate(3_000, rng, dropout=0.0)))
    assert fit.converged
    assert not fit.identified
    assert (fit.estimates["a"], fit.estimates["b"]) == (None, None)
    assert fit.standard_errors["a"] is None
    assert fit.estimates["r"] == pytest.approx(TRUE.r, abs=4 * fit.standard_errors["r"])
    forecast = fit.model.expected_purchases(26.0, np.array([3.0]), np.array([20.0]), np.array([40.0]))
    k, age = fit.model.r + 3.0, fit.model.alpha + 40.0
    assert forecast[0] <= 26.0 * k / age * (1 + 1e-9)
    assert forecast[0] > 0.97 * 26.0 * k / age


def test_equal_purchase_rates_have_no_rate_estimates_and_the_poisson_forecast():
    rng = np.random.default_rng(12)
    fits = [fit_bg_nbd(compress(*simulate(2_000, rng, rate=0.05))) for _ in range(6)]
    limits = [fit for fit in fits if not fit.identified]
    assert limits, "about half of the samples are under-dispersed"
    for fit in limits:
        assert (fit.estimates["r"], fit.estimates["alpha"]) == (None, None)
        assert "same rate" in fit.limit
        assert fit.model.r / fit.model.alpha == pytest.approx(0.05, rel=0.05)


def test_one_repeat_purchase_at_most_does_not_identify_how_dropout_differs():
    x, t_x, t = simulate(3_000, np.random.default_rng(13), dropout=1.0)
    assert x.max() == 1
    fit = fit_bg_nbd(compress(x, t_x, t))
    assert fit.converged
    assert not fit.identified
    assert fit.estimates["a"] is None
    assert np.isfinite(fit.log_likelihood)


def test_leaving_at_once_or_never_is_found_as_a_limit():
    rng = np.random.default_rng(14)
    fit = fit_bg_nbd(compress(*simulate(3_000, rng, dropout=(rng.random(3_000) < 0.3).astype(float))))
    assert not fit.identified
    assert "first repeat purchase or never" in fit.limit
    assert fit.model.a / (fit.model.a + fit.model.b) == pytest.approx(0.3, abs=0.05)
