"""What every learner of effects must do."""

# ruff: noqa: D102, S101 # conformance tests assert, and their names are sentences

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import pytest

from alamo.prediction.learners import EffectLearner, View

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_SEED = 20_240_101
_SINGLE = 1e-6
"""Features are single-precision numbers, and so may be what a learner makes of them."""


@dataclass(frozen=True, slots=True)
class EffectSample:
    """Rows with a known effect.

    Attributes
    ----------
    features
        Single precision, shape (n, 4); the second column has gaps where the learner takes them, the last never varies.
    effect, score, weight
        True effect of each row, a noisy measurement of it, and its precision, shape (n,).
    folds
        Shape (n,).
    """

    features: npt.NDArray[Any]
    effect: Floats
    score: Floats
    weight: Floats
    folds: Integers


def effect_sample(view: View, n: int = 4_000) -> EffectSample:
    """Return `n` rows with an effect of tanh(first column) + 2, under noise of variance 1/weight."""
    rng = np.random.default_rng(_SEED)
    features = np.column_stack([rng.normal(size=(n, 3)), np.ones(n)]).astype(np.float32)
    weight = rng.uniform(0.2, 2.0, n)
    effect = 2.0 + np.tanh(features[:, 0].astype(np.float64))
    score = effect + rng.normal(size=n) / np.sqrt(weight)
    if view == "tree":
        features[rng.random(n) < 0.1, 1] = np.nan
    return EffectSample(features, effect, score, weight, rng.integers(0, 5, n))


class LearnerSuite:
    """Conformance of `alamo.prediction.learners.EffectLearner`; a child gives the fixture `learner`."""

    @pytest.fixture
    def sample(self, learner: EffectLearner) -> EffectSample:
        return effect_sample(learner.view)

    def test_it_has_a_name_and_says_what_it_looks_at(self, learner: EffectLearner) -> None:
        assert learner.name
        assert "," not in learner.name
        assert learner.name not in ("zero", "one effect", "segments")
        assert learner.view in get_args(View)

    def test_it_finds_a_strong_effect(self, learner: EffectLearner, sample: EffectSample) -> None:
        found = learner.fit(sample.features, sample.score, sample.weight).predict(sample.features)
        assert np.corrcoef(found, sample.effect)[0, 1] > 0.5

    def test_the_same_arguments_give_the_same_bits(self, learner: EffectLearner, sample: EffectSample) -> None:
        first = learner.fit(sample.features, sample.score, sample.weight).predict(sample.features)
        learner.fit(sample.features[:1_000], sample.score[:1_000], sample.weight[:1_000])
        again = learner.fit(sample.features, sample.score, sample.weight).predict(sample.features)
        assert np.array_equal(first, again)

    def test_what_it_is_given_stays_as_it_was(self, learner: EffectLearner, sample: EffectSample) -> None:
        given = (sample.features, sample.score, sample.weight, sample.folds)
        before = [array.copy() for array in given]
        learner.cross_fit(*given).model.predict(sample.features)
        assert all(np.array_equal(one, other, equal_nan=True) for one, other in zip(before, given, strict=True))

    def test_the_weighted_mean_of_the_scores_is_kept(self, learner: EffectLearner, sample: EffectSample) -> None:
        found = learner.fit(sample.features, sample.score, sample.weight).predict(sample.features)
        assert np.average(found, weights=sample.weight) == pytest.approx(
            np.average(sample.score, weights=sample.weight), abs=_SINGLE
        )

    def test_one_row_gives_the_bits_of_the_batch(self, learner: EffectLearner, sample: EffectSample) -> None:
        for model in self._models(learner, sample):
            batch = model(sample.features)
            alone = [model(sample.features[row : row + 1])[0] for row in range(40)]
            assert np.array_equal(alone, batch[:40])
            assert np.array_equal(model(sample.features[7:29]), batch[7:29])
            assert model(sample.features[:0]).shape == (0,)

    def test_the_state_survives_json_bit_for_bit(self, learner: EffectLearner, sample: EffectSample) -> None:
        fitted = learner.fit(sample.features, sample.score, sample.weight)
        averaged = learner.cross_fit(sample.features, sample.score, sample.weight, sample.folds).model
        for model in (fitted, averaged):
            read = learner.read(json.loads(json.dumps(model.to_dict(), allow_nan=False)))
            assert np.array_equal(read.predict(sample.features), model.predict(sample.features))
            assert read.to_dict() == model.to_dict()

    def test_a_weight_of_two_is_a_row_twice(self, learner: EffectLearner, sample: EffectSample) -> None:
        double = sample.features[:, 2] > 0.0
        twice = np.repeat(np.arange(len(double)), np.where(double, 2, 1))
        by_weight = learner.fit(sample.features, sample.score, np.where(double, 2.0, 1.0)).predict(sample.features)
        by_rows = learner.fit(sample.features[twice], sample.score[twice], np.ones(len(twice)))
        # up to what a learner draws at random: half of the spread of the effects is much more than sampling explains
        error = float(np.sqrt(np.mean((by_rows.predict(sample.features) - by_weight) ** 2)))
        assert error < 0.5 * float(sample.effect.std())

    def test_rows_of_hardly_any_weight_have_hardly_any_say(self, learner: EffectLearner, sample: EffectSample) -> None:
        doubtful = np.arange(len(sample.score)) % 2 == 0
        score = np.where(doubtful, sample.score - 6.0 * np.sign(sample.features[:, 0]), sample.score)
        weight = np.where(doubtful, 1e-6, 1.0)
        found = learner.fit(sample.features, score, weight).predict(sample.features)
        assert np.corrcoef(found, sample.effect)[0, 1] > 0.5

    def test_a_constant_score_is_a_constant_effect(self, learner: EffectLearner, sample: EffectSample) -> None:
        constant = np.full(len(sample.score), 3.25)
        found = learner.fit(sample.features, constant, sample.weight).predict(sample.features)
        assert found == pytest.approx(constant, abs=_SINGLE)

    def test_columns_that_never_vary_say_nothing(self, learner: EffectLearner, sample: EffectSample) -> None:
        flat = np.ones_like(sample.features)
        found = learner.fit(flat, sample.score, sample.weight).predict(flat[:9])
        assert found == pytest.approx(np.full(9, np.average(sample.score, weights=sample.weight)), abs=_SINGLE)

    def test_without_columns_everybody_gets_the_mean(self, learner: EffectLearner, sample: EffectSample) -> None:
        nothing = sample.features[:, :0]
        found = learner.fit(nothing, sample.score, sample.weight).predict(nothing[:9])
        assert found == pytest.approx(np.full(9, np.average(sample.score, weights=sample.weight)), abs=_SINGLE)

    @pytest.mark.parametrize("n", [1, 2, 3, 30])
    def test_a_few_rows_are_no_reason_to_fail(self, learner: EffectLearner, sample: EffectSample, n: int) -> None:
        few = (sample.features[:n], sample.score[:n], sample.weight[:n])
        found = learner.fit(*few).predict(sample.features)
        assert np.isfinite(found).all()
        assert np.average(learner.fit(*few).predict(few[0]), weights=few[2]) == pytest.approx(
            np.average(few[1], weights=few[2]), abs=_SINGLE
        )

    def test_held_out_effects_do_not_see_their_own_fold(self, learner: EffectLearner, sample: EffectSample) -> None:
        mine = sample.folds == 2
        spoiled = np.where(mine, sample.score + 1_000.0, sample.score)
        clean = learner.cross_fit(sample.features, sample.score, sample.weight, sample.folds)
        other = learner.cross_fit(sample.features, spoiled, sample.weight, sample.folds)
        assert other.held_out[mine] == pytest.approx(clean.held_out[mine], abs=1e-6)
        assert np.corrcoef(clean.held_out, sample.effect)[0, 1] > 0.5
        assert np.corrcoef(clean.model.predict(sample.features), sample.effect)[0, 1] > 0.5

    def _models(self, learner: EffectLearner, sample: EffectSample) -> list[Callable[[Floats], Floats]]:
        fitted = learner.fit(sample.features, sample.score, sample.weight)
        averaged = learner.cross_fit(sample.features, sample.score, sample.weight, sample.folds).model
        return [fitted.predict, averaged.predict]
