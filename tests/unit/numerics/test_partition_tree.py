"""Partitions: rows find their leaf, paths say how, and predictions are shrunk along them."""

from __future__ import annotations

import numpy as np
import pytest

from alamo.numerics.partition_tree import PartitionTree, node_sums, shrunk_means

TREE = PartitionTree().split(0, 0, 1).split(2, 1, 0)
BINS = np.array([[0, 0], [1, 5], [2, 0], [3, 1], [3, 1]])


def test_rows_find_their_leaf_and_the_path_says_how() -> None:
    assert TREE.leaves == (1, 3, 4)
    assert TREE.leaf_of(BINS).tolist() == [1, 1, 3, 4, 4]
    assert TREE.parents == (-1, 0, 0, 2, 2)
    assert TREE.path(4) == ((0, False), (2, False))
    assert TREE.path(1) == ((0, True),)
    assert PartitionTree().leaf_of(BINS).tolist() == [0] * 5


def test_without_shrinkage_a_leaf_predicts_its_mean() -> None:
    outcomes = np.array([[1.0, 0.0], [3.0, 0.0], [5.0, 1.0], [7.0, 2.0], [9.0, 4.0]])
    sums = node_sums(TREE, BINS, outcomes)
    assert sums.count.tolist() == [5, 2, 3, 1, 2]
    means = shrunk_means(TREE, sums, 0.0)
    assert means[[1, 3, 4]] == pytest.approx(np.array([[2.0, 0.0], [5.0, 1.0], [8.0, 3.0]]))


def test_shrinkage_is_that_of_the_paper() -> None:
    outcomes = np.array([[1.0], [3.0], [5.0], [7.0], [9.0]])
    means = shrunk_means(TREE, node_sums(TREE, BINS, outcomes), 5.0)
    root, right, leaf = 5.0, 7.0, 8.0
    by_hand = root + (right - root) / (1 + 5 / 5) + (leaf - right) / (1 + 5 / 3)
    assert means[4, 0] == pytest.approx(by_hand, rel=1e-12)


def test_a_leaf_without_rows_predicts_what_its_parent_does() -> None:
    bins, outcomes = np.array([[0, 0], [2, 1]]), np.array([[1.0], [4.0]])
    means = shrunk_means(TREE, node_sums(TREE, bins, outcomes), 2.0)
    assert means[3, 0] == means[2, 0]
