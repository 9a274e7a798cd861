"""Growth: the best cut comes first, leaves keep their size, rows without outcomes only count."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from alamo.numerics.partition_growth import Growth, grow_partition


def best_cut_by_hand(bins: np.ndarray, outcomes: np.ndarray, least: int) -> tuple[float, int, int]:
    def squares(rows: np.ndarray) -> float:
        return float(((rows - rows.mean(axis=0)) ** 2).sum())

    best = (0.0, -1, -1)
    for column, cut in product(range(bins.shape[1]), range(int(bins.max()))):
        left = bins[:, column] <= cut
        if min(left.sum(), (~left).sum()) >= least:
            gain = squares(outcomes) - squares(outcomes[left]) - squares(outcomes[~left])
            best = max(best, (gain, column, cut), key=lambda found: found[0])
    return best


@pytest.mark.parametrize("seed", range(5))
def test_the_first_cut_explains_most(seed: int) -> None:
    rng = np.random.default_rng(seed)
    bins, outcomes = rng.integers(0, 6, (80, 3)), rng.normal(size=(80, 2))
    path = grow_partition(bins, outcomes, Growth(7, 2))
    gain, column, cut = best_cut_by_hand(bins, outcomes, 7)
    assert (path.tree.column[0], path.tree.cut[0]) == (column, cut)
    assert path.gain[0] == pytest.approx(gain / 80, rel=1e-9)


def test_leaves_keep_their_size_and_gains_add_up_to_what_is_explained() -> None:
    rng = np.random.default_rng(2)
    bins = rng.integers(0, 8, (600, 4))
    outcomes = np.column_stack([bins[:, 0] > 3, bins[:, 1] > 5]) + rng.normal(size=(600, 2))
    path = grow_partition(bins, outcomes, Growth(25, 12))
    leaf = path.tree.leaf_of(bins)
    assert len(path.tree.leaves) == 12
    assert np.bincount(leaf)[list(path.tree.leaves)].min() >= 25
    within = sum(float(((outcomes[leaf == v] - outcomes[leaf == v].mean(axis=0)) ** 2).sum()) for v in path.tree.leaves)
    before = float(((outcomes - outcomes.mean(axis=0)) ** 2).sum())
    assert sum(path.gain) == pytest.approx((before - within) / 600, rel=1e-9)


def test_the_path_is_nested_and_a_start_is_kept() -> None:
    rng = np.random.default_rng(4)
    bins, outcomes = rng.integers(0, 5, (300, 3)), rng.normal(size=(300, 1))
    start = grow_partition(bins, outcomes, Growth(30, 3)).tree
    path = grow_partition(bins, outcomes, Growth(10, 9), start=start)
    assert path.first(0) == start
    assert path.first(len(path.order)) == path.tree
    for cuts in range(1, len(path.order) + 1):
        assert len(path.first(cuts).leaves) == len(start.leaves) + cuts


def test_rows_without_outcomes_count_towards_sizes_and_nothing_else() -> None:
    rng = np.random.default_rng(5)
    bins, outcomes = rng.integers(0, 5, (400, 3)), rng.normal(size=(400, 2))
    today = np.arange(400) >= 300
    limits = Growth(20, 8)
    path = grow_partition(bins, outcomes, limits, counted=today.astype(float), known=~today)
    assert len(path.order) > 0
    assert np.bincount(path.tree.leaf_of(bins[today]))[list(path.tree.leaves)].min() >= 20
    other = np.where(today[:, None], np.nan, outcomes)
    assert grow_partition(bins, other, limits, counted=today.astype(float), known=~today) == path


def test_a_cut_that_gains_too_little_is_not_made() -> None:
    bins, outcomes = np.repeat([[0], [1]], 50, axis=0), np.repeat([[0.0], [1.0]], 50, axis=0)
    assert len(grow_partition(bins, outcomes, Growth(10, 5, 0.24)).order) == 1  # explains a variance of 1/4
    assert not grow_partition(bins, outcomes, Growth(10, 5, 0.26)).order
    assert not grow_partition(bins, np.ones((100, 1)), Growth(10, 5)).order


def test_what_cannot_be_grown_is_refused() -> None:
    with pytest.raises(ValueError, match="no partition with leaves of 0"):
        grow_partition(np.zeros((3, 1), np.int64), np.zeros((3, 1)), Growth(0, 2))
    with pytest.raises(ValueError, match="no partition"):
        grow_partition(np.zeros((0, 1), np.int64), np.zeros((0, 1)), Growth(1, 2))
