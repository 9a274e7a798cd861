"""Renewals to come lie in their intervals, and what is drawn from the model is not called a misfit.

Each of 100 data sets is drawn anew; misses are at most as many as a correct procedure exceeds with probability 1e-4.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import binom

from alamo.inference.lifetime_value import ContractSpec, analyze_contracts

pytestmark = pytest.mark.statistical

SETS, CUSTOMERS, HORIZON, LEVEL = 100, 1_500, 6, 0.9
SPEC = ContractSpec(periods="seen", left="gone", horizon=HORIZON, level=LEVEL, model="shifted-beta-geometric")


@pytest.fixture(scope="module")
def runs():
    out = []
    for seed in range(SETS):
        rng = np.random.default_rng([20_07, seed])
        life, up_for = rng.geometric(rng.beta(0.7, 3.0, CUSTOMERS)), rng.integers(1, 12, CUSTOMERS)
        gone = life <= up_for
        table = pa.table({"seen": np.minimum(life, up_for), "gone": gone})
        later = np.minimum(life[~gone] - 1 - up_for[~gone], HORIZON).sum()
        out.append((analyze_contracts(table, SPEC, date(2026, 11, 27)), int(later)))
    return out


def test_renewals_to_come_lie_in_their_intervals(runs):
    inside = sum(found.total.lower <= later <= found.total.upper for found, later in runs)
    assert SETS - inside <= binom.isf(1e-4, SETS, 1.0 - LEVEL)
    assert SETS - inside >= binom.ppf(1e-4, SETS, 1.0 - LEVEL)  # nor are they too wide


def test_forecasts_are_right_on_average(runs):
    errors = np.array([found.total.mean / later - 1.0 for found, later in runs])
    assert abs(errors.mean()) < 4.0 * errors.std() / np.sqrt(SETS)


def test_the_check_of_the_model_alarms_as_seldom_as_it_says(runs):
    alarms = sum(found.fit_p_value < 0.05 for found, _ in runs)
    assert alarms <= binom.isf(1e-4, SETS, 0.05)
