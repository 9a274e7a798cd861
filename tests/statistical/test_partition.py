"""Partitions find nothing where there is nothing, and what is there; refits do not wander."""

from __future__ import annotations

import numpy as np
import pytest

from alamo.numerics.agreement import adjusted_rand
from alamo.numerics.partition_choice import Fold, Rows, choose_size
from alamo.numerics.partition_growth import Growth, grow_partition
from alamo.numerics.partition_refit import RefitRule, refit_partition

pytestmark = pytest.mark.statistical

N, D, Q = 600, 6, 3


def panel(seed: int, signal: float) -> Rows:
    """Two months of N customers: features that stay, outcomes that depend on each other within a customer."""
    rng = np.random.default_rng(seed)
    bins = rng.integers(0, 10, (N, D))
    own = rng.normal(size=(N, Q))
    truth = signal * np.column_stack([bins[:, 0] > 4, bins[:, 1] > 6, bins[:, 0] + bins[:, 2] > 9])
    months = [truth + 0.7 * own + 0.7 * rng.normal(size=(N, Q)) for _ in range(2)]
    return Rows(np.vstack([bins, bins]), np.vstack(months), np.tile(np.arange(N), 2))


def chosen(rows: Rows) -> bool:
    folds = []
    for k in range(4):
        mine = rows.unit % 4 == k
        learn, judge = (Rows(rows.bins[m], rows.outcomes[m], rows.unit[m]) for m in (~mine, mine))
        folds.append(Fold(grow_partition(learn.bins, learn.outcomes, Growth(30, 40)), learn, judge))
    return choose_size(folds).found


def test_noise_is_not_parted() -> None:
    """At least 95 of 100: with P(found) = .05 more than 11 of 100 have probability .004."""
    assert sum(chosen(panel(seed, 0.0)) for seed in range(100)) <= 11


def test_groups_that_are_there_are_found() -> None:
    assert sum(chosen(panel(seed, 0.5)) for seed in range(20)) >= 19


def test_a_refit_on_another_month_keeps_the_groups() -> None:
    """The truth stays; a partition that is grown anew wanders, one that is refitted does not."""
    kept, anew = [], []
    for seed in range(10):
        months = [steps(100 * seed + k) for k in range(4)]
        grown = [grow_partition(month.bins, month.outcomes, Growth(40, 8)).tree for month in months[:2]]
        rule = RefitRule(Growth(40, 8), 50.0)
        new = refit_partition(grown[0], months[1], months[2], rule, today=months[3].bins).tree
        old, fresh, refitted = (tree.leaf_of(months[3].bins) for tree in (*grown, new))
        kept.append(adjusted_rand(old, refitted))
        anew.append(adjusted_rand(old, fresh))
    assert np.mean(kept) > 0.8
    assert np.mean(kept) > np.mean(anew) + 0.2


def steps(seed: int) -> Rows:
    """One month of N customers whose outcome has a step in each of three columns, below noise."""
    rng = np.random.default_rng(seed)
    bins = rng.integers(0, 10, (N, D))
    truth = 0.6 * ((bins[:, :3] > 4) @ np.array([1.0, 0.8, 0.6]))
    return Rows(bins, truth[:, None] + rng.normal(size=(N, 1)), np.arange(N))
