from __future__ import annotations

import numpy as np
import pytest

from alamo.prediction.learners import ForestEffectLearner, NetworkEffectLearner, TreeEffectLearner
from alamo.prediction.learners.booster import BoosterSettings
from alamo.prediction.learners.honest import grow_honest, halves, leaf_effects


def test_whole_folds_go_to_one_half_so_that_units_stay_together():
    folds = np.array([0, 1, 3, 4, 0, 1, 3, 4])
    assert halves(8, folds).tolist() == [True, False, True, False] * 2
    alone = halves(1000)
    assert np.array_equal(alone, halves(1000, np.full(1000, 7)))
    assert 400 < alone.sum() < 600


def test_leaves_that_differ_by_chance_share_one_effect():
    rng = np.random.default_rng(2)
    leaf = rng.integers(0, 5, 2000)
    same = [leaf_effects(leaf, rng.normal(1.0, 1.0, 2000), np.ones(2000), 5) for _ in range(40)]
    assert sum(np.ptp(values) == 0.0 for values in same) >= 12  # moments: about half are cut off at none
    assert max(np.ptp(values) for values in same) < 0.3  # raw means of 400 rows: about .12 on average


def test_leaves_that_differ_clearly_keep_their_means():
    rng = np.random.default_rng(3)
    leaf = np.repeat([0, 1, 3], 1000)  # nobody fell into leaf 2, nor into the last, 4
    score = np.array([0.0, 5.0, 0.0, 10.0])[leaf] + rng.normal(size=3000)
    values = leaf_effects(leaf, score, np.ones(3000), 5)
    assert values[[0, 1, 3]] == pytest.approx([score[leaf == k].mean() for k in (0, 1, 3)], abs=0.01)
    assert values[[2, 4]] == pytest.approx([5.0, 5.0], abs=0.2)


def test_every_leaf_is_valued_whichever_of_them_the_valuing_half_leaves_empty():
    rng = np.random.default_rng(9)
    settings = BoosterSettings(trees=1, rate=1.0, leaves=4, least_rows=100, least_rows_share=0.0, l2=0.0, sample=1.0)
    x = np.repeat([0.0, 1.0, 2.0, 3.0], 500)[:, None]
    score = 1000.0 + 50.0 * x[:, 0] + rng.normal(size=2000)
    for empty in range(4):  # one of them is the last leaf
        first = (np.arange(2000) % 2 == 0) | (x[:, 0] == empty)
        found = grow_honest(x, score, np.ones(2000), first, settings).predict(np.arange(4.0)[:, None])
        known = [value for value in range(4) if value != empty]
        assert found[known] == pytest.approx(1000.0 + 50.0 * np.array(known), abs=1.0)
        assert found[empty] == pytest.approx(found[known].mean(), abs=1.0)  # not the splitting half's own, near 0


def test_leaves_are_drawn_together_by_the_textbook_formula():
    leaf = np.repeat([0, 1, 2], [50, 100, 150])
    rng = np.random.default_rng(4)
    weight = rng.uniform(0.5, 2.0, 300)
    score = np.array([0.0, 0.4, 0.9])[leaf] + rng.normal(size=300) / np.sqrt(weight)
    means = np.array([np.average(score[leaf == k], weights=weight[leaf == k]) for k in range(3)])
    level = (weight * (score - means[leaf]) ** 2).sum() / 297
    precision = np.bincount(leaf, weight) / level
    q = (precision * (means - np.average(means, weights=precision)) ** 2).sum()
    tau2 = (q - 2) / (precision.sum() - (precision**2).sum() / precision.sum())
    centre = np.average(means, weights=1.0 / (tau2 + 1.0 / precision))
    kept = tau2 / (tau2 + 1.0 / precision)
    assert leaf_effects(leaf, score, weight, 3) == pytest.approx(centre + kept * (means - centre))


def test_a_luck_that_chose_the_split_is_not_believed():
    rng = np.random.default_rng(5)
    spread = []
    for _ in range(10):
        x, score = rng.normal(size=(4000, 20)), rng.normal(size=4000)
        spread.append(TreeEffectLearner().fit(x, score, np.ones(4000)).predict(x).std())
    assert np.median(spread) < 0.05  # a tree that values its leaves on the rows that chose them: more than .1


@pytest.mark.parametrize("learner", [TreeEffectLearner(), ForestEffectLearner(), NetworkEffectLearner()])
def test_more_rows_than_its_limit_are_sampled_by_weight(learner):
    rng = np.random.default_rng(6)
    x = rng.normal(size=(9000, 3))
    weight = np.where(x[:, 1] > 0.0, 1.0, 1e-12)  # rows without weight are never drawn
    score = np.where(x[:, 1] > 0.0, np.sign(x[:, 0]) + rng.normal(size=9000), 1e6)
    model = type(learner)(most_rows=3000).fit(x, score, weight)
    assert np.abs(model.predict(x)).max() < 20.0


def test_a_tree_has_few_leaves_and_says_the_same_for_all_within_one():
    rng = np.random.default_rng(7)
    x = rng.normal(size=(6000, 3))
    found = TreeEffectLearner().fit(x, np.sign(x[:, 0]) + rng.normal(size=6000), np.ones(6000)).predict(x)
    assert 2 <= len(np.unique(found)) <= 6
    assert found[x[:, 0] > 0.1].mean() - found[x[:, 0] < -0.1].mean() == pytest.approx(2.0, abs=0.15)


def test_the_two_forests_value_each_others_splits():
    rng = np.random.default_rng(8)
    x = rng.normal(size=(6000, 3))
    model = ForestEffectLearner().fit(x, np.sign(x[:, 0]) + rng.normal(size=6000), np.ones(6000))
    first, second = (member.predict(x) for member in model.members)
    assert not np.array_equal(first, second)
    assert np.corrcoef(first, second)[0, 1] > 0.9
