"""Predictions keep the share that their own measurement bears out."""

from __future__ import annotations

import numpy as np
import pytest

from alamo.prediction.candidates import MONEY, ONE, Candidate, ConstantEffect
from alamo.prediction.inputs import EffectInputs
from alamo.prediction.level import EffectLevel
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
    )


def somebody() -> EffectInputs:
    empty = np.zeros((1, 0), dtype=np.float32)
    return EffectInputs(empty, empty, np.zeros(1, dtype=np.int64), np.ones(1))


def test_what_chance_explains_is_not_promised():
    assert stack(1.0, 1.0).predict(somebody()).tolist() == [0.0]
    assert stack(-1.0, 0.1).predict(somebody()).tolist() == [0.0]


def test_what_is_clear_is_kept():
    assert stack(1.0, 0.01).predict(somebody()) == pytest.approx([2.0], rel=1e-3)
    assert stack(1.0, 0.5).predict(somebody()) == pytest.approx([1.25])


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
    level = EffectLevel.of(effect, score, np.ones(n))
    assert level.slope_se == pytest.approx(3.0 / np.sqrt(effect @ effect), rel=0.05)
    assert level.slope == pytest.approx(1.0, abs=4 * level.slope_se)
    assert EffectLevel.of(effect, score, np.full(n, 2.0)).slope_se == pytest.approx(level.slope_se)
    assert EffectLevel.of(0.0 * effect, score, np.ones(n)) == EffectLevel()


def test_keeping_less_makes_the_error_smaller_where_most_actions_do_little():
    """Half of the actions do nothing; slopes of the others spread around zero by three standard errors."""
    rng = np.random.default_rng(5)
    truth = np.where(rng.random(4_000) < 0.5, 0.0, rng.normal(0.0, 3.0, 4_000))
    measured = truth + rng.normal(size=4_000)
    kept = np.array([EffectLevel(abs(m), 1.0).keep for m in measured]) * measured
    raw_loss, kept_loss = (measured - truth) ** 2, (kept - truth) ** 2
    spread = float(np.std(raw_loss - kept_loss) / np.sqrt(len(truth)))
    assert float(np.mean(raw_loss - kept_loss)) > 5 * spread
    idle = truth == 0.0
    assert np.mean(np.abs(kept[idle])) < 0.5 * np.mean(np.abs(measured[idle]))
