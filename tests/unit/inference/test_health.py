"""Checks of model health by hand: what is compared, what is refused, and how verdicts are shared out."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from alamo.domain.errors import ContractError
from alamo.inference.health import (
    Check,
    JudgedRows,
    PlanGain,
    Promise,
    calibration,
    effect_drift,
    feature_drift,
    health_table,
    judged,
    judged_rows,
    programme_forecast,
    value_forecast,
)
from alamo.inference.health.checks import FAMILIES
from alamo.numerics.skewed_mean import SkewedMean

NOW = datetime(2026, 1, 5, tzinfo=UTC)


def rows(n: int = 4_000, cycles: int = 1, *, slope: float = 1.0, gap: float = 0.0, seed: int = 1) -> JudgedRows:
    """Decisions whose effect is `slope` times what was predicted plus `gap`."""
    rng = np.random.default_rng(seed)
    unit, cycle = np.tile(np.arange(n), cycles), np.repeat(np.arange(1, cycles + 1), n)
    predicted = rng.normal(2.0, 1.0, n * cycles)
    drew = rng.random(n * cycles) < 0.5
    effect = gap + slope * predicted + rng.normal(0.0, 2.0, n * cycles)
    return JudgedRows(
        "mail",
        effect,
        predicted,
        np.full(n * cycles, 0.0),
        np.full(n * cycles, 0.25),
        unit,
        cycle,
        drew,
        ~drew,
        drew | ~drew,
    )


def test_predictions_that_are_right_have_level_zero_and_slope_one():
    level, slope = calibration(rows(), 0.95)
    assert level.lower < 0.0 < level.upper
    assert slope.lower < 1.0 < slope.upper
    assert (level.n, slope.n) == (4_000, 4_000)
    assert level.found - level.expected == pytest.approx(level.value)


def test_a_model_that_believes_too_much_in_differences_has_a_slope_below_one():
    level, slope = calibration(rows(slope=0.2, gap=1.6), 0.95)
    assert slope.value == pytest.approx(0.2, abs=0.1)
    assert slope.p_value < 1e-10
    assert level.p_value > 0.001


def test_a_model_is_not_blamed_for_an_error_it_said_it_has():
    sure = rows(gap=-0.5)
    unsure = replace(sure, shared_sd=np.full(len(sure.effect), 1.0))
    assert calibration(sure, 0.95)[0].p_value < 1e-6
    told = calibration(unsure, 0.95)[0]
    assert told.p_value > 0.3
    assert told.value == pytest.approx(-0.5, abs=0.1)


def test_an_error_that_grows_with_the_prediction_is_one_of_the_slope():
    sure = rows(slope=0.6, gap=0.8)
    unsure = replace(sure, shared_sd=0.4 * np.abs(sure.predicted))
    slope, told = calibration(sure, 0.95)[1], calibration(unsure, 0.95)[1]
    assert slope.p_value < 1e-6
    assert told.p_value > 0.1
    assert told.value == slope.value
    half = [0.5 * (check.upper - check.lower) for check in (slope, told)]
    assert half[1] == pytest.approx(math.hypot(half[0], 1.96 * 0.4), rel=0.05)
    level_only = calibration(replace(sure, shared_sd=np.full(len(sure.effect), 0.4)), 0.95)[1]
    assert level_only.p_value < 1e-4  # an error that is the same for all moves the level alone


def test_where_little_was_drawn_or_nothing_predicted_calibration_is_refused():
    few = rows()
    drew = np.zeros(len(few.effect), dtype=bool)
    drew[:9] = True
    for check in calibration(replace(few, drew_action=drew), 0.95):
        assert check.p_value is None
        assert "only 9 decisions" in check.reason
    nothing = replace(few, predicted=np.full(len(few.effect), np.nan))
    assert "nothing was predicted" in calibration(nothing, 0.95)[0].reason
    predicted = np.where(few.unit < 1, 2.0, np.nan)
    (level, slope) = judged(calibration(replace(few, predicted=predicted), 0.95), 0.95)
    assert (level.value, level.verdict, slope.verdict) == (None, "refused", "refused")
    assert "something was predicted for, only 0 decisions" in level.reason
    same = calibration(replace(few, predicted=np.full(len(few.effect), 2.0)), 0.95)
    assert same[0].p_value is not None
    assert "the same was predicted" in same[1].reason
    alone = calibration(replace(few, predicted=np.where(few.unit == few.unit[0], 3.0, 2.0)), 0.95)[1]
    assert alone.p_value is None
    assert "for all but one" in alone.reason


def test_where_few_of_an_arm_bought_the_level_is_refused_and_the_slope_is_judged():
    quiet = rows()
    bought = quiet.drew_none | (np.cumsum(quiet.drew_action) <= 19)
    level, slope = calibration(replace(quiet, bought=bought), 0.95)
    assert (level.value, level.p_value) == (None, None)
    assert "only 19 bought in the smaller arm, 20 are needed" in level.reason
    assert slope.p_value is not None


def test_an_effect_that_changes_in_the_newest_cycle_drifts_and_its_size_is_told():
    steady, broken = rows(cycles=3), rows(cycles=3)
    effect = broken.effect.copy()
    effect[broken.cycle == 3] -= 1.0
    assert effect_drift(steady, 0.95).p_value > 0.01
    found = effect_drift(replace(broken, effect=effect), 0.95)
    assert found.p_value < 1e-6
    assert found.value == pytest.approx(-1.0, abs=0.2)
    assert "cycles 1 to 3" in found.reason


def test_one_cycle_cannot_drift_and_a_thin_newest_one_is_not_judged():
    assert "so far there are 1" in effect_drift(rows(), 0.95).reason
    thin = rows(cycles=2)
    drew = thin.drew_action & (thin.cycle == 1)
    assert effect_drift(replace(thin, drew_action=drew), 0.95).p_value is None


@pytest.mark.parametrize("quiet", [1, 2])
def test_a_cycle_in_which_a_free_message_moved_nobody_to_buy_cannot_be_compared(quiet: int):
    found = rows(cycles=2)
    effect = np.where(found.cycle == quiet, 0.0, found.effect)
    (check,) = judged([effect_drift(replace(found, effect=effect), 0.95)], 0.95)
    assert (check.value, check.verdict) == (None, "refused")
    nothing = effect_drift(replace(found, effect=np.zeros(len(effect))), 0.95)
    assert "so far there are 0" in nothing.reason
    three = rows(cycles=3)
    kept = effect_drift(replace(three, effect=np.where(three.cycle == 2, 0.0, three.effect)), 0.95)
    assert kept.p_value > 0.01


def test_decisions_without_a_real_chance_are_left_out_and_units_are_coded():
    table = pa.table(
        {
            "action_id": ["mail", "mail", "post", "mail"],
            "unit_id": ["a", "b", "a", "a"],
            "cycle": [1, 1, 1, 2],
            "drawn": ["mail", "none", "mail", "none"],
            "p": [0.5, 1e-9, 0.25, 0.5],
            "p_none": [0.5, 0.5, 0.25, 0.25],
            "effect_money": [1.0, 9.0, 2.0, 3.0],
            "bought": [True, False, False, True],
        }
    )
    mail, post = judged_rows(table)
    assert (mail.action_id, post.action_id) == ("mail", "post")
    assert mail.effect.tolist() == [1.0, 3.0]
    assert mail.n_units == 1
    assert mail.weight.tolist() == pytest.approx([0.25, 1.0 / 6.0])
    assert np.isnan(mail.predicted).all()
    assert (mail.drew_action.sum(), mail.drew_none.sum()) == (1, 1)


def test_a_forecast_is_judged_against_both_errors():
    total = SkewedMean(300.0, 40.0, 1_000, skewness=0.0, freedom=math.inf)
    found = programme_forecast(Promise(500.0, 30.0), PlanGain(total, 1_000, (90, 20)), 0.95)
    assert (found.expected, found.found, found.value) == (500.0, 300.0, -200.0)
    assert found.upper - found.value == pytest.approx(1.959964 * 50.0)
    assert found.p_value == pytest.approx(math.erfc(4.0 / math.sqrt(2.0)))
    few = programme_forecast(Promise(500.0, 30.0), PlanGain(total, 1_000, (90, 19)), 0.95)
    assert (few.p_value, few.verdict) == (None, "refused")
    assert "and 19 of those who drew none; 20 of both are needed" in few.reason
    nobody = PlanGain(SkewedMean.of(np.full(500, -0.1)).times(500.0), 500, (0, 0))
    assert programme_forecast(Promise(500.0, 30.0), nobody, 0.95).p_value < 1e-9
    empty = SkewedMean.of(np.zeros(0))
    assert programme_forecast(Promise(500.0, 30.0), PlanGain(empty, 0, (0, 0)), 0.95).p_value is None


def test_the_gain_of_a_plan_counts_its_own_decisions_and_buyers_who_could_have_drawn_either():
    scored = pa.table(
        {
            "decision_id": ["a", "a", "b", "b", "c", "d", "d"],
            "unit_id": ["1", "1", "2", "2", "3", "4", "4"],
            "action_id": ["mail", "none", "mail", "none", "none", "mail", "none"],
            "p": [0.5, 0.5, 0.5, 0.5, 1.0, 0.5, 0.5],
            "gamma_money": [6.0, 2.0, 4.0, 4.0, 9.0, 100.0, 0.0],
        }
    )
    decided = pa.table({"decision_id": ["c", "b", "a"], "action_id": ["none", "none", "mail"], "bought": [True] * 3})
    found = PlanGain.of(scored, decided)
    assert found.total.mean == pytest.approx(0.5 * (6.0 - 2.0))  # of a; b gains nothing, c cannot, d is another plan's
    assert (found.n, found.total.n, found.buyers) == (3, 3, (1, 1))


@pytest.mark.parametrize(("factor", "alarm"), [(1.0, False), (1.2, False), (0.5, True), (2.0, True)])
def test_a_value_forecast_fails_only_beyond_its_tolerance(factor: float, alarm: bool):
    rng = np.random.default_rng(2)
    predicted = rng.gamma(1.0, 10.0, 20_000)
    came = factor * predicted * rng.gamma(0.2, 5.0, 20_000)
    found = value_forecast("28 days", predicted, came, 0.95)
    assert (found.p_value < 1e-4) == alarm
    assert found.lower < factor < found.upper
    assert found.value == pytest.approx(came.sum() / predicted.sum())


def test_without_a_value_model_or_buyers_there_is_no_forecast_to_judge():
    assert "no value model" in value_forecast("x", np.zeros(9), np.ones(9), 0.95).reason
    assert "9 customers bought" in value_forecast("x", np.ones(9), np.ones(9), 0.95).reason
    assert value_forecast("x", np.zeros(0), np.zeros(0), 0.95).p_value is None


def test_customers_of_whom_nothing_was_known_are_not_in_a_value_forecast():
    rng = np.random.default_rng(3)
    predicted = rng.gamma(1.0, 10.0, 200)
    came = predicted * rng.gamma(0.5, 2.0, 200)
    found = value_forecast("x", np.append(predicted, np.nan), np.append(came, 1e6), 0.95)
    assert found == value_forecast("x", predicted, came, 0.95)


def test_what_came_and_went_back_has_no_share_to_tell():
    came = np.where(np.arange(200) < 100, 500.0, -499.9)
    told = value_forecast("x", np.full(200, 10.0), came, 0.95)
    assert (told.p_value, told.value) == (None, None)
    assert "returns" in told.reason
    assert value_forecast("x", np.full(60, 10.0), np.full(60, 10.0), 0.95).p_value is None


def people(n: int, age: float, country: list[str]) -> pa.Table:
    rng = np.random.default_rng(int(age))
    return pa.table(
        {
            "customer_id": [f"c{i}" for i in range(n)],
            "margin_90d": rng.normal(age, 10.0, n),
            "tenure_days": rng.normal(age, 10.0, n),
            "country": pa.array([country[i % len(country)] for i in range(n)], pa.string()),
            "returns_7d": pa.nulls(n, pa.int64()),
        }
    )


def test_what_has_moved_fails_what_ages_is_watched_and_what_is_empty_is_left_out():
    then, now = people(500, 40.0, ["DE", "FR"]), people(500, 60.0, ["DE", "FR"])
    names = ("margin_90d", "tenure_days", "country", "returns_7d", "absent")
    found = {check.subject: check for check in judged(feature_drift(then, now, names, 0.95), 0.95)}
    assert set(found) == {"margin_90d", "tenure_days", "country"}
    assert [found[name].verdict for name in ("margin_90d", "tenure_days", "country")] == ["fails", "watch", "holds"]
    assert "on average" in found["margin_90d"].reason
    assert "most often DE" in found["country"].reason
    assert found["margin_90d"].value > 0.25 > found["margin_90d"].threshold


def test_too_few_customers_are_not_compared():
    (check,) = feature_drift(people(500, 40.0, ["DE"]), people(99, 60.0, ["DE"]), ("margin_90d",), 0.95)
    assert (check.subject, check.p_value) == ("*", None)
    assert "99 customers on one side" in check.reason


def test_the_chance_of_a_false_alarm_is_shared_out_over_kinds_and_within_them():
    checks = [
        Check("calibration level", "a", 10, "", value=1.0, p_value=0.002),
        Check("calibration slope", "a", 10, "", value=1.0, p_value=0.5),
        Check("forecast", "programme", 10, "", value=1.0, p_value=0.002),
        Check("feature drift", "x", 10, "", value=0.2, p_value=1e-9, matters="watch"),
        Check("effect drift", "a", 10, "too little"),
    ]
    found, k = judged(checks, 0.95), FAMILIES
    assert [check.p_value for check in found] == pytest.approx([k * 0.004, 1.0, k * 0.002, k * 1e-9, None])
    assert [check.verdict for check in found] == ["fails", "holds", "fails", "watch", "refused"]


def test_the_table_keeps_its_contract_and_a_subject_judged_twice_breaks_it():
    check = Check("forecast", "programme", 10, "as told", value=1.0, p_value=0.5, verdict="holds")
    table = health_table([Check("effect drift", "a", 3, "none"), check], cycle=2, model="m", as_of=NOW)
    assert table["aspect"].to_pylist() == ["forecast", "effect drift"]
    assert table["p_value"].to_pylist() == [0.5, None]
    with pytest.raises(ContractError, match="repeats its key"):
        health_table([check, check], cycle=2, model="m", as_of=NOW)
