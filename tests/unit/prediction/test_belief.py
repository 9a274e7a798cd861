"""What is held of candidates beforehand: in the loop as ever, in a file as far as the tail of the outcome allows."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from alamo.prediction import FittedUplift, UpliftSpec, analyze_uplift
from alamo.prediction.analysis.prepared import prepare
from alamo.prediction.analysis.trial import read_trial
from alamo.prediction.belief import FILE, LOOP, PRIOR_FURTHER, PRIOR_IN_FILE, PRIOR_RELATIVE
from alamo.prediction.candidates import MONEY, RELATIVE, Target
from alamo.prediction.level import CONTRAST_IN_LOOP, EffectLevel, EffectParts

ONES = np.ones(4)
SPEC = UpliftSpec("arm", "none", "spend", features=("new", "age"), segments="none")


def trial(n=6_000, seed=3, effect=(4.0, -2.0)):
    """A mail that does one thing to the new and another to the others."""
    rng = np.random.default_rng(seed)
    new, arm = rng.random(n) < 0.5, np.array(["none", "mail"])[rng.integers(0, 2, n)]
    spend = rng.gamma(2.0, 5.0, n) + np.where(arm == "mail", np.where(new, *effect), 0.0)
    return pa.table({"arm": arm, "spend": spend, "new": new, "age": rng.integers(18, 80, n)})


def test_the_penalty_grows_with_the_tail_of_the_scores_in_a_file_alone():
    """By hand: scores ±1 have √(mean s⁴) = mean s² = 1; one of four at 2 and none else has √4 = 2 against 1."""
    level, tail = np.array([1.0, -1.0, 1.0, -1.0]), np.array([2.0, 0.0, 0.0, 0.0])
    assert (FILE.temper(level, ONES), FILE.temper(tail, ONES)) == pytest.approx((4.0, 8.0))
    assert (LOOP.temper(level, ONES), LOOP.temper(tail, ONES)) == (16.0, 16.0)
    pairs = np.array([0, 1, 0, 1])  # rows of a unit repeat each other, so four are two
    assert FILE.temper(level, ONES, pairs) == pytest.approx(2.0 * 2.0 * FILE.temper(level, ONES))
    assert LOOP.temper(level, ONES, pairs) == 16.0


def test_the_penalty_knows_no_unit_of_money_and_heeds_weights():
    rng = np.random.default_rng(1)
    score, weight = rng.standard_t(5, 1_000), rng.uniform(0.5, 2.0, 1_000)
    assert FILE.temper(100.0 * score, 7.0 * weight) == pytest.approx(FILE.temper(score, weight))
    twice = np.concatenate([score, score[weight > 1.0]])
    counted = np.where(weight > 1.0, 2.0, 1.0)
    assert FILE.temper(score, counted) == pytest.approx(FILE.temper(twice, np.ones(len(twice))))


def test_a_learner_in_no_table_gets_what_further_ones_get():
    money, relative = (Target(unit, ONES, ONES, ONES) for unit in (MONEY, RELATIVE))
    found = FILE.weights(money, ["ridge", "mine"], scaled=False)
    assert found == {name: PRIOR_IN_FILE[name] for name in ("zero", "one effect", "segments", "ridge")} | {
        "mine": PRIOR_FURTHER
    }
    assert FILE.weights(relative, ["ridge"], scaled=True)["ridge"] == PRIOR_RELATIVE["ridge"]
    assert "mine" not in FILE.weights(money, ["mine"], scaled=True)


def test_the_prior_of_differences_goes_with_the_model():
    parts = EffectParts(2.0, EffectLevel(1.0, 0.1), EffectLevel(0.4, 0.3))
    assert parts.contrast_prior == CONTRAST_IN_LOOP
    assert EffectParts.from_dict(json.loads(json.dumps(parts.to_dict()))) == parts
    other = EffectParts(2.0, EffectLevel(1.0, 0.1), EffectLevel(0.4, 0.3), FILE.contrast)
    assert EffectParts.from_dict(json.loads(json.dumps(other.to_dict()))) == other
    assert other.contrast_kept > parts.contrast_kept


def test_a_model_file_of_an_earlier_version_scores_as_it_did():
    model = analyze_uplift(trial(), SPEC).model
    state = json.loads(json.dumps(model.to_dict()))
    assert state["stacks"][0]["parts"].pop("contrast_prior") == list(FILE.contrast)
    earlier = FittedUplift.from_dict(state)
    assert earlier.stacks[0].parts.contrast_prior == (0.2, 0.3)
    assert earlier.stacks[0].parts.contrast == model.stacks[0].parts.contrast


def test_where_all_get_one_effect_no_differences_are_tested():
    """The mean of the other folds is the lower, the higher one's own is: out of fold that looks like a slope of -4."""
    table = trial(effect=(2.0, 2.0))
    ready = prepare(read_trial(table, SPEC), SPEC, SPEC.features)
    inside, across = (ready.fit((), belief=belief).stacks[0].parts for belief in (FILE, LOOP))
    assert inside.contrast == EffectLevel()
    assert across.contrast.slope == pytest.approx(-4.0, abs=0.3)


def test_differences_that_are_there_are_found_by_either_belief_and_kept_by_that_of_files():
    ready = prepare(read_trial(trial(), SPEC), SPEC, SPEC.features)
    new = np.asarray(ready.trial.table["new"], dtype=bool)
    truth = np.where(new, 4.0, -2.0)[ready.held_out]
    kept = {}
    for name, belief in (("file", FILE), ("loop", LOOP)):
        fitted = ready.fit(("ridge", "boosting"), belief=belief)
        effect = fitted.effects_of(ready.inputs.take(ready.held_out))[:, 0]
        assert np.sqrt(np.mean((effect - truth) ** 2)) < 0.75  # a quarter of the spread of the true effects
        kept[name] = fitted.stacks[0].parts.contrast_kept
    assert kept["file"] > kept["loop"] > 0.5
