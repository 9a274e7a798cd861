"""The smallest effect that is found is found four times in five, now or after as many units more as are said."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from tests.unit.inference.conftest import Ridge

from alamo.inference import ExperimentResult, ExperimentSpec, analyze_experiment

pytestmark = pytest.mark.statistical


def trial(seed: int, n: int, lift: float, detect: float) -> ExperimentResult:
    rng = np.random.default_rng(seed)
    arm = (rng.random(n) < 0.3).astype(int)
    spend = rng.gamma(2.0, 5.0, n) + lift * arm
    table = pa.table({"arm": np.where(arm, "mail", "none"), "spend": spend})
    return analyze_experiment(
        table, ExperimentSpec("arm", "none", ("spend",), features="none", detect={"spend": detect}), Ridge()
    )


def near_four_in_five(found: list[bool]) -> bool:
    """Within 3 standard errors, and .02 for the error of the standard error that the size was read from."""
    return abs(np.mean(found) - 0.8) <= 0.02 + 3 * np.sqrt(0.8 * 0.2 / len(found))


def test_an_effect_of_the_size_named_is_found_four_times_in_five(n_seeds):
    size = trial(0, 20_000, 0.0, 1.0).power[0].detectable * np.sqrt(20_000 / 2000)
    results = [trial(seed, 2000, size, size).rows[0] for seed in range(1, 20 * n_seeds)]
    assert near_four_in_five([row.found and row.mean > 0 for row in results])


def test_after_the_units_that_are_said_to_be_missing_it_is_found_four_times_in_five(n_seeds):
    missing = trial(0, 2000, 0.0, 0.5).power[0]
    assert missing.units_needed > 2000
    results = [trial(seed, 2000 + missing.units_needed, 0.5, 0.5) for seed in range(1, 10 * n_seeds)]
    assert near_four_in_five([result.rows[0].found and result.rows[0].mean > 0 for result in results])


def test_the_always_valid_interval_finds_its_own_size_at_least_as_often(n_seeds):
    size = trial(0, 20_000, 0.0, 1.0).power[0].anytime_detectable * np.sqrt(20_000 / 2000)
    results = [trial(seed, 2000, size, size).rows[0] for seed in range(1, 10 * n_seeds)]
    assert near_four_in_five([row.anytime_lower > 0 for row in results])
