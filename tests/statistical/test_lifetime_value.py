"""Recovery, coverage of standard errors and calibration of forecasts, over replications of the exact processes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from alamo.inference.lifetime_value.bg_nbd import BgNbd, fit_bg_nbd
from alamo.inference.lifetime_value.cells import compress
from alamo.inference.lifetime_value.gamma_gamma import Spending, fit_gamma_gamma

pytestmark = pytest.mark.statistical

TRUE = BgNbd(r=0.5, alpha=6.0, a=0.8, b=2.5)
N_CUSTOMERS = 5_000
HORIZON = 30.0
FALSE_ALARM = 1e-4  # of one assertion, over all of its parameters


def simulate(rng: np.random.Generator, n: int, horizon: float):
    """Return x, t_x, T up to the end of the calibration, and the purchases in the `horizon` after it."""
    lam, p = rng.gamma(TRUE.r, 1 / TRUE.alpha, n), rng.beta(TRUE.a, TRUE.b, n)
    t, x, t_x, later, now = rng.uniform(20, 60, n), np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n)
    active = np.arange(n)
    while len(active):
        now[active] += rng.exponential(1.0, len(active)) / lam[active]
        active = active[now[active] < t[active] + horizon]
        seen = active[now[active] <= t[active]]
        x[seen] += 1
        t_x[seen] = now[seen]
        later[active[now[active] > t[active]]] += 1
        active = active[rng.random(len(active)) > p[active]]
    return x, t_x, t, later


def misses_allowed(n_seeds: int, n_parameters: int, nominal: float) -> int:
    """Return the misses of one parameter in `n_seeds` intervals that a correct procedure exceeds with FALSE_ALARM."""
    return int(binom.isf(FALSE_ALARM / n_parameters, n_seeds, nominal))


@pytest.fixture(scope="module")
def replications(n_seeds):
    out = []
    for seed in range(n_seeds):
        x, t_x, t, later = simulate(np.random.default_rng([20_05, seed]), N_CUSTOMERS, HORIZON)
        out.append((fit_bg_nbd(compress(x, t_x, t)), x, t_x, t, later))
    return out


def scores(fits, truth: dict[str, float]):
    """Return (log estimate − log truth) / se of the log, shape (n_seeds, n_parameters)."""
    return np.array(
        [
            [
                np.log(fit.estimates[name] / value) * fit.estimates[name] / fit.standard_errors[name]
                for name, value in truth.items()
            ]
            for fit in fits
        ]
    )


def check_coverage(z, n_seeds):
    allowed = misses_allowed(n_seeds, z.shape[1], 0.05)
    missed = (np.abs(z) > 1.959964).sum(axis=0)
    assert (missed <= allowed).all(), f"{missed} of {n_seeds} intervals miss, {allowed} allowed"
    # a mean of n_seeds standard normals exceeds 4/sqrt(n) with probability 6e-5; maximum likelihood may be biased by
    # a share of a standard error of the order 1/sqrt(repeat buyers), here 1/50: a tenth is allowed
    assert (np.abs(z.mean(axis=0)) < 0.1 + 4 / np.sqrt(n_seeds)).all()


def test_purchase_parameters_are_recovered_and_their_standard_errors_cover(replications, n_seeds):
    fits = [fit for fit, *_ in replications]
    assert all(fit.converged and fit.identified for fit in fits)
    check_coverage(scores(fits, {"r": TRUE.r, "alpha": TRUE.alpha, "a": TRUE.a, "b": TRUE.b}), n_seeds)


def test_forecasts_of_all_purchases_are_unbiased(replications, n_seeds):
    """The relative error of the total has, given the model, the spread of its replications."""
    errors = []
    for fit, x, t_x, t, later in replications:
        errors.append(fit.model.expected_purchases(HORIZON, x, t_x, t).sum() / later.sum() - 1.0)
    spread = np.std(errors, ddof=1)
    assert abs(np.mean(errors)) < 4 * spread / np.sqrt(n_seeds)
    assert spread < 0.1


def test_forecasts_are_calibrated_within_groups_of_equal_history(replications, n_seeds):
    """Known parameters: the mean of actual − expected within a group is zero up to its standard error."""
    parts = [tuple(columns) for _, *columns in replications]
    x, t_x, t, later = (np.concatenate(column) for column in zip(*parts, strict=True))
    error = later - TRUE.expected_purchases(HORIZON, x, t_x, t)
    silence = (t - t_x) / t
    groups = [x == 0, (x == 1) & (silence < 0.5), (x == 1) & (silence >= 0.5), (x >= 2) & (silence >= 0.5), x >= 4]
    for group in groups:
        assert group.sum() > 50 * n_seeds / 5
        assert abs(error[group].mean()) < 4 * error[group].std() / np.sqrt(group.sum())


def test_p_alive_is_the_share_of_customers_who_are_alive(n_seeds):
    """Whoever buys within a horizon long enough for nearly every rate was alive; the rest is bounded by the model."""
    x, t_x, t, later = simulate(np.random.default_rng([20_06, n_seeds]), 2_000 * n_seeds, 5_000.0)
    chosen = x >= 3
    p_alive = TRUE.p_alive(x[chosen], t_x[chosen], t[chosen])
    bought = (later[chosen] > 0).astype(float)
    # alive customers with x >= 3 have rates from Gamma(3.5+, ...): P(no purchase in 5,000 units) is below 1e-4
    error = bought - p_alive
    assert abs(error.mean()) < 4 * error.std() / np.sqrt(len(error)) + 1e-4


def test_spending_parameters_are_recovered_and_their_standard_errors_cover(n_seeds):
    fits = []
    for seed in range(n_seeds):
        rng = np.random.default_rng([20_13, seed])
        x, nu = rng.geometric(0.35, 2_500).astype(float), rng.gamma(3.7, 1 / 15.0, 2_500)
        fits.append(fit_gamma_gamma(Spending.of(x, rng.gamma(6.0 * x, 1 / (nu * x)))))
    assert all(fit.converged and fit.identified for fit in fits)
    check_coverage(scores(fits, {"p": 6.0, "q": 3.7, "v": 15.0}), n_seeds)
