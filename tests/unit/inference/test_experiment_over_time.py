"""Effects by day, week or month: those of the period's rows alone, and the line through them."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from alamo.domain.errors import UsageError
from alamo.inference.experiment import analyze_experiment
from alamo.inference.experiment_over_time import period_places, period_start
from alamo.inference.experiment_result import ExperimentResult
from alamo.inference.experiment_spec import ExperimentSpec


def file(n: int = 6000, *, fade: float = 0.0) -> pa.Table:
    """Six weeks from Wednesday, 28 February 2024; the effect is 3 at first and falls by `fade` a week; sales grow."""
    rng = np.random.default_rng(1)
    arm, day = rng.integers(0, 2, n), np.arange(n) * 42 // n
    week = day // 7
    spend = rng.normal(10.0, 2.0, n) + 2.0 * week + (3.0 - fade * week) * arm
    return pa.table(
        {"arm": arm.astype(str), "day": np.datetime64("2024-02-28") + day, "spend": spend, "orders": day + 1}
    )


def run(table: pa.Table, ridge, *outcomes: str, **options) -> ExperimentResult:
    spec = ExperimentSpec("arm", "0", outcomes or ("spend",), features="none", time="day", **options)
    return analyze_experiment(table, spec, ridge)


def test_a_period_has_the_effect_of_its_own_rows(ridge) -> None:
    table = file()
    result = run(table, ridge, over_time="week")
    assert [row.period for row in result.periods[:3]] == ["2024-02-28", "2024-03-06", "2024-03-13"]
    assert len(result.periods) == 6
    days = table["day"].to_numpy()
    for row in result.periods:
        start = np.datetime64(row.period)
        own = run(table.filter(pa.array((days >= start) & (days < start + 7))), ridge).rows[0]
        assert row.mean == pytest.approx(own.mean)
        assert row.se == pytest.approx(own.se, rel=0.03)
        assert (row.n, row.n_control) == (own.n, own.n_control)
    assert run(table, ridge).periods == ()


def test_an_effect_that_fades_wears_off_and_one_that_lasts_does_not_although_sales_grow(ridge) -> None:
    (fading,) = run(file(fade=0.4), ridge, over_time="week").trends
    assert fading.says == "wears off"
    assert fading.lower < -0.4 < fading.upper < 0.0
    (lasting,) = run(file(), ridge, over_time="week").trends
    assert lasting.says == "no trend found"
    (growing,) = run(file(fade=-0.4), ridge, over_time="week").trends
    assert growing.says == "grows"


def test_days_and_months_have_their_own_trend_and_scale(ridge) -> None:
    result = run(file(fade=0.4), ridge, over_time="day")
    assert len(result.periods) == 42
    assert result.trends[0].slope == pytest.approx(-0.4 / 7, rel=0.25)
    assert [row.period for row in run(file(), ridge, over_time="month").periods] == [
        "2024-02-01", "2024-03-01", "2024-04-01"
    ]  # fmt: skip


def test_thin_periods_ratios_and_files_without_dates_are_refused_with_a_cure(ridge) -> None:
    thin = run(file(200), ridge, over_time="day")
    assert thin.periods == thin.trends == ()
    said = " ".join(f"{refusal.reason} {refusal.cure}" for refusal in thin.refusals)
    assert "42 day(s)" in said
    assert "there are 0" in said
    ratio = run(file(), ridge, "spend/orders", over_time="week")
    assert ratio.periods == ()
    assert any("all periods only" in refusal.reason for refusal in ratio.refusals)
    counted = file().append_column("place", pa.array(np.arange(6000)))
    undated = ExperimentSpec("arm", "0", ("spend",), features="none", time="place", over_time="week")
    assert any("--time COL" in refusal.cure for refusal in analyze_experiment(counted, undated, ridge).refusals)
    with pytest.raises(UsageError, match="when each row was"):
        ExperimentSpec("arm", "0", ("spend",), over_time="week")
    with pytest.raises(UsageError, match="day, week or month"):
        run(file(50), ridge, over_time="year")


def test_arms_whose_shares_change_over_time_are_told_of_unless_probabilities_are_given(ridge) -> None:
    table = file()
    week = np.arange(6000) * 42 // 6000 // 7
    p = np.array([0.1, 0.1, 0.2, 0.3, 0.5, 0.5])[week]
    mailed = np.random.default_rng(2).random(6000) < p
    table = table.set_column(0, "arm", pa.array(mailed.astype(int).astype(str)))
    table = table.append_column("p", pa.array(np.where(mailed, p, 1.0 - p)))
    (told,) = run(table, ridge).refusals
    assert "shares change over 'day'" in told.reason
    assert "--propensity COL" in told.cure
    assert run(table, ridge, propensity="p").refusals == ()
    assert run(file(), ridge).refusals == ()


def test_periods_are_counted_from_the_first_time_and_months_are_those_of_the_calendar() -> None:
    days = np.array([19781.0, 19787.9, 19788.0, np.nan, 19784.0])  # 28 February 2024 is day 19,781
    assert period_places(days, "week").tolist() == [0, 0, 1, -1, 0]
    assert period_places(days, "month").tolist() == [0, 1, 1, -1, 1]
    assert period_start(19790.0, "week", 19781.0) == date(2024, 3, 6)
    assert period_start(19790.5, "day", 19781.0) == date(2024, 3, 8)
    assert period_start(19790.0, "month", 19781.0) == date(2024, 3, 1)
