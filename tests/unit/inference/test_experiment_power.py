"""What an experiment file can see, how much longer it takes, and the time column behind that."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from alamo.domain.errors import UsageError
from alamo.inference.experiment import analyze_experiment
from alamo.inference.experiment_result import ExperimentResult
from alamo.inference.experiment_spec import ExperimentSpec
from alamo.inference.experiment_time import times_of, units_per_day


def file(n: int = 4000, seed: int = 1, *, lift: float = 0.0, days: int = 20) -> pa.Table:
    rng = np.random.default_rng(seed)
    arm = np.arange(n) % 2
    return pa.table(
        {
            "arm": np.where(arm == 1, "mail", "none"),
            "spend": rng.normal(10.0, 2.0, n) + lift * arm,
            "day": np.datetime64("2024-03-01") + np.arange(n) * days // n,
        }
    )


def run(table: pa.Table, ridge, **options) -> ExperimentResult:
    return analyze_experiment(table, ExperimentSpec("arm", "none", ("spend",), features="none", **options), ridge)


def test_the_smallest_effect_that_is_found_is_the_textbook_one_and_the_always_valid_one_larger(ridge) -> None:
    result = run(file(), ridge)
    (power,) = result.power
    assert power.detectable == pytest.approx((1.959964 + 0.841621) * result.rows[0].se)
    assert power.anytime_detectable > 1.2 * power.detectable
    assert power.target_measured
    assert power.days_needed is None


def test_a_quarter_of_what_is_seen_takes_fifteen_times_as_many_units_more_and_days_at_the_same_pace(ridge) -> None:
    seen = run(file(), ridge).power[0].detectable
    (power,) = run(file(), ridge, detect={"spend": seen / 4}, time="day").power
    assert power.units_needed == pytest.approx(15 * 4000, rel=1e-3)
    assert power.days_needed == pytest.approx(15 * 20, rel=1e-2)
    assert power.anytime_units_needed > power.units_needed
    assert power.anytime_days_needed == pytest.approx(power.anytime_units_needed / 200, abs=1)
    assert run(file(), ridge, detect={"spend": 1.01 * seen}).power[0].units_needed == 0
    assert run(file(), ridge, detect={"spend": seen / 1000}).power[0].units_needed is None


def test_what_was_found_needs_no_more_and_shares_are_of_control(ridge) -> None:
    result = run(file(lift=1.0), ridge)
    assert result.rows[0].found
    assert result.power[0].units_needed == result.power[0].anytime_units_needed == 0
    (power,) = run(file(), ridge, detect={"spend": "10%"}).power
    assert power.target == pytest.approx(1.0, rel=0.02)
    assert not power.target_measured


@pytest.mark.parametrize("words", ["much", "0", "0%", "nan", "inf"])
def test_a_size_that_is_none_is_refused(words) -> None:
    with pytest.raises(UsageError, match="no size"):
        ExperimentSpec("arm", "none", ("spend",), detect={"spend": words})


def test_a_share_of_a_mean_that_is_nil_is_no_size_and_the_effect_is_shown_all_the_same(ridge) -> None:
    table = file()
    balance = np.random.default_rng(1).permutation(np.repeat([-1.0, 1.0], 1000))
    table = table.set_column(1, "spend", pa.array(np.repeat(balance, 2)))  # both arms: mean 0
    result = run(table, ridge, detect={"spend": "10%"})
    assert result.power[0].target_measured
    assert [refusal.cure for refusal in result.refusals] == ["name it in the outcome's unit: --detect spend=0.5"]


def test_a_cost_of_no_arm_is_refused_whatever_becomes_of_the_outcomes(ridge) -> None:
    table = file().set_column(1, "spend", pa.array(np.ones(4000)))  # refused: it never varies
    with pytest.raises(UsageError, match="--cost names 'male'"):
        run(table, ridge, costs={"male": 1.0})


def test_an_outcome_named_twice_counts_once(ridge) -> None:
    once = analyze_experiment(file(lift=0.2), ExperimentSpec("arm", "none", ("spend",), fdr=0.05), ridge)
    twice = analyze_experiment(file(lift=0.2), ExperimentSpec("arm", "none", ("spend", "spend"), fdr=0.05), ridge)
    assert twice.to_dict() == once.to_dict()


def test_a_size_for_something_that_is_no_outcome_is_refused() -> None:
    with pytest.raises(UsageError, match="'visits', which is no outcome"):
        ExperimentSpec("arm", "none", ("spend",), detect={"visits": "10%"})


@pytest.mark.parametrize(
    ("values", "dated"),
    [
        (["2024-03-01", "2024-03-02", None], True),
        (["01.03.2024", "02.03.2024", None], True),
        (pa.array([1, 2, None]), False),
        (pa.array([0, 86_400_000_000, None], pa.timestamp("us")), True),
    ],
    ids=["ISO", "dots", "numbers", "timestamps"],
)
def test_times_order_rows_and_say_whether_they_are_days(values, dated) -> None:
    times, found = times_of(pa.table({"t": values}), "t")
    assert times[1] - times[0] == 1.0
    assert np.isnan(times[2])
    assert found is dated


def test_a_time_in_no_form_is_refused_with_the_value_and_the_form(ridge) -> None:
    table = file(40).append_column("when", pa.array(["first of March"] * 40))
    with pytest.raises(UsageError, match="'first of March'") as error:
        run(table, ridge, time="when")
    assert "2024-12-31" in error.value.hint
    assert times_of(table, None) == (None, False)


def test_units_come_a_day_at_the_pace_of_the_file_and_at_none_within_a_day() -> None:
    assert units_per_day(np.array([1.0, 1.0, 5.0, np.nan]), 100) == 20.0
    assert units_per_day(np.array([1.0, 5.5]), 90) == 20.0
    assert units_per_day(np.array([7.0, 7.0]), 100) is None
    assert units_per_day(None, 100) is None


def test_text_dates_order_the_rows_of_a_unit_by_time_not_by_letters(ridge) -> None:
    rng = np.random.default_rng(3)
    n = 400
    arm = np.arange(n) % 2
    known = rng.normal(size=n)
    first = {
        "u": np.arange(n),
        "arm": arm,
        "when": ["28.02.2024"] * n,
        "known": known,
        "spend": known + rng.normal(size=n),
    }
    later = {**first, "when": ["01.03.2024"] * n, "known": 5.0 + arm + 0.0 * known}
    table = pa.concat_tables([pa.table(later), pa.table(first)])
    spec = ExperimentSpec("arm", "0", ("spend",), unit="u", time="when")
    assert analyze_experiment(table, spec, ridge).features == ("known",)
