from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from alamo.prediction.learners import (
    BUILT_IN,
    BoostedEffectLearner,
    EnsembleEffect,
    RidgeEffect,
    RidgeEffectLearner,
    boosted_outcome,
    file_outcome,
)
from alamo.prediction.learners.outcome import draw_in_tails
from alamo.prediction.learners.ridge import RidgeMoments

LEARNERS = [make() for make in BUILT_IN.values()]


@pytest.fixture
def data():
    rng = np.random.default_rng(4)
    x = rng.normal(size=(6000, 5))
    weight = rng.uniform(0.2, 2.0, 6000)
    score = 2.0 + np.tanh(x[:, 0]) + rng.normal(size=6000) / np.sqrt(weight)
    return x, score, weight


def random_folds(n):
    return np.random.default_rng(9).integers(0, 5, n)


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: learner.name)
def test_a_learner_finds_a_strong_effect(learner, data):
    x, score, weight = data
    predicted = learner.fit(x, score, weight).predict(x)
    assert np.corrcoef(predicted, np.tanh(x[:, 0]))[0, 1] > 0.9


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: learner.name)
def test_a_fit_keeps_the_weighted_mean_of_its_scores(learner, data):
    x, score, weight = data
    predicted = learner.fit(x, score, weight).predict(x)
    assert weight @ predicted / weight.sum() == pytest.approx(weight @ score / weight.sum(), abs=1e-9)


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: learner.name)
def test_adding_a_constant_to_the_scores_adds_it_to_the_effects(learner, data):
    x, score, weight = data
    lifted = learner.fit(x, score + 7.0, weight).predict(x[:50])
    assert lifted == pytest.approx(learner.fit(x, score, weight).predict(x[:50]) + 7.0, abs=1e-6)


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: learner.name)
def test_the_state_survives_json_bit_for_bit(learner, data):
    x, score, weight = data
    model = learner.fit(x, score, weight)
    read = type(model).from_dict(json.loads(json.dumps(model.to_dict())))
    assert np.array_equal(read.predict(x), model.predict(x))


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: learner.name)
def test_held_out_effects_do_not_see_their_own_fold(learner, data):
    x, score, weight = data
    folds = random_folds(len(score))
    spoiled = np.where(folds == 2, score + 1000.0, score)
    clean = learner.cross_fit(x, score, weight, folds).held_out[folds == 2]
    assert learner.cross_fit(x, spoiled, weight, folds).held_out[folds == 2] == pytest.approx(clean, abs=1e-6)


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: learner.name)
def test_constant_features_give_one_effect(learner):
    rng = np.random.default_rng(0)
    score = rng.normal(1.0, 1.0, 3000)
    predicted = learner.fit(np.ones((3000, 2)), score, np.ones(3000)).predict(np.ones((4, 2)))
    assert predicted == pytest.approx(np.full(4, score.mean()), abs=1e-9)


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: learner.name)
def test_pure_noise_gives_almost_no_spread(learner):
    rng = np.random.default_rng(1)
    x, score = rng.normal(size=(8000, 20)), rng.normal(size=8000)
    spread = learner.fit(x, score, np.ones(8000)).predict(x).std()
    assert spread < 0.15  # an unpenalised regression has sqrt(20 / 8000) = .05, unpruned trees more than .3


def test_ridge_moments_add_over_blocks_of_rows(data):
    x, score, weight = data
    whole = RidgeMoments.of(x, score, weight)
    parts = RidgeMoments.of(x[:100], score[:100], weight[:100]) + RidgeMoments.of(x[100:], score[100:], weight[100:])
    assert parts.n == whole.n
    assert parts.products == pytest.approx(whole.products)


def test_ridge_with_a_clear_signal_is_least_squares():
    rng = np.random.default_rng(8)
    x = rng.normal(size=(5000, 3))
    score = x @ np.array([1.0, -2.0, 0.5]) + 0.01 * rng.normal(size=5000)
    assert RidgeEffectLearner().fit(x, score, np.ones(5000)).coefficients == pytest.approx((1.0, -2.0, 0.5), abs=1e-3)


def test_ridge_without_a_signal_has_no_slopes():
    rng = np.random.default_rng(8)
    flat = [
        not any(RidgeEffectLearner().fit(rng.normal(size=(2000, 5)), rng.normal(size=2000), np.ones(2000)).coefficients)
        for _ in range(20)
    ]
    assert sum(flat) >= 8  # the evidence peaks at no slope in about half of pure-noise draws


def test_boosting_above_its_row_limit_samples_in_proportion_to_the_weights(data):
    x, score, weight = data
    weight = np.where(x[:, 1] > 0.0, weight, 0.0)  # rows without weight can never be sampled
    score = np.where(x[:, 1] > 0.0, score, 1e6)
    model = BoostedEffectLearner(most_rows=2000).fit(x, score, weight)
    assert model.predict(x).max() < 10.0


def test_an_average_of_no_ensembles_is_the_mean():
    model = EnsembleEffect((), 1.5, 0.0)
    assert model.predict(np.zeros((3, 2))).tolist() == [1.5, 1.5, 1.5]
    assert RidgeEffect(1.5, (0.0, 0.0)).predict(np.zeros((3, 2))).tolist() == [1.5, 1.5, 1.5]


def test_a_binary_outcome_is_predicted_as_a_probability(data):
    x = data[0]
    outcome = (np.random.default_rng(3).random(len(x)) < 1.0 / (1.0 + np.exp(-x[:, 0]))).astype(float)
    predicted = boosted_outcome().fit(x, outcome).predict(x)
    assert (predicted > 0.0).all()
    assert (predicted < 1.0).all()
    assert np.corrcoef(predicted, x[:, 0])[0, 1] > 0.8


def test_one_wholesale_order_does_not_bend_the_outcome_model(data):
    x, outcome = data[0], data[1].copy()
    clean = boosted_outcome().fit(x, outcome).predict(x)
    outcome[0] = 1e7
    assert boosted_outcome().fit(x, outcome).predict(x) == pytest.approx(clean, abs=1.0)


def test_an_outcome_without_variation_is_predicted_as_it_is():
    assert boosted_outcome().fit(np.ones((50, 2)), np.full(50, 3.0)).predict(np.ones((2, 2))).tolist() == [3.0, 3.0]
    assert boosted_outcome().fit(np.zeros((0, 2)), np.zeros(0)).predict(np.ones((2, 2))).tolist() == [0.0, 0.0]


def test_tails_are_drawn_in_around_the_median_and_rare_outcomes_survive():
    rare = np.concatenate([np.zeros(9900), np.full(100, 50.0)])
    assert np.array_equal(draw_in_tails(rare), rare)
    heavy = np.concatenate([np.arange(1000.0), [1e9]])
    assert draw_in_tails(heavy).max() < 2000.0


def test_the_outcome_model_is_deterministic(data):
    x, score, _ = data
    first, second = boosted_outcome().fit(x, score), boosted_outcome().fit(x, score)
    assert np.array_equal(first.predict(x), second.predict(x))


@pytest.mark.parametrize("kind", ["binary", "money"])
def test_parts_with_shared_bins_learn_what_separate_fits_learn(data, kind):
    """Bins of all rows in the place of bins of its own change less than another seed's sample of rows."""
    x, score, _ = data
    outcome = (score > np.median(score)).astype(float) if kind == "binary" else score
    learner, rows = file_outcome(), np.arange(0, len(x), 2)
    alone = replace(learner, shares_bins=False)
    other = replace(alone, settings=replace(alone.settings, seed=1))
    away = np.setdiff1d(np.arange(len(x)), rows)
    shared, apart, reseeded = (
        next(iter(one.fit_parts(x, [(rows, outcome[rows])]))).predict(x[away]) for one in (learner, alone, other)
    )
    assert np.array_equal(apart, alone.fit(x[rows], outcome[rows]).predict(x[away]))
    assert np.mean((shared - apart) ** 2) < np.mean((reseeded - apart) ** 2)


def test_a_part_learns_nothing_from_the_outcomes_of_other_rows(data):
    x, score, _ = data
    rows, swapped = np.arange(0, len(x), 2), score.copy()
    swapped[1::2] *= -100.0
    first, second = (next(iter(file_outcome().fit_parts(x, [(rows, y[rows])]))).predict(x) for y in (score, swapped))
    assert np.array_equal(first, second)


def test_a_part_whose_outcome_never_varies_is_predicted_as_it_is(data):
    x, score, _ = data
    parts = [(np.arange(50), np.full(50, 3.0)), (np.arange(len(x)), score)]
    constant, varied = file_outcome().fit_parts(x, parts)
    assert constant.predict(x[:2]).tolist() == [3.0, 3.0]
    assert varied.predict(x).std() > 0.0
    no_features = file_outcome().fit_parts(x[:, :0], [(np.arange(10), score[:10])])
    assert next(no_features).predict(x[:2, :0]) == pytest.approx(np.full(2, score[:10].mean()))
