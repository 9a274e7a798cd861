"""Predictions keep the share that their own measurement bears out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from alamo.prediction.candidates import MONEY, ONE, Candidate, ConstantEffect
from alamo.prediction.inputs import EffectInputs
from alamo.prediction.level import EffectLevel, EffectParts
from alamo.prediction.segment_effects import SegmentEffect
from alamo.prediction.stack import EffectSpread, EffectStack


def stack(slope: float, slope_se: float, *, sd: float = 1.0) -> EffectStack:
    """A constant effect of 2, with a slope measured as given."""
    return EffectStack(
        candidates=(Candidate(ONE, MONEY, ConstantEffect(2.0)),),
        shares=(1.0,),
        spread=EffectSpread(False, SegmentEffect((sd,)), 0.0),
        weights={ONE: 1.0},
        dr_loss={ONE: 0.0},
        n=100,
        drawn=50,
        drawn_none=50,
        level=EffectLevel(slope, slope_se),
        parts=EffectParts(2.0, EffectLevel(slope, slope_se)),
    )


def somebody() -> EffectInputs:
    empty = np.zeros((1, 0), dtype=np.float32)
    return EffectInputs(empty, empty, np.zeros(1, dtype=np.int64), np.ones(1))


def test_what_the_scores_contradict_is_not_promised():
    assert stack(-1.0, 0.1).predict(somebody()).tolist() == [0.0]


def test_what_they_leave_open_is_promised_in_part_and_what_is_clear_is_kept():
    """Between the prior slope of .7 ± .5 and the one measured, weighted by precision, by hand."""
    assert stack(1.0, 0.01).predict(somebody()) == pytest.approx([2.0], rel=1e-3)
    assert stack(1.0, 0.5).predict(somebody()) == pytest.approx([2.0 * 0.85])
    assert stack(0.0, 0.5).predict(somebody()) == pytest.approx([2.0 * 0.35])
    assert stack(0.0, 100.0).predict(somebody()) == pytest.approx([1.4], rel=1e-3)


def test_the_shared_error_is_that_of_the_slope_and_never_more_than_the_whole():
    assert stack(1.0, 0.1).shared_sd(somebody()) == pytest.approx([0.2])
    assert stack(1.0, 3.0).shared_sd(somebody()).tolist() == [1.0]
    assert stack(0.0, 0.0, sd=7.0).shared_sd(somebody()).tolist() == [7.0]


def test_the_slope_and_its_error_are_those_of_weighted_least_squares():
    """Noise 3 over 40,000 rows around a slope of one: se = 3/√Σx², by hand; doubled weights change nothing."""
    rng = np.random.default_rng(7)
    n = 40_000
    effect = 1.0 + rng.normal(0.0, 0.5, n)
    score = effect + rng.normal(0.0, 3.0, n)
    unit = np.arange(n)
    level = EffectLevel.of(effect, score, np.ones(n), unit)
    assert level.slope_se == pytest.approx(3.0 / np.sqrt(effect @ effect), rel=0.05)
    assert level.slope == pytest.approx(1.0, abs=4 * level.slope_se)
    assert EffectLevel.of(effect, score, np.full(n, 2.0), unit).slope_se == pytest.approx(level.slope_se)
    assert EffectLevel.of(0.0 * effect, score, np.ones(n), unit) == EffectLevel()


def test_a_file_in_which_every_unit_stands_ten_times_says_no_more_than_one_in_which_it_stands_once():
    rng = np.random.default_rng(9)
    effect, score = rng.normal(size=400), rng.normal(size=400)
    once = EffectLevel.of(effect, score, np.ones(400), np.arange(400))
    often = EffectLevel.of(np.tile(effect, 10), np.tile(score, 10), np.ones(4_000), np.tile(np.arange(400), 10))
    assert (often.slope, often.slope_se) == pytest.approx((once.slope, once.slope_se))


def test_an_error_in_proportion_to_what_is_expected_is_largest_for_those_who_bring_most():
    spread = EffectSpread(False, SegmentEffect((3.0,)), 0.0, 0.1)
    who = replace(somebody(), expected=np.array([40.0]))
    assert spread.predict(who) == pytest.approx([5.0])
    assert spread.predict(somebody()).tolist() == [3.0]
    assert replace(stack(1.0, 1.5), spread=spread).shared_sd(who) == pytest.approx([5.0])
    assert replace(stack(1.0, 0.5), spread=spread).shared_sd(who) == pytest.approx([17.0**0.5])
    assert EffectSpread.from_dict(spread.to_dict()) == spread


def test_what_the_mixture_leaves_is_added_where_chance_does_not_explain_it():
    """By hand: slope 4 ± 1 keeps 1 − 2/16 of it, slope 1 ± 1 nothing."""
    assert EffectLevel(4.0, 1.0).beyond == pytest.approx(3.5)
    assert EffectLevel(-4.0, 1.0).beyond == pytest.approx(-3.5)
    assert (EffectLevel(1.0, 1.0).beyond, EffectLevel().beyond) == (0.0, 0.0)
    lifted = replace(stack(1.0, 0.01), lift=0.05)
    assert lifted.predict(replace(somebody(), expected=np.array([40.0]))) == pytest.approx([4.0], rel=1e-3)
    assert EffectStack.from_dict(lifted.to_dict()).lift == 0.05


def test_keeping_a_part_makes_the_error_smaller_where_predictions_are_too_bold():
    """True slopes of mixtures that were chosen by their scores lie around .7; they are measured with an error of 1."""
    rng = np.random.default_rng(5)
    truth = rng.normal(0.7, 0.5, 4_000)
    measured = truth + rng.normal(size=4_000)
    kept = np.array([EffectLevel(m, 1.0).keep((0.7, 0.5)) for m in measured])
    for other in (np.ones(4_000), measured):
        gain = (other - truth) ** 2 - (kept - truth) ** 2
        assert gain.mean() > 3 * gain.std() / np.sqrt(len(gain))


def customers(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Mixtures that say 2 on average, more or less by a standard normal; money scales around 3."""
    scale = rng.uniform(1.0, 5.0, n)
    return scale * (2.0 + rng.normal(size=n)), scale


def test_an_effect_that_is_there_does_not_vouch_for_differences_that_are_not():
    rng = np.random.default_rng(11)
    n = 20_000
    mixture, scale = customers(rng, n)
    score = 2.0 * scale + rng.normal(0.0, 4.0, n)
    ones, unit = np.ones(n), np.arange(n)
    parts = EffectParts.of(mixture, score, ones, unit, scale)
    assert EffectLevel.of(mixture, score, ones, unit).slope > 0.7, "tested as one, all of it is borne out"
    assert parts.centre == pytest.approx(2.0, abs=0.05)
    assert parts.common.slope == pytest.approx(1.0, abs=4 * parts.common.slope_se)
    assert parts.contrast.slope == pytest.approx(0.0, abs=4 * parts.contrast.slope_se)
    assert parts.kept(mixture, scale) == pytest.approx(2.0 * scale, rel=0.2)


def test_differences_that_are_there_are_kept():
    rng = np.random.default_rng(12)
    n = 20_000
    mixture, scale = customers(rng, n)
    parts = EffectParts.of(mixture, mixture + rng.normal(0.0, 4.0, n), np.ones(n), np.arange(n), scale)
    assert parts.contrast.slope == pytest.approx(1.0, abs=4 * parts.contrast.slope_se)
    kept = parts.kept(mixture, scale)
    assert kept - mixture == pytest.approx(np.zeros(n), abs=0.1 * np.abs(mixture).max())


def test_few_customers_leave_differences_nearly_as_sceptical_as_the_prior():
    """By hand: a slope of 1 ± 1 under .6 ± .3 keeps (.6/.09 + 1)/(1/.09 + 1) = 7.6667/12.1111 of the differences."""
    parts = EffectParts(2.0, EffectLevel(1.0, 1e-6), EffectLevel(1.0, 1.0))
    assert parts.kept(np.array([5.0]), np.ones(1)) == pytest.approx([2.0 + 3.0 * 7.6667 / 12.1111], rel=1e-4)


def test_a_mixture_without_differences_has_none_to_test():
    mixture = np.full(50, 3.0)
    parts = EffectParts.of(mixture, np.linspace(2.0, 4.0, 50), np.ones(50), np.arange(50), np.ones(50))
    assert (parts.centre, parts.contrast) == (3.0, EffectLevel())
    assert EffectParts.of(0.0 * mixture, mixture, np.ones(50), np.arange(50), np.ones(50)) == EffectParts()
