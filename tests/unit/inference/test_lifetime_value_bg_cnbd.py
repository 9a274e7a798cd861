"""BG/CNBD-k, MBG/CNBD-k, MBG/NBD: likelihood by brute force, derivatives, forecasts against simulation, stages."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy.special import gammaincc, roots_genlaguerre, roots_jacobi
from scipy.stats import gamma as gamma_density

from alamo.inference.lifetime_value.bg_cnbd import BgCnbd, choose_stages, fit_bg_cnbd
from alamo.inference.lifetime_value.bg_cnbd_likelihood import Kind, negative_log_likelihood, stage_constant
from alamo.inference.lifetime_value.bg_nbd import BgNbd, fit_bg_nbd
from alamo.inference.lifetime_value.cells import compress
from alamo.inference.lifetime_value.predictive import purchase_intervals, total_interval
from alamo.inference.lifetime_value.purchase_fit import fit_purchases
from alamo.inference.lifetime_value.summary import purchase_days

KINDS = [Kind(stages, at_once) for stages in (1, 2, 3) for at_once in (False, True)]


def simulate(model, n, rng, horizon=0.0):
    """Return x, t_x, T, purchases in the `horizon` after T, and the summed log times between purchases."""
    lam, p = rng.gamma(model.r, 1 / model.alpha, n), rng.beta(model.a, model.b, n)
    t, x, t_x, now, later = rng.uniform(20, 60, n), np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n)
    log_gaps, active = 0.0, np.arange(n)
    if model.leaves_at_once:
        active = active[rng.random(n) > p]
    while len(active):
        gaps = rng.gamma(model.stages, 1.0, len(active)) / lam[active]
        now[active] += gaps
        seen, within = now[active] <= t[active], now[active] <= t[active] + horizon
        log_gaps += np.log(gaps[seen]).sum()
        x[active[seen]] += 1
        t_x[active[seen]] = now[active[seen]]
        later[active[within & ~seen]] += 1
        active = active[within]
        active = active[rng.random(len(active)) > p[active]]
    return x, t_x, t, later, log_gaps


def model_of(kind):
    return BgCnbd(0.6, 3.0, 0.8, 2.5, kind.stages, kind.leaves_at_once)


@pytest.mark.parametrize("kind", KINDS)
def test_likelihood_is_the_mixture_over_rates_and_dropout_chances(kind):
    """The integral over λ and p of what one customer did: gaps 2 and 3 (x = 2), then silence until 9."""
    model, k, m = BgCnbd(1.6, 3.0, 1.5, 2.5, kind.stages, kind.leaves_at_once), kind.stages, kind.chances

    place, p_weight = roots_jacobi(40, model.b - 1, model.a - 1)
    p, p_weight = (1 + place) / 2, p_weight / p_weight.sum()
    node, lam_weight = roots_genlaguerre(60, model.r - 1)
    lam, lam_weight = node / model.alpha, lam_weight / lam_weight.sum()
    gaps = gamma_density.pdf(2.0, k, scale=1 / lam) * gamma_density.pdf(3.0, k, scale=1 / lam)
    future = p[:, None] + (1 - p[:, None]) * gammaincc(k, 4.0 * lam)
    expected = np.log(p_weight * (1 - p) ** (1 + m) @ future @ (lam_weight * gaps))
    got = -negative_log_likelihood(model.theta, compress([2.0], [5.0], [9.0]), kind)[0]
    assert got + stage_constant(k, np.array([2.0]), np.log(6.0)) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("kind", KINDS)
def test_gradient_and_hessian_are_the_derivatives_of_the_likelihood(kind):
    cells, step = compress(*simulate(model_of(kind), 300, np.random.default_rng(2))[:3]), 1e-5
    theta = model_of(kind).theta + 0.3
    _, gradient, hessian = negative_log_likelihood(theta, cells, kind)
    for i in range(4):
        up, down = (negative_log_likelihood(theta + sign * step * np.eye(4)[i], cells, kind) for sign in (1.0, -1.0))
        assert (up[0] - down[0]) / (2 * step) == pytest.approx(gradient[i], abs=1e-8)
        np.testing.assert_allclose((up[1] - down[1]) / (2 * step), hessian[i], atol=1e-8)


def test_one_stage_without_an_early_chance_is_bg_nbd():
    x, t_x, t, *_ = simulate(model_of(Kind()), 3_000, np.random.default_rng(3))
    cells = compress(x, t_x, t)
    one, other = fit_bg_cnbd(cells, Kind()), fit_bg_nbd(cells)
    assert one.log_likelihood == pytest.approx(other.log_likelihood, abs=1e-7)
    plain = BgNbd(0.6, 3.0, 0.8, 2.5)
    np.testing.assert_allclose(model_of(Kind()).p_alive(x, t_x, t), plain.p_alive(x, t_x, t), rtol=1e-12)
    for count in (1, 4):
        np.testing.assert_allclose(
            model_of(Kind()).p_at_least_if_alive(count, 9.0, x, t_x, t),
            plain.p_at_least_if_alive(count, 9.0, x, t_x, t),
            rtol=1e-12,
        )


@pytest.mark.parametrize("kind", KINDS)
def test_forecasts_fit_what_customers_do_within_four_standard_errors(kind):
    model = model_of(kind)
    x, t_x, t, later, _ = simulate(model, 20_000, np.random.default_rng([5, kind.stages, kind.chances]), 30.0)
    error = later - model.expected_purchases(30.0, x, t_x, t)
    assert abs(error.mean()) < 4 * error.std() / np.sqrt(len(error))
    for count in (1, 3):
        error = (later >= count) - model.p_alive(x, t_x, t) * model.p_at_least_if_alive(count, 30.0, x, t_x, t)
        assert abs(error.mean()) < 4 * error.std() / np.sqrt(len(error))


@pytest.mark.parametrize("kind", KINDS)
def test_expected_purchases_are_the_sum_of_the_probabilities_of_at_least_one_two_three(kind):
    x, t_x, t = np.array([0.0, 1.0, 9.0]), np.array([0.0, 5.0, 38.0]), np.array([30.0, 35.0, 40.0])
    model = model_of(kind)
    total = sum(model.p_alive(x, t_x, t) * model.p_at_least_if_alive(count, 26.0, x, t_x, t) for count in range(1, 200))
    np.testing.assert_allclose(total, model.expected_purchases(26.0, x, t_x, t), rtol=1e-6)


def test_a_modified_model_lets_customers_leave_without_a_repeat_purchase():
    nothing = (np.zeros(1), np.zeros(1), np.full(1, 40.0))
    assert model_of(Kind(1, leaves_at_once=False)).p_alive(*nothing)[0] == 1.0
    assert model_of(Kind(1, leaves_at_once=True)).p_alive(*nothing)[0] < 0.9


@pytest.mark.parametrize("stages", [1, 3])
def test_the_likelihood_finds_the_number_of_stages(stages):
    kind = Kind(stages, leaves_at_once=False)
    x, t_x, t, _, log_gaps = simulate(model_of(kind), 5_000, np.random.default_rng(7))
    fit = choose_stages(compress(x, t_x, t), log_gaps)
    assert fit.model.stages == stages
    for name, estimate in fit.estimates.items():
        assert abs(estimate - getattr(model_of(kind), name)) < 4 * fit.standard_errors[name]


@pytest.mark.parametrize("kind", [Kind(2), Kind(6), Kind(1, leaves_at_once=True)])
def test_a_heavy_buyer_who_surely_left_is_forecast_nothing_not_nan(kind):
    model = BgCnbd(0.6, 30.0, 0.8, 2.5, kind.stages, kind.leaves_at_once)
    gone = np.array([1_000.0]), np.array([999.0]), np.array([3_000.0])
    assert model.p_alive(*gone)[0] == 0.0  # below the smallest number there is
    assert model.expected_purchases(90.0, *gone)[0] == 0.0
    assert 0.99 < model.p_at_least_if_alive(1, 90.0, *gone)[0] <= 1.0


def test_a_file_with_a_heavy_buyer_who_left_is_forecast_whole():
    """400 regular customers and one who bought 400 days running and stopped, over 911 days."""
    rng = np.random.default_rng(11)
    who, when = [np.full(400, 400)], [np.arange(400)]
    for i in range(400):
        days = rng.uniform(0, 200) + np.cumsum(rng.gamma(6.0, 40.0 / 6.0, rng.geometric(0.1)))
        when.append(days[days < 911].astype(np.int64))
        who.append(np.full(len(when[-1]), i))
    purchases = purchase_days(pa.array(np.concatenate(who)), np.concatenate(when), None)
    for name in ("bg-cnbd-k", "mbg-nbd", "pareto-nbd"):
        fit = fit_purchases(name, purchases, 910, stages=6)
        assert np.isfinite(fit.expected_purchases(180.0)).all()
        total = total_interval(fit, 180.0, 0.9)
        assert 0.0 < total.lower < total.mean < total.upper < np.inf
        assert np.isfinite(purchase_intervals(fit, 180.0, 0.9)).all()
