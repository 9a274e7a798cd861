"""A readable policy: finds who should get what, says it in words, and does not promise what it has not."""

from __future__ import annotations

import numpy as np
import pytest

from alamo.domain.errors import InsufficientDataError
from alamo.inference.off_policy import TreeScores, TreeSettings, fit_policy_tree
from alamo.inference.off_policy.shrinkage import shrunk_effects
from alamo.inference.off_policy.tree_words import TreeColumns
from alamo.numerics.policy_tree import ActionTree

ACTIONS = ("none", "mail", "post")


def scores(n: int, seed: int, *, lift: float = 1.0, noise: float = 2.0) -> tuple[TreeScores, np.ndarray]:
    """`mail` helps the recent by `lift` and harms the others as much; `post` does nothing. Returns truth (n, 3) too."""
    rng = np.random.default_rng(seed)
    recency, web = rng.uniform(0.0, 100.0, n), rng.integers(0, 2, n).astype(float)
    truth = np.column_stack([np.zeros(n), np.where(recency <= 50.0, lift, -lift), np.zeros(n)])
    gamma = truth + noise * rng.normal(size=(n, 3))
    return TreeScores(np.column_stack([recency, web]), ("recency", "channel=web"), gamma, ACTIONS), truth


def test_the_tree_finds_and_names_who_gains() -> None:
    data, truth = scores(20_000, 1)
    tree = fit_policy_tree(data)
    assert {leaf.action for leaf in tree.leaves if leaf.words.startswith("recency ≤")} == {"mail"}
    earned = truth[np.arange(20_000), tree.choose(data.features)].mean()
    assert earned > 0.9 * 0.5  # half of the rows gain 1; cut points are ninths
    assert tree.value.lower < earned < tree.value.upper
    assert tree.gain_over_single.lower > 0.0
    assert sum(leaf.share for leaf in tree.leaves) == pytest.approx(1.0)
    assert str(tree).count("\n") == len(tree.leaves) - 1


def test_a_leaf_is_judged_on_units_it_was_not_grown_on() -> None:
    data, _ = scores(6_000, 2, lift=0.0, noise=5.0)
    kept: list[np.ndarray] = []

    def noisy(rows: np.ndarray) -> np.ndarray:
        kept.append(rows)
        return data.gamma[rows]  # raw scores: what no one should grow on

    tree = fit_policy_tree(data, effects=noisy, settings=TreeSettings(least_leaf=50))
    grown = kept[0]
    judged = np.setdiff1d(np.arange(6_000), grown)
    chosen = tree.choose(data.features)
    assert tree.value.mean == pytest.approx(data.gamma[judged, chosen[judged]].mean())
    assert data.gamma[grown, chosen[grown]].mean() > tree.value.mean  # what it promised
    assert abs(tree.value.mean) < 4.0 * tree.value.se


def test_units_stay_together() -> None:
    data, _ = scores(4_000, 3)
    unit = np.repeat(np.arange(1_000), 4)
    seen: list[np.ndarray] = []

    def effects(rows: np.ndarray) -> np.ndarray:
        seen.append(unit[rows])
        return data.gamma[rows]

    grouped = TreeScores(data.features, data.names, data.gamma, data.actions, unit)
    tree = fit_policy_tree(grouped, effects=effects, settings=TreeSettings(least_leaf=100))
    assert (np.unique(seen[0], return_counts=True)[1] == 4).all()
    assert tree.value.n == 1_000 - len(np.unique(seen[0]))


def test_effects_that_are_not_there_are_shrunk_away() -> None:
    data, _ = scores(10_000, 4, lift=0.0)
    cells = shrunk_effects(data.gamma, data.features)
    assert (cells[:, 0] == 0.0).all()
    raw_sd = 2.0 * np.sqrt(2.0 / 200.0)  # of a mean of two scores' difference over a cell of 200
    assert np.abs(cells[:, 1:]).max() < raw_sd


def test_two_groups_are_told_apart_by_as_much_as_chance_does_not_explain() -> None:
    rng = np.random.default_rng(6)
    flag = np.repeat([0.0, 1.0], 2_000)
    for gap, kept in ((1.0, 0.9), (0.0, 0.1)):
        gamma = np.column_stack([np.zeros(4_000), gap * flag + rng.normal(size=4_000)])
        low, high = shrunk_effects(gamma, flag[:, None])[[0, -1], 1]
        raw = gamma[flag == 1.0, 1].mean() - gamma[flag == 0.0, 1].mean()
        assert abs(high - low) <= abs(raw) + 1e-12
        assert (high - low > kept) if gap else (abs(high - low) < kept)  # 0.1 is three standard errors


def test_too_few_rows_are_an_error() -> None:
    data, _ = scores(300, 5)
    with pytest.raises(InsufficientDataError) as caught:
        fit_policy_tree(data)
    assert caught.value.code == "policy.tree_too_few"


def test_words_of_a_leaf_merge_the_cuts_on_its_way() -> None:
    values = np.column_stack([np.linspace(0.0, 90.0, 100), np.arange(100) % 2.0, np.arange(100) % 2.0])
    values[0, 0] = np.nan
    columns = TreeColumns.fit(values, ("recency", "channel=web", "newbie"), most=2)
    assert columns.flags == (False, True, True)
    tree = ActionTree((0, 0, -1, 1, -1, 2, -1, -1, -1), (1, 0, -1, 0, -1, 0, -1, -1, -1), *_children(), _actions())
    assert columns.words(tree) == (
        "recency ≤ 30 (or missing) and channel is not web and newbie is 0",
        "recency ≤ 30 (or missing) and channel is not web and newbie is 1",
        "recency ≤ 30 (or missing) and channel is web",
        "30 < recency ≤ 60",
        "recency > 60",
    )
    assert columns.bins(np.array([[np.nan, 0.0, 1.0], [61.0, 1.0, 0.0]])).tolist() == [[0, 0, 1], [2, 1, 0]]


def _children() -> tuple[tuple[int, ...], tuple[int, ...]]:
    return (1, 3, -1, 5, -1, 6, -1, -1, -1), (2, 4, -1, 8, -1, 7, -1, -1, -1)


def _actions() -> tuple[int, ...]:
    return (-1, -1, 0, -1, 0, -1, 0, 0, 0)
