"""The laws say what `scipy.stats` says, which is never imported by the program itself."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from alamo.numerics import laws


@pytest.mark.parametrize("freedom", [1, 2, 7, 300])
@pytest.mark.parametrize("x", [0.0, 0.4, 3.8, 90.0])
def test_tails_are_those_of_scipy(freedom, x):
    assert laws.chi_square_tail(x, freedom) == stats.chi2.sf(x, freedom)
    assert laws.t_tail(x, freedom) == stats.t.sf(x, freedom)
    assert laws.t_tail(-x, freedom) == stats.t.sf(-x, freedom)
    assert laws.f_tail(x, 3, freedom) == stats.f.sf(x, 3, freedom)


@pytest.mark.parametrize("freedom", [1, 2, 7, 300])
@pytest.mark.parametrize("p", [1e-6, 0.025, 0.5, 0.99])
def test_values_exceeded_are_those_of_scipy(freedom, p):
    assert laws.chi_square_exceeded(p, freedom) == stats.chi2.isf(p, freedom)
    assert laws.t_exceeded(p, freedom) == stats.t.isf(p, freedom)
    assert laws.f_exceeded(p, 3, freedom) == stats.f.isf(p, 3, freedom)


@pytest.mark.parametrize(
    ("least", "n", "chance"), [(0, 5, 0.1), (1, 5, 0.1), (5, 5, 0.1), (6, 5, 0.1), (40, 300, 0.05)]
)
def test_a_binomial_tail_counts_its_first_value(least, n, chance):
    assert laws.binomial_tail(least, n, chance) == pytest.approx(stats.binom.sf(least - 1, n, chance), rel=1e-12)


def test_poisson_shares_and_ranks_are_those_of_scipy():
    rng = np.random.default_rng(3)
    most, mean = rng.integers(0, 30, 200), rng.uniform(0.1, 30.0, 200)
    assert np.array_equal(laws.poisson_share(most, mean), stats.poisson.cdf(most, mean))
    for values in (rng.normal(size=50), rng.integers(0, 4, 50), np.zeros(3), np.zeros(0)):
        assert np.array_equal(laws.average_ranks(values), stats.rankdata(values))
