"""Pareto/NBD on sixty random settings: never below the best of many starts; forecasts and intervals calibrated."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from alamo.inference.lifetime_value.cells import compress
from alamo.inference.lifetime_value.pareto_nbd import ParetoNbd, fit_pareto_nbd
from alamo.inference.lifetime_value.pareto_nbd_likelihood import negative_log_likelihood
from alamo.inference.lifetime_value.predictive import purchase_intervals, total_interval
from alamo.inference.lifetime_value.purchase_fit import PurchaseFit
from alamo.inference.lifetime_value.summary import PurchaseSummary
from alamo.numerics.newton import minimise

pytestmark = pytest.mark.statistical

N_SETTINGS, N_STARTS = 60, 4


def simulate(model, n, rng, horizon):
    """Return x, t_x, T (whole weeks), and the purchases in the `horizon` after T."""
    lam, mu = rng.gamma(model.r, 1 / model.alpha, n), rng.gamma(model.s, 1 / model.beta, n)
    life, t = rng.exponential(1.0, n) / mu, rng.integers(20, 60, n).astype(float)
    end = np.minimum(life, t)
    x = rng.poisson(lam * end).astype(float)
    t_x = np.where(x > 0, end * rng.random(n) ** (1 / np.maximum(x, 1)), 0.0)
    return x, t_x, t, rng.poisson(lam * np.clip(life - t, 0.0, horizon))


def settings():
    """Sixty random models and sample sizes, of which a few identify no spread of lifetimes."""
    for seed in range(N_SETTINGS):
        rng = np.random.default_rng([19_87, seed])
        values = np.exp(rng.uniform(np.log([0.1, 1, 0.1, 1]), np.log([4, 40, 4, 40])))
        yield ParetoNbd(*(float(value) for value in values)), int(10 ** rng.uniform(2.7, 3.7)), rng


def test_sixty_random_settings_converge_never_below_the_best_of_many_starts():
    short = []
    for model, n, rng in settings():
        x, t_x, t, _ = simulate(model, n, rng, 0.0)
        cells = compress(x, t_x, t)
        fit = fit_pareto_nbd(cells)
        assert fit.converged
        starts = [model.theta, *(model.theta + rng.normal(0.0, 1.0, 4) for _ in range(N_STARTS - 1))]
        best = max(-n * minimise(lambda z, c=cells: negative_log_likelihood(z, c), start).value for start in starts)
        short.append(best - fit.log_likelihood)
    assert len(short) == N_SETTINGS
    assert max(short) < 1e-3


@pytest.fixture(scope="module")
def forecasts(n_seeds):
    true, out = ParetoNbd(0.6, 8.0, 0.7, 12.0), []
    for seed in range(n_seeds):
        x, t_x, t, later = simulate(true, 2_000, np.random.default_rng([20_05, seed]), 26.0)
        summary = PurchaseSummary(np.arange(2_000), x, t_x, t, None)
        fit = PurchaseFit.of("pareto-nbd", fit_pareto_nbd(compress(x, t_x, t)), summary, 1.0)
        out.append((fit, later))
    return out


def test_totals_lie_in_their_intervals(forecasts, n_seeds):
    """At most as many misses of 80 % intervals as a correct procedure exceeds with probability 1e-4."""
    inside = 0
    for fit, later in forecasts:
        total = total_interval(fit, 26.0, 0.8)
        inside += total.lower <= later.sum() <= total.upper
    assert n_seeds - inside <= binom.isf(1e-4, n_seeds, 0.2)
    assert inside < n_seeds or n_seeds < 40  # intervals that never miss would be too wide


def test_customers_numbers_lie_in_their_intervals_as_often_as_the_laws_say(forecasts):
    """Coverage of discrete intervals is at least nominal; beyond it by no more than the chance of the end points."""
    inside, total = 0, 0
    for fit, later in forecasts[:5]:
        lower, upper = purchase_intervals(fit, 26.0, 0.8)
        inside, total = inside + int(((later >= lower) & (later <= upper)).sum()), total + len(later)
    assert inside / total > 0.8 - 4 * np.sqrt(0.16 / total)
