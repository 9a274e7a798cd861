"""The ratio check of a file with times says when it first failed, is safe at all looks together, and does not heal."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import binom

from alamo.inference.experiment import analyze_experiment
from alamo.inference.experiment_design import propensities
from alamo.inference.experiment_ratio_check import DrawCheck, check_draws
from alamo.inference.experiment_result import ExperimentResult
from alamo.inference.experiment_spec import ExperimentSpec
from alamo.inference.experiment_table import read_experiment

ROWS, DAYS = 6000, 60


def file(seed: int, *, lost_from: int = DAYS, lost_to: int = DAYS, p: float = 0.5) -> pa.Table:
    """A hundred rows a day; between two days two thirds of the control group are missing."""
    rng = np.random.default_rng(seed)
    day = np.repeat(np.arange(DAYS), ROWS // DAYS)
    arm = rng.random(ROWS) < p
    kept = arm | (day < lost_from) | (day >= lost_to) | (rng.random(ROWS) < 1 / 3)
    table = pa.table(
        {
            "arm": np.where(arm, "mail", "none"),
            "p": np.where(arm, p, 1.0 - p),
            "spend": rng.normal(size=ROWS),
            "day": [(date(2024, 1, 1) + timedelta(days=int(d))).isoformat() for d in day],
            "number": day,
        }
    )
    return table.filter(pa.array(kept)).take(pa.array(rng.permutation(kept.sum())))


def spec(**changes) -> ExperimentSpec:
    asked = {"propensity": "p", "features": "none", "time": "day"} | changes
    return ExperimentSpec("arm", "none", ("spend",), **asked)


def check(table: pa.Table, **changes) -> DrawCheck:
    asked = spec(**changes)
    rows, _ = read_experiment(table, asked)
    return check_draws(rows, propensities(rows, asked), asked)


def analyzed(table: pa.Table, ridge, **changes) -> ExperimentResult:
    return analyze_experiment(table, spec(**changes), ridge)


@pytest.mark.parametrize("design", [{"propensity": "p"}, {"propensity": 0.5}, {"shares": {"mail": 1, "none": 1}}])
def test_a_mismatch_is_dated_to_the_days_in_which_rows_were_lost(ridge, design):
    result = analyzed(file(1, lost_from=20, lost_to=40), ridge, **{"propensity": None} | design)
    assert result.rows == ()
    first = result.to_dict()["ratio_check"]["first_seen"]
    assert "2024-01-21" <= first["time"] <= "2024-01-27"
    assert 2000 < first["draws"] < 2600
    reason = result.refusals[-1].reason
    assert f"first seen on {first['time']} after {first['draws']:,} draws" in reason


def test_a_mismatch_that_later_rows_water_down_stays_a_mismatch():
    table = file(2, lost_from=5, lost_to=9)
    assert check(table, time=None).p_value > 0.01
    assert check(table, time=None).first is None
    found = check(table)
    assert found.p_value < 0.01
    assert found.first.time <= "2024-01-12"


def test_times_that_are_numbers_are_named_as_they_are_written():
    assert 20 <= float(check(file(3, lost_from=20), time="number").first.time) <= 27


def test_rows_without_a_time_are_looked_at_last():
    table = file(4, lost_from=20, lost_to=40)
    days = [day if day < "2024-01-21" or day > "2024-02-10" else None for day in table["day"].to_pylist()]
    found = check(table.set_column(3, "day", pa.array(days)))
    assert found.p_value < 0.01
    assert found.first is None or found.first.time > "2024-02-10"


@pytest.mark.parametrize("design", [{"propensity": "p"}, {"propensity": None, "shares": {"mail": 9, "none": 1}}])
def test_arms_drawn_as_designed_seldom_fail_at_any_of_sixty_looks(n_seeds, design):
    found = [check(file(seed, p=0.9), **design) for seed in range(10 * n_seeds)]
    failed = sum(one.p_value <= 0.01 for one in found)
    assert failed <= binom.isf(1e-4, len(found), 0.01)
    assert failed == sum(one.first is not None for one in found)
