"""Trees that choose: the best of all there are to depth 2, never worse deeper, and leaves of the size asked for."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from alamo.numerics.policy_tree import ActionTree, grow_tree


def reward(tree: ActionTree, bins: np.ndarray, rewards: np.ndarray) -> float:
    return float(rewards[np.arange(len(bins)), np.array(tree.action)[tree.leaf_of(bins)]].sum())


def best_by_hand(bins: np.ndarray, rewards: np.ndarray, depth: int, least: int) -> float:
    """Return the best reward of any tree, by trying all of them."""
    best = float(rewards.sum(axis=0).max())
    if depth == 0:
        return best
    for column, cut in product(range(bins.shape[1]), range(int(bins.max()))):
        left = bins[:, column] <= cut
        if min(left.sum(), (~left).sum()) < least:
            continue
        sides = [best_by_hand(bins[side], rewards[side], depth - 1, least) for side in (left, ~left)]
        best = max(best, sum(sides))
    return best


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("depth", [0, 1, 2])
def test_to_depth_two_no_tree_is_better(seed: int, depth: int) -> None:
    rng = np.random.default_rng(seed)
    bins, rewards = rng.integers(0, 4, (60, 3)), rng.normal(size=(60, 3))
    tree = grow_tree(bins, rewards, depth=depth, least=5)
    assert reward(tree, bins, rewards) == pytest.approx(best_by_hand(bins, rewards, depth, 5), rel=1e-12)


def test_leaves_have_the_rows_asked_for_and_deeper_trees_lose_nothing() -> None:
    rng = np.random.default_rng(3)
    bins, rewards = rng.integers(0, 6, (400, 4)), rng.normal(size=(400, 3))
    last = -np.inf
    for depth in range(5):
        tree = grow_tree(bins, rewards, depth=depth, least=30)
        sizes = np.bincount(tree.leaf_of(bins))[list(tree.leaves)]
        assert sizes.min() >= 30
        assert sizes.sum() == 400
        assert len(tree.leaves) <= 2**depth
        if depth <= 2:
            assert reward(tree, bins, rewards) >= last
        else:  # a look-ahead of two keeps the exact tree's root, so it cannot fall behind it
            assert reward(tree, bins, rewards) >= last - 1e-9
        last = reward(tree, bins, rewards)


def test_an_interaction_that_no_single_cut_shows_is_found() -> None:
    bins = np.array(list(product([0, 1], [0, 1])) * 50)
    gain = np.where(bins[:, 0] == bins[:, 1], 1.0, -1.0)
    tree = grow_tree(bins, np.column_stack([np.zeros(200), gain]), depth=2, least=10)
    chosen = np.array(tree.action)[tree.leaf_of(bins)]
    assert (chosen == (gain > 0.0)).all()


def test_nothing_is_cut_where_nothing_is_gained() -> None:
    bins = np.arange(100).reshape(100, 1) % 5
    tree = grow_tree(bins, np.tile([0.0, 1.0], (100, 1)), depth=2, least=1)
    assert (tree.column, tree.action) == ((-1,), (1,))
    assert grow_tree(np.zeros((10, 0)), np.ones((10, 2)), depth=2, least=1).leaves == (0,)


@pytest.mark.parametrize(("rows", "depth", "least"), [(0, 2, 1), (5, -1, 1), (5, 2, 0)])
def test_what_cannot_be_grown_is_an_error(rows: int, depth: int, least: int) -> None:
    with pytest.raises(ValueError, match="no tree"):
        grow_tree(np.zeros((rows, 1)), np.zeros((rows, 2)), depth=depth, least=least)
