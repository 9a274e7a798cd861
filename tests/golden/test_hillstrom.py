"""The published e-mail test of Kevin Hillstrom (2008): 64,000 customers, two e-mails against none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

from alamo.inference import ExperimentResult, ExperimentSpec, analyze_experiment
from alamo.prediction.learners import boosted_outcome

# rates and spend per head as the publisher prints them, in per cent and dollars
PUBLISHED = {
    "No E-Mail": {"visit": 0.10617, "conversion": 0.00573, "spend": 0.65279},
    "Mens E-Mail": {"visit": 0.18276, "conversion": 0.01253, "spend": 1.42262},
    "Womens E-Mail": {"visit": 0.15140, "conversion": 0.00884, "spend": 1.07720},
}


@pytest.fixture(scope="module")
def hillstrom(test_data: Path) -> pa.Table:
    return pyarrow.csv.read_csv(test_data / "hillstrom" / "hillstrom.csv.gz")


def _run(table: pa.Table, *outcomes: str, **options: object) -> ExperimentResult:
    return analyze_experiment(table, ExperimentSpec("segment", "No E-Mail", outcomes, **options), boosted_outcome())


@pytest.fixture(scope="module")
def result(hillstrom: pa.Table) -> ExperimentResult:
    return _run(hillstrom, "visit", "conversion", "spend")


def test_effects_are_the_published_differences_within_rounding(result):
    for row in result.rows:
        published = PUBLISHED[row.action][row.outcome] - PUBLISHED["No E-Mail"][row.outcome]
        assert row.mean == pytest.approx(published, abs=1.1e-5), (row.action, row.outcome)  # two rounded terms
    pooled = {(row.action, row.outcome): row.mean for row in result.rows}
    assert round(100 * pooled["Mens E-Mail", "visit"], 2) == 7.66
    assert round(100 * pooled["Womens E-Mail", "visit"], 2) == 4.52
    assert round(pooled["Mens E-Mail", "spend"], 2) == 0.77
    assert round(pooled["Womens E-Mail", "spend"], 2) == 0.42


def test_fixed_n_intervals_are_no_wider_than_unadjusted_ones(result, hillstrom):
    arm = np.array(hillstrom["segment"].to_pylist())
    for row in result.rows:
        values = hillstrom[row.outcome].to_numpy().astype(float)
        treated, control = values[arm == row.action], values[arm == "No E-Mail"]
        welch = np.sqrt(treated.var(ddof=1) / len(treated) + control.var(ddof=1) / len(control))
        assert row.upper - row.lower <= 1.01 * 2 * 1.959964 * welch


def test_always_valid_intervals_exclude_zero_and_are_at_most_1_6_times_as_wide(result):
    for row in result.rows:
        assert row.anytime_lower > 0.0
        assert row.anytime_upper - row.anytime_lower <= 1.6 * (row.upper - row.lower)


def test_auto_features_leave_out_visit_and_conversion_when_spend_is_the_outcome_and_say_so(hillstrom):
    result = _run(hillstrom, "spend")
    assert {"visit", "conversion"}.isdisjoint(result.features)
    assert {"recency", "history", "mens", "womens", "zip_code", "newbie", "channel"} <= set(result.features)
    said = " ".join(refusal.what for refusal in result.refusals)
    assert "'visit'" in said
    assert "'conversion'" in said


def test_customers_without_e_mail_split_at_random_show_nothing(hillstrom):
    control = hillstrom.filter(pa.compute.equal(hillstrom["segment"], "No E-Mail"))
    coin = np.where(np.random.default_rng(1).random(control.num_rows) < 0.5, "placebo", "none")
    placebo = control.set_column(control.column_names.index("segment"), "segment", pa.array(coin))
    spec = ExperimentSpec("segment", "none", ("visit", "spend"), segments="auto")
    found = analyze_experiment(placebo, spec, boosted_outcome())
    assert len(found.rows) > 40
    assert not any(row.found for row in found.rows)
