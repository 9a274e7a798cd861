"""Mean effects are drawn towards zero by what chance alone would spread them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from alamo.prediction.candidates import MONEY, ZERO, Candidate, ConstantEffect, Target
from alamo.prediction.level import EffectLevel
from alamo.prediction.segment_effects import SegmentEffect
from alamo.prediction.stack import EffectSpread, EffectStack, humble


def stack(estimate: float, se: float, mixture: float | None = None) -> EffectStack:
    return EffectStack(
        candidates=(Candidate(ZERO, MONEY, ConstantEffect(0.0)),),
        shares=(1.0,),
        spread=EffectSpread(False, SegmentEffect((1.0,)), 0.0),
        weights={ZERO: 1.0},
        dr_loss={ZERO: 0.0},
        n=100,
        drawn=50,
        drawn_none=50,
        level=EffectLevel(estimate if mixture is None else mixture, estimate, se),
    )


def test_estimates_that_chance_explains_are_drawn_to_zero():
    assert [s.shift for s in humble([stack(1.0, 1.0), stack(-1.0, 1.0)])] == [-1.0, 1.0]


def test_clear_estimates_stay_and_noisy_ones_give_way():
    clear, noisy = humble([stack(10.0, 0.1), stack(10.0, 8.0)])
    assert abs(clear.shift) < 0.02
    assert noisy.shift < -3.0


def test_a_mixture_that_is_humbler_already_is_left_alone():
    shy, bold = humble([stack(10.0, 1.0, mixture=2.0), stack(10.0, 1.0)])
    assert shy.shift == 0.0
    assert bold.shift < 0.0


def test_unmeasured_actions_are_left_alone():
    unknown = replace(stack(0.0, 0.0), level=EffectLevel())
    assert humble([unknown])[0].shift == 0.0


def test_the_kept_share_reduces_the_error_of_the_largest_estimate():
    rng = np.random.default_rng(5)
    raw, drawn = [], []
    for _ in range(400):
        truth = rng.normal(0.0, 1.0, 6)
        measured = [stack(float(t + e), 1.0) for t, e in zip(truth, rng.normal(0.0, 1.0, 6), strict=True)]
        best = int(np.argmax([s.level.estimate for s in measured]))
        raw.append(measured[best].level.estimate - truth[best])
        drawn.append(measured[best].level.estimate + humble(measured)[best].shift - truth[best])
    spread = np.std(drawn) / np.sqrt(len(drawn))
    assert np.mean(raw) > 10 * spread  # the winner's curse
    assert np.mean(drawn) == pytest.approx(0.0, abs=6 * spread)


def test_the_shared_error_is_that_of_the_mean_and_of_the_slope():
    """Scores of a unit slope and noise 3 over 40,000 rows: se(mean) = 3/√n, se(slope) = 3/(sd √n), by hand."""
    rng = np.random.default_rng(7)
    n, sd = 40_000, 0.5
    effect = 1.0 + rng.normal(0.0, sd, n)
    score = effect + rng.normal(0.0, 3.0, n)
    level = EffectLevel.of(effect, Target(MONEY, score, np.ones(n), np.ones(n)))
    assert level.se == pytest.approx(np.hypot(3.0, sd) / np.sqrt(n), rel=0.03)
    assert level.slope_se == pytest.approx(3.0 / (sd * np.sqrt(n)), rel=0.05)
    assert level.shared_sd(np.array([0.0, 2.0])) == pytest.approx([level.se, np.hypot(level.se, 2 * level.slope_se)])


def test_an_action_that_is_badly_measured_takes_nothing_from_those_that_are_not():
    good = [stack(0.05, 0.01), stack(0.04, 0.01)]
    alone = humble(good)
    beside = humble([*good, stack(0.05, 0.10)])
    for before, after in zip(alone, beside, strict=False):
        assert after.shift == pytest.approx(before.shift, abs=0.005)
    assert beside[2].shift < -0.035
