"""Choosing a model, predictive intervals, rolling origins and recalibration."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from scipy.optimize import brentq

from alamo.inference.lifetime_value.choice import choose_model
from alamo.inference.lifetime_value.predictive import purchase_intervals, total_interval
from alamo.inference.lifetime_value.purchase_fit import MODELS, PARAMETERS, fit_purchases
from alamo.inference.lifetime_value.rolling import (
    Origin,
    matched_plan,
    recalibrate,
    rolling_origins,
    usual_miss,
    yearly_plan,
)
from alamo.inference.lifetime_value.summary import PurchaseDays, purchase_days, purchases_between, summarise

UNTIL = 300


def history(n=1_500, days=500, *, stages=1, seed=1, intensity=None):
    """Customers who come within 100 days, buy at their own rate and leave after a purchase with their own chance."""
    rng = np.random.default_rng(seed)
    rate, p = rng.gamma(1.5, 1 / 60.0, n), rng.beta(0.8, 6.0, n)
    now = rng.uniform(0, 100, n)
    who, when, active = [], [], np.arange(n)
    while len(active):
        who.append(active)
        when.append(now[active].astype(np.int64))
        active = active[(rng.random(len(active)) > p[active]) | (len(who) == 1)]
        now[active] += 1 + rng.gamma(stages, 1.0, len(active)) / (stages * rate[active])
        active = active[now[active] < days]
    who, when = np.concatenate(who), np.concatenate(when)
    if intensity is not None:  # thin the purchases of some days, but nobody's first
        first = np.full(n, days)
        np.minimum.at(first, who, when)
        kept = (when == first[who]) | (rng.random(len(who)) < intensity(when))
        who, when = who[kept], when[kept]
    return purchase_days(pa.array(who), when, None)


@pytest.fixture(scope="module")
def purchases() -> PurchaseDays:
    return history()


@pytest.mark.parametrize("name", MODELS)
def test_every_model_forecasts_purchase_days_near_those_that_came(purchases, name):
    fit = fit_purchases(name, purchases, UNTIL)
    summary = summarise(purchases, UNTIL)
    actual = purchases_between(purchases, summary, UNTIL, UNTIL + 100)
    assert set(fit.fit.estimates) == set(PARAMETERS[name])
    assert fit.fit.converged
    assert fit.expected_purchases(100.0).sum() == pytest.approx(actual.sum(), rel=0.15)
    assert ((fit.p_alive() >= 0) & (fit.p_alive() <= 1 + 1e-12)).all()
    assert fit.p_alive().shape == actual.shape


@pytest.mark.parametrize("name", MODELS)
def test_intervals_hold_at_least_their_level(purchases, name):
    """A discrete interval covers more than nominal; four standard errors of a share are allowed below."""
    fit = fit_purchases(name, purchases, UNTIL)
    lower, upper = purchase_intervals(fit, 100.0, 0.8)
    actual = purchases_between(purchases, summarise(purchases, UNTIL), UNTIL, UNTIL + 100)
    covered = ((actual >= lower) & (actual <= upper)).mean()
    assert covered > 0.8 - 4 * np.sqrt(0.16 / len(actual))
    assert (upper > 0).any()
    assert (lower <= upper).all()
    assert upper.mean() < 0.2 * actual.max() + 10


def test_a_higher_level_and_a_longer_horizon_widen_intervals(purchases):
    fit = fit_purchases("bg-nbd", purchases, UNTIL)
    plain, wide, long = (purchase_intervals(fit, *a) for a in ((100.0, 0.8), (100.0, 0.99), (300.0, 0.8)))
    assert (wide[1] >= plain[1]).all()
    assert (wide[0] <= plain[0]).all()
    assert (long[1] >= plain[1]).all()
    assert wide[1].sum() > plain[1].sum()


def test_uncertain_parameters_widen_intervals(purchases):
    fit = fit_purchases("bg-nbd", purchases, UNTIL)
    vague = replace(fit, fit=replace(fit.fit, deviations=tuple(tuple(5 * s for s in c) for c in fit.fit.deviations)))
    assert purchase_intervals(vague, 300.0, 0.9)[1].sum() > purchase_intervals(fit, 300.0, 0.9)[1].sum()
    widths = [np.subtract(t.upper, t.lower) for t in (total_interval(f, 300.0, 0.9) for f in (vague, fit))]
    assert widths[0] > 1.5 * widths[1]


def test_the_total_is_the_sum_over_customers_and_past_misses_widen_it(purchases):
    fit = fit_purchases("pareto-nbd", purchases, UNTIL)
    total, wider = total_interval(fit, 100.0, 0.9), total_interval(fit, 100.0, 0.9, 0.2)
    assert total.mean == pytest.approx(fit.expected_purchases(100.0).sum())
    assert total.lower < total.mean < total.upper
    assert wider.upper - wider.mean > 1.6 * 0.2 * total.mean


@pytest.mark.parametrize("level", [0.5, 1.6])
def test_recalibrated_intervals_are_those_of_the_horizon_that_holds_as_many_purchases(purchases, level):
    fit = fit_purchases("bg-nbd", purchases, UNTIL)
    wanted = level * fit.expected_purchases(300.0).sum()
    same = brentq(lambda days: fit.expected_purchases(days).sum() - wanted, 1.0, 3_000.0, xtol=1e-4)
    assert abs(same / (level * 300.0) - 1.0) > 0.05  # customers leave: not the horizon times the level
    there, asked = total_interval(fit, same, 0.9), total_interval(fit.recalibrated(level), 300.0, 0.9)
    assert asked.mean == pytest.approx(wanted)
    assert asked.upper - asked.lower == pytest.approx(there.upper - there.lower, rel=1e-4)
    ends = zip(purchase_intervals(fit.recalibrated(level), 300.0, 0.9), purchase_intervals(fit, same, 0.9), strict=True)
    assert all(np.mean(one != other) < 0.002 for one, other in ends)


def test_the_total_of_a_sample_is_one_of_customers_not_of_kinds_of_customers(monkeypatch, purchases):
    """Most customers share few kinds: by kinds the busy few would stand for all."""
    fit = fit_purchases("bg-nbd", purchases, UNTIL)
    fit = replace(fit, place=np.concatenate([fit.place, np.zeros(20_000, dtype=np.int64)]))
    whole = total_interval(fit, 300.0, 0.9)
    monkeypatch.setattr("alamo.inference.lifetime_value.predictive._SAMPLE", 700)
    sampled = total_interval(fit, 300.0, 0.9)
    assert len(fit.x) > 700
    assert sampled.mean == whole.mean
    # 50 of the 700 are drawn from the 1,500 in order of their purchases: a few per cent of the sum is left to chance
    assert sampled.upper - sampled.lower == pytest.approx(whole.upper - whole.lower, rel=0.1)


def test_parameters_matter_by_their_deviation_not_by_the_number_of_customers(purchases):
    fit = fit_purchases("bg-nbd", purchases, UNTIL)
    many = replace(fit, fit=replace(fit.fit, n_customers=1_000_000))
    known = replace(fit, fit=replace(fit.fit, deviations=((0.02, 0.0, 0.0, 0.0),)))
    bare = replace(fit, fit=replace(fit.fit, deviations=()))
    ends = [purchase_intervals(one, 300.0, 0.9)[1] for one in (fit, many, known, bare)]
    np.testing.assert_array_equal(ends[0], ends[1])
    np.testing.assert_array_equal(ends[2], ends[3])
    assert (ends[0] != ends[3]).any()


def test_discounting_lowers_and_no_rate_changes_nothing(purchases):
    fit = fit_purchases("bg-nbd", purchases, UNTIL)
    plain = fit.expected_purchases(365.0)
    np.testing.assert_array_equal(fit.discounted_purchases(365.0, 0.0), plain)
    half = fit.discounted_purchases(365.0, 0.1) / plain
    assert ((half > np.exp(-0.1)) & (half < 1.0)).all()


def test_bg_bb_counts_weeks_back_from_the_last_day():
    purchases = purchase_days(pa.array(["a"] * 4 + ["b"] * 2), np.array([0, 1, 9, 14, 0, 14]), None)
    fit = fit_purchases("bg-bb", purchases, 14)
    # weeks back from day 14: days 8..14 are the last, 1..7 the one before, 0 the first; a bought in weeks 0, 1, 2
    assert sorted(zip(fit.x[fit.place], fit.t_x[fit.place], fit.t[fit.place], strict=True)) == [(1, 2, 2), (2, 2, 2)]
    assert fit.days_per_count == pytest.approx(4 / 3)


def test_auto_keeps_the_plainest_model_where_nothing_tells_them_apart(purchases):
    name, candidates = choose_model(purchases, UNTIL, 100.0)
    assert name == "bg-nbd"
    assert [candidate.model for candidate in candidates] == list(MODELS)
    assert [candidate.chosen for candidate in candidates] == [True, False, False, False, False]
    assert "the plainest" in candidates[0].reason


def test_auto_finds_regular_customers():
    name, candidates = choose_model(history(stages=4, seed=2), UNTIL, 100.0)
    chosen = next(candidate for candidate in candidates if candidate.chosen)
    assert name == chosen.model == "bg-cnbd-k"
    assert chosen.difference < -2 * chosen.se


def test_auto_looks_at_nothing_after_the_calibration(purchases):
    cut = purchases.selected(purchases.day <= UNTIL)
    assert choose_model(purchases, UNTIL, 100.0) == choose_model(cut, UNTIL, 100.0)


def test_auto_says_when_there_is_nothing_to_choose_by():
    name, candidates = choose_model(history(n=60), 150, 30.0)
    assert name == "bg-nbd"
    assert "nothing to choose by" in candidates[0].reason


def test_auto_judges_many_customers_by_a_sample_of_them(monkeypatch, purchases):
    seen = []

    def counting(name, sample, until, **options):
        seen.append(len(np.unique(sample.customer[sample.day <= until])))
        return fit_purchases(name, sample, until, **options)

    monkeypatch.setattr("alamo.inference.lifetime_value.choice.fit_purchases", counting)
    monkeypatch.setattr("alamo.inference.lifetime_value.choice._MOST_CUSTOMERS", 500)
    name, _ = choose_model(purchases, UNTIL, 100.0, models=("bg-nbd", "mbg-nbd"))
    assert name in {"bg-nbd", "mbg-nbd"}
    assert seen == [500, 500]  # 1,500 customers, every third


def test_auto_leaves_bg_bb_out_where_it_is_slow_unless_purchases_keep_to_weeks(monkeypatch, purchases):
    monkeypatch.setattr("alamo.inference.lifetime_value.choice._MOST_HISTORIES", 0)
    slow = choose_model(purchases, UNTIL, 100.0)[1][-1]
    assert (slow.model, slow.loss, slow.chosen) == ("bg-bb", None, False)
    assert "--model bg-bb" in slow.reason
    weekly = purchase_days(purchases.customer, purchases.day // 7 * 7, None)
    assert choose_model(weekly, UNTIL, 100.0)[1][-1].loss is not None
    assert choose_model(purchases, UNTIL, 100.0, models=("bg-nbd", "bg-bb"))[1][-1].loss is not None


def fitter(purchases):
    return lambda until: fit_purchases("bg-nbd", purchases, until)


def test_origins_compare_what_was_predicted_with_what_came(purchases):
    (origin,) = rolling_origins(purchases, fitter(purchases), [(250, 50)])
    summary = summarise(purchases, 250)
    assert origin.actual == purchases_between(purchases, summary, 250, 300).sum()
    assert origin.predicted == pytest.approx(fitter(purchases)(250).expected_purchases(50.0).sum())
    assert origin.error == pytest.approx(origin.predicted / origin.actual - 1)


def test_plans_stay_inside_the_calibration():
    assert all(day >= 0 and day + horizon <= UNTIL for day, horizon in matched_plan(0, UNTIL, 200.0))
    assert len(matched_plan(0, UNTIL, 200.0)) == 6
    assert yearly_plan(0, 1_400, 90.0) == [(1_036, 90), (672, 90)]
    assert yearly_plan(0, 364, 90.0) == []


def test_recalibration_looks_at_nothing_after_the_calibration(purchases):
    cut = purchases.selected(purchases.day <= UNTIL)
    looked = recalibrate(purchases, fitter(purchases), UNTIL, 100.0)
    assert looked == recalibrate(cut, fitter(cut), UNTIL, 100.0)
    assert "not identified" in looked.season


def test_the_level_is_what_past_forecasts_missed_alike_shrunk_by_their_spread(monkeypatch, purchases):
    def past(ratios):
        made = tuple(Origin(100 + 30 * i, 60, 9, 100.0, 100.0 * r) for i, r in enumerate(ratios))
        monkeypatch.setattr("alamo.inference.lifetime_value.rolling.rolling_origins", lambda *_: made)
        return recalibrate(purchases, fitter(purchases), UNTIL, 100.0)

    agreed, mixed = past([1.2, 1.22, 1.18, 1.2]), past([0.8, 1.25, 0.9, 1.1])
    assert agreed.chosen in {"level", "season"}
    assert agreed.level == pytest.approx(1.2, abs=0.01)
    assert (mixed.chosen, mixed.level) == ("none", 1.0)
    assert mixed.level_sd > agreed.level_sd


def test_neighbours_that_saw_the_same_purchases_do_not_vouch_for_each_other(monkeypatch, purchases):
    """All miss by a third, but no horizon was over before the next forecast was made."""

    def past(step):
        made = iter([(), tuple(Origin(100 + step * i, 60, 9, 100.0, 133.0 + i) for i in range(4))])  # no earlier year
        monkeypatch.setattr("alamo.inference.lifetime_value.rolling.rolling_origins", lambda *_: next(made))
        return recalibrate(purchases, fitter(purchases), UNTIL, 100.0)

    overlapping, apart = past(10), past(60)
    assert (overlapping.chosen, overlapping.level) == ("none", 1.0)
    assert "too long for this history" in overlapping.reason
    assert overlapping.level_sd == pytest.approx(
        np.log(1.345), abs=0.01
    )  # the interval of the total knows all the same
    assert apart.chosen in {"level", "season"}


def test_the_total_is_as_uncertain_as_past_forecasts_were_wrong(purchases):
    miss = usual_miss(purchases, fitter(purchases), UNTIL, 100.0)
    origins = rolling_origins(purchases, fitter(purchases), matched_plan(0, UNTIL, 100.0))
    assert miss == pytest.approx(np.sqrt(np.mean([np.log(one.actual / one.predicted) ** 2 for one in origins])))
    assert usual_miss(purchases, lambda _: None, UNTIL, 100.0) == 0.0


def test_a_season_seen_in_three_years_is_used_and_one_seen_once_is_not():
    def autumn(when):
        return np.where((when % 364) > 270, 1.0, 0.5)

    purchases = history(n=3_000, days=1_460, seed=3, intensity=autumn)
    until = 3 * 364 + 270
    seen = recalibrate(purchases, fitter(purchases), until, 90.0)
    assert seen.chosen == "season"
    assert 1.3 < seen.level < 2.5
    assert seen.season.startswith("weak: seen in 2 earlier years")
    once = recalibrate(purchases, fitter(purchases), 364 + 270, 90.0)
    assert once.chosen != "season"
    assert "once" in once.season


def test_what_is_missed_all_year_round_is_no_season(monkeypatch, purchases):
    """The model is too low by the same at every origin, but for noise of 3 %, so that no week is told from another."""
    made = iter([[1.13, 1.15], [1.12, 1.16, 1.13, 1.15], [1.60, 1.64], [1.12, 1.16, 1.13, 1.15], [1.6] * 3, [1.1] * 4])
    monkeypatch.setattr(
        "alamo.inference.lifetime_value.rolling.rolling_origins",
        lambda *_: tuple(Origin(100 + 30 * i, 60, 9, 100.0, 100.0 * r) for i, r in enumerate(next(made))),
    )
    bias, weak, told = (recalibrate(purchases, fitter(purchases), UNTIL, 100.0) for _ in range(3))
    assert bias.chosen == "level"
    assert "no otherwise" in bias.season
    assert (weak.chosen, weak.season.split(":")[0]) == ("season", "weak")
    assert (told.chosen, told.season) == ("season", "seen in 3 earlier years")


def test_origins_without_a_fit_or_a_maximum_are_left_out(purchases):
    def failing(until):
        fit = fit_purchases("bg-nbd", purchases, until)
        return replace(fit, fit=replace(fit.fit, converged=False)) if until == 200 else fit if until < 240 else None

    plan = [(150, 50), (200, 50), (250, 50)]
    assert [origin.until_day for origin in rolling_origins(purchases, failing, plan)] == [150]
