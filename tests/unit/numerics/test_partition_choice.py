"""How fine: judged by rows of other units, the finest that predicts as well as the best, one group where none does."""

from __future__ import annotations

import numpy as np
import pytest

from alamo.numerics.partition_choice import Fold, Rows, choose_size, paired_difference, path_losses
from alamo.numerics.partition_growth import Growth, grow_partition
from alamo.numerics.partition_tree import node_sums, shrunk_means


def halves(n: int, seed: int, groups: int, noise: float = 1.0) -> tuple[Rows, Rows]:
    rng = np.random.default_rng(seed)
    bins = rng.integers(0, 8, (2 * n, 3))
    outcomes = (bins[:, [0]] * groups // 8) * 1.0 + noise * rng.normal(size=(2 * n, 1))
    unit = np.arange(2 * n)
    return Rows(bins[:n], outcomes[:n], unit[:n]), Rows(bins[n:], outcomes[n:], unit[n:])


def test_groups_that_are_there_are_found() -> None:
    learn, judge = halves(1500, 1, groups=4)
    path = grow_partition(learn.bins, learn.outcomes, Growth(20, 30))
    choice = choose_size([Fold(path, learn, judge)])
    assert choice.found
    assert choice.best_cuts >= 3
    assert choice.cuts >= choice.best_cuts
    assert choice.losses[choice.best_cuts] == choice.losses.min()
    assert choice.one_group - choice.losses.min() == pytest.approx(choice.improvement, rel=1e-9)
    assert choice.losses[choice.best_cuts] == pytest.approx(1.0, abs=4 * np.sqrt(2 / 1500))  # the variance of the noise


def test_losses_along_the_path_are_those_of_its_trees() -> None:
    learn, judge = halves(200, 3, groups=2)
    path = grow_partition(learn.bins, learn.outcomes, Growth(10, 6))
    losses = path_losses(path, learn, judge, 20.0)
    for cuts in range(len(path.order) + 1):
        tree = path.first(cuts)
        means = shrunk_means(tree, node_sums(tree, learn.bins, learn.outcomes), 20.0)
        by_hand = ((judge.outcomes - means[tree.leaf_of(judge.bins)]) ** 2).sum(axis=1)
        assert losses[cuts] == pytest.approx(by_hand, rel=1e-9)


def test_the_finest_within_one_standard_error_is_taken() -> None:
    learn, judge = halves(800, 5, groups=2)
    fold = Fold(grow_partition(learn.bins, learn.outcomes, Growth(10, 40)), learn, judge)
    choice = choose_size([fold], (100.0,))
    losses = path_losses(fold.path, learn, judge, 100.0)
    within = []
    for cuts in range(choice.best_cuts, len(losses)):
        worse, se = paired_difference(losses[cuts] - losses[choice.best_cuts], judge.unit)
        within += [cuts] if worse <= se else []
    assert choice.cuts == max(within)


def test_rows_of_one_unit_count_once() -> None:
    difference = np.random.default_rng(0).normal(size=200)
    mean, se = paired_difference(difference, np.arange(200))
    assert se == pytest.approx(difference.std(ddof=1) / np.sqrt(200), rel=1e-9)
    assert paired_difference(np.repeat(difference, 5), np.repeat(np.arange(200), 5)) == pytest.approx((mean, se))
    assert paired_difference(difference, np.zeros(200)) == (mean, 0.0)


def test_without_judging_rows_there_is_no_choice() -> None:
    learn, _ = halves(50, 1, groups=2)
    path = grow_partition(learn.bins, learn.outcomes, Growth(5, 4))
    nobody = Rows(learn.bins[:0], learn.outcomes[:0], learn.unit[:0])
    with pytest.raises(ValueError, match="not grown on"):
        choose_size([Fold(path, learn, nobody)])
