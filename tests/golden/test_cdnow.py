"""CDNOW, the data set of the articles: published likelihoods, parameters and forecasts.

Sources: Fader, Hardie & Lee (2005), Marketing Science 24(2) (BG/NBD, Pareto/NBD) and Journal of Marketing Research
42(4) (Gamma-Gamma), on the 1-in-10 sample; whole-cohort figures were computed independently beforehand.
"""

from __future__ import annotations

import gzip
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from alamo.inference.lifetime_value import LifetimeValueSpec, analyze_lifetime_value

CALIBRATION_END = date(1997, 9, 30)  # day 273: 39 weeks
BEFORE = date(1996, 12, 31)
SPEC = LifetimeValueSpec(
    "customer", "date", "dollars", time_format="%Y%m%d", calibrate_until=CALIBRATION_END, horizon=39
)


@pytest.fixture(scope="module")
def cdnow(test_data) -> pa.Table:
    with gzip.open(test_data / "cdnow" / "CDNOW_master.txt.gz", "rt") as lines:
        rows = [line.split() for line in lines]
    return pa.table(
        {
            "customer": [row[0] for row in rows],
            "date": [row[1] for row in rows],
            "dollars": [float(row[3]) for row in rows],
        }
    )


def systematic_sample(table: pa.Table) -> pa.Table:
    """Return the 1-in-10 sample of the articles, rebuilt from the whole cohort.

    Customers are stratified by trial week, ordered within it by falling repeat spending in 39 weeks (total less trial
    day, in binary floating point, which breaks ties), then by number; every tenth is taken. That gives exactly the
    2,357 customers of the published sample file.
    """
    customer = np.array(table["customer"].to_pylist(), dtype=np.int64)
    text = table["date"].to_pylist()
    day = np.array([(date(int(d[:4]), int(d[4:6]), int(d[6:])) - BEFORE).days for d in text])
    dollars = table["dollars"].to_numpy()
    trial = np.full(customer.max() + 1, 10_000)
    np.minimum.at(trial, customer, day)
    spent, at_trial = np.zeros(len(trial)), np.zeros(len(trial))
    np.add.at(spent, customer[day <= 273], dollars[day <= 273])
    np.add.at(at_trial, customer[day == trial[customer]], dollars[day == trial[customer]])
    numbers = np.arange(1, len(trial))
    order = np.lexsort((numbers, -(spent - at_trial)[1:], (trial[1:] - 1) // 7))
    chosen = numbers[order[9::10]]
    return table.filter(pc.is_in(table["customer"], value_set=pa.array([f"{number:05d}" for number in chosen])))


@pytest.fixture(scope="module")
def whole(cdnow):
    return analyze_lifetime_value(cdnow, SPEC)


@pytest.fixture(scope="module")
def sample(cdnow):
    return analyze_lifetime_value(systematic_sample(cdnow), SPEC)


def check(result, n, log_likelihood, parameters, money):
    shown = result.to_dict()
    estimates = {row["parameter"]: row["estimate"] for row in shown["rows"]}
    assert shown["n_customers"] == n
    assert shown["converged"]
    assert shown["identified"]
    assert shown["log_likelihood"] == pytest.approx(log_likelihood, abs=1e-4)
    for name, value in zip(("r", "alpha", "a", "b"), parameters, strict=True):
        assert estimates[name] == pytest.approx(value, abs=1e-4)
    assert shown["money"]["n_customers"] == money[0]
    assert shown["money"]["log_likelihood"] == pytest.approx(money[1], abs=1e-4)
    assert shown["refusals"] == []
    return estimates


def test_the_published_sample_gives_the_published_fit(sample):
    estimates = check(sample, 2_357, -9582.4292, (0.2426, 4.4136, 0.7929, 2.4259), (946, -4055.9177))
    assert estimates["p"] == pytest.approx(6.250, abs=1e-3)
    assert estimates["q"] == pytest.approx(3.744, abs=1e-3)
    assert estimates["v"] == pytest.approx(15.44, abs=1e-2)


def test_the_whole_cohort_gives_its_fit(whole):
    check(whole, 23_570, -95368.4439, (0.2516, 4.7889, 0.7234, 2.1611), (9_450, -40763.4763))


def test_the_sample_predicts_the_next_39_weeks(sample):
    assert sample.holdout is not None
    assert round(sample.holdout.correlation, 3) >= 0.626
    assert sample.holdout.rmse < 1.609
    assert abs(sample.holdout.aggregate_error) < 0.125


def test_the_whole_cohort_predicts_the_next_39_weeks(whole):
    assert whole.holdout is not None
    assert round(whole.holdout.correlation, 3) >= 0.669
    assert whole.holdout.rmse < 1.734
    assert abs(whole.holdout.aggregate_error) < 0.145


def test_forecasts_rank_customers_far_better_than_chance(whole):
    assert whole.holdout.gini > 0.65
    assert whole.holdout.top_decile_share > 0.45


def check_pareto(result, log_likelihood, parameters):
    shown = result.to_dict()
    assert (shown["model"], shown["converged"], shown["identified"]) == ("pareto-nbd", True, True)
    assert shown["log_likelihood"] == pytest.approx(log_likelihood, abs=1e-4)
    for row, (name, value) in zip(shown["rows"], parameters.items(), strict=False):
        assert row["parameter"] == name
        assert row["estimate"] == pytest.approx(value[0], abs=value[1])
        assert 0 < row["se"] < row["estimate"]


@pytest.fixture(scope="module")
def pareto(cdnow):
    spec = replace(SPEC, model="pareto-nbd", recalibrate="auto")
    return [analyze_lifetime_value(table, spec) for table in (systematic_sample(cdnow), cdnow)]


def test_pareto_nbd_gives_the_published_fits(pareto):
    digits = {"r": 5e-5, "alpha": 5e-4, "s": 5e-5, "beta": 5e-4}
    sample = dict(zip(digits, (0.5533, 10.578, 0.6062, 11.669), strict=True))
    whole = dict(zip(digits, (0.5974, 11.586, 0.5222, 8.828), strict=True))
    for result, value, parameters in zip(pareto, (-9594.9762, -95415.1186), (sample, whole), strict=True):
        check_pareto(result, value, {name: (parameters[name], digits[name]) for name in digits})


def test_a_first_christmas_is_flagged_and_not_fitted(pareto):
    """The 39 weeks to judge hold one; none was seen before, and no past forecast can be judged by an earlier one."""
    for result in pareto:
        assert (result.recalibration.chosen, result.recalibration.level) == ("none", 1.0)
        assert "too long for this history" in result.recalibration.reason
        assert "not identified" in result.recalibration.season
        assert abs(result.holdout.aggregate_error) < 0.14


@pytest.mark.parametrize("model", ["bg-nbd", "pareto-nbd"])
def test_rolling_origins_miss_by_at_most_8_percent_on_average_recalibrated_or_not(cdnow, model):
    """Half a year ahead from five origins; the recalibration sees nothing after its origin."""
    errors, inside = {"none": [], "auto": []}, []
    for week in (26, 32, 39, 45, 52):
        until = BEFORE + timedelta(days=7 * week)
        for asked, missed in errors.items():
            spec = replace(SPEC, amount=None, model=model, calibrate_until=until, horizon=26, recalibrate=asked)
            found = analyze_lifetime_value(cdnow, spec)
            missed.append(abs(found.holdout.aggregate_error))
        actual = found.customers["expected_purchases"].to_numpy().sum() / (1.0 + found.holdout.aggregate_error)
        inside.append(found.total.lower <= actual <= found.total.upper)
    assert np.mean(errors["none"]) <= 0.08
    assert np.mean(errors["auto"]) <= 0.08
    assert sum(inside) >= 4


def test_pareto_nbd_orders_customers_a_little_better(pareto, sample, whole):
    figures = zip(pareto, (sample, whole), (0.630, 0.671), (1.603, 1.726), strict=True)
    for result, plain, reached, within in figures:
        assert round(result.holdout.correlation, 3) >= reached
        assert round(result.holdout.rmse, 3) <= within
        assert result.holdout.correlation > plain.holdout.correlation


def test_bg_nbd_is_kept_where_time_held_back_does_not_tell_models_apart(sample, whole):
    for result in (sample, whole):
        assert result.model == "bg-nbd"
        assert len(result.choice) == 5
