"""Refits: what predicts as well stays as it is, what has changed is cut anew, what has become too small goes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from alamo.numerics.partition_choice import Rows
from alamo.numerics.partition_growth import Growth, grow_partition
from alamo.numerics.partition_refit import RefitRule, joined, refit_partition
from alamo.numerics.partition_tree import PartitionTree

RULE = RefitRule(Growth(20, 50, 0.002), 50.0)


def rows(n: int, seed: int, cut: int, column: int = 0) -> Rows:
    rng = np.random.default_rng(seed)
    bins = rng.integers(0, 10, (n, 3))
    outcomes = (bins[:, [column]] > cut) * 1.0 + 0.5 * rng.normal(size=(n, 1))
    return Rows(bins, outcomes, np.arange(n))


def refitted(old: PartitionTree, cut: int, column: int = 0) -> PartitionTree:
    learn, judge = rows(1200, 1, cut, column), rows(1200, 2, cut, column)
    return refit_partition(old, learn, judge, RULE, today=learn.bins).tree


def test_a_cut_that_holds_stays() -> None:
    old = PartitionTree().split(0, 0, 4)
    assert refitted(old, 4) == old


def test_what_has_changed_is_cut_anew() -> None:
    moved = refitted(PartitionTree().split(0, 0, 4), 7)
    assert (0, 7) in zip(moved.column, moved.cut, strict=True)
    other = refitted(PartitionTree().split(0, 0, 4), 4, column=1)
    assert (1, 4) in zip(other.column, other.cut, strict=True)


def test_fixed_columns_stay_whatever_they_predict() -> None:
    old = PartitionTree().split(0, 2, 4)
    learn, judge = rows(1200, 1, 4), rows(1200, 2, 4)
    free = replace(RULE, strength=3000.0)  # under strong shrinkage a cut that says nothing costs what comes below it
    kept = refit_partition(old, learn, judge, replace(free, fixed=frozenset({2})), today=learn.bins).tree
    assert (kept.column[0], kept.cut[0]) == (2, 4)
    assert [kept.column[kept.left[0]], kept.column[kept.right[0]]] == [0, 0]  # and what matters is found below
    assert refit_partition(old, learn, judge, free, today=learn.bins).tree.column[0] == 0


def test_a_leaf_that_has_become_too_small_goes() -> None:
    learn, judge = rows(600, 1, 4), rows(600, 2, 4)
    today = learn.bins[learn.bins[:, 0] <= 4]  # nobody of today is above the cut
    refit = refit_partition(PartitionTree().split(0, 0, 4), learn, judge, RULE, today=today)
    assert refit.changed == 1
    leaf = refit.tree.leaf_of(today)
    assert np.bincount(leaf, minlength=len(refit.tree.column))[list(refit.tree.leaves)].min() >= 20


def test_a_side_that_has_become_too_small_joins_the_other_and_the_cuts_there_stay() -> None:
    old = PartitionTree().split(0, 1, 1).split(2, 0, 4)
    learn, judge = rows(1200, 1, 4), rows(1200, 2, 4)
    today = learn.bins[(learn.bins[:, 1] > 1) | (np.arange(1200) < 40)]  # fewer than 20 of today are left of the root
    assert 0 < (today[:, 1] <= 1).sum() < RULE.limits.least
    refit = refit_partition(old, learn, judge, replace(RULE, limits=Growth(20, 50), fixed=frozenset({1})), today=today)
    assert refit.tree == PartitionTree().split(0, 0, 4)
    assert refit.changed == 1


def test_joined_trees_send_rows_where_their_parts_do() -> None:
    rng = np.random.default_rng(0)
    bins, outcomes = rng.integers(0, 6, (500, 3)), rng.normal(size=(500, 1))
    left, right = (grow_partition(bins, outcomes, Growth(least, 9)).tree for least in (20, 60))
    tree = joined(1, 2, left, right)
    low = bins[:, 1] <= 2
    leaf = tree.leaf_of(bins)
    assert (leaf[low] == left.leaf_of(bins[low]) + 1).all()
    assert (leaf[~low] == right.leaf_of(bins[~low]) + 1 + len(left.column)).all()
    assert all(child > node for node in range(len(tree.column)) for child in (tree.left[node],) if child >= 0)
