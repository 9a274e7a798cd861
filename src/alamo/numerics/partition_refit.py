"""Refits a partition without needless change: a cut stays unless rows it was not grown on predict clearly better.

From the leaves upwards each node asks whether to keep its cut, to be cut anew, or to become one group. It keeps what it
has unless another answer lowers the loss on the judging rows by more than `sure` standard errors of the paired
difference; so noise does not move the groups from one refit to the next, and a real change does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from alamo.numerics.partition_choice import SURE, Rows, paired_difference
from alamo.numerics.partition_growth import Growth, grow_partition
from alamo.numerics.partition_tree import PartitionTree, node_sums, shrunk_means

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RefitRule:
    """When a partition changes.

    Attributes
    ----------
    limits
        As when it was grown.
    strength
        Of the shrinkage of predictions, in rows.
    sure
        Standard errors by which a change has to predict better.
    fixed
        Columns whose cuts stay whatever they predict, as long as both sides are large enough.
    """

    limits: Growth
    strength: float
    sure: float = SURE
    fixed: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Refit:
    """The refitted partition, and how many of the old cuts were replaced."""

    tree: PartitionTree
    changed: int


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows below a node: to learn from, to judge by, and those that give the sizes; `of_all` rows were learnt from."""

    learn: Rows
    judge: Rows
    today: Integers
    of_all: int

    def below(self, column: int, cut: int, left: bool) -> _Part:
        learn, judge = ((rows.bins[:, column] <= cut) == left for rows in (self.learn, self.judge))
        today = self.today[(self.today[:, column] <= cut) == left]
        return replace(self, learn=_only(self.learn, learn), judge=_only(self.judge, judge), today=today)


def refit_partition(old: PartitionTree, learn: Rows, judge: Rows, rule: RefitRule, *, today: Integers) -> Refit:
    """Return `old`, changed only where that predicts `judge` better by more than `rule.sure` standard errors.

    Parameters
    ----------
    learn, judge
        Rows to predict from, and rows that no version of the partition has seen; same bins as `old`.
    today
        Bins of the rows that give a leaf its size, shape (m, d). A cut that leaves too few of them on a side goes,
        whatever it predicts: the smaller side joins the other, whose cuts stay.
    """
    part = _Part(learn, judge, today, max(len(learn.bins), 1))
    tree, changed = _refitted(old, 0, part, rule)
    return Refit(tree, changed)


def _refitted(old: PartitionTree, node: int, part: _Part, rule: RefitRule) -> tuple[PartitionTree, int]:
    """Return the subtree below `node`, and how many of its old cuts were replaced."""
    column, cut = old.column[node], old.cut[node]
    if column < 0:
        fresh = _fresh(part, rule)
        return (fresh, 0) if _better(fresh, PartitionTree(), part, rule) else (PartitionTree(), 0)
    sides = [part.below(column, cut, left) for left in (True, False)]
    sizes = [len(side.today) for side in sides]
    if min(sizes) < rule.limits.least:
        smaller, larger = sorted((old.left[node], old.right[node]), key=lambda child: sizes[child == old.right[node]])
        kept, changed = _refitted(old, larger, part, rule)
        return kept, changed + 1 + _cuts_below(old, smaller)
    (left, n_left), (right, n_right) = (
        _refitted(old, child, side, rule) for child, side in zip((old.left[node], old.right[node]), sides, strict=True)
    )
    kept, changed = joined(column, cut, left, right), n_left + n_right
    if column in rule.fixed:
        return kept, changed
    for other in (_fresh(part, rule), PartitionTree()):
        if _better(other, kept, part, rule):
            kept, changed = other, _cuts_below(old, node)
    return kept, changed


def _fresh(part: _Part, rule: RefitRule) -> PartitionTree:
    if not len(part.learn.bins):
        return PartitionTree()
    scale = part.of_all / len(part.learn.bins)  # gains are per row of the whole
    limits = replace(rule.limits, least_gain=rule.limits.least_gain * scale)
    known = np.arange(len(part.learn.bins) + len(part.today)) < len(part.learn.bins)
    outcomes = np.concatenate([part.learn.outcomes, np.zeros((len(part.today), part.learn.outcomes.shape[1]))])
    bins = np.concatenate([part.learn.bins, part.today])
    return grow_partition(bins, outcomes, limits, counted=(~known).astype(np.float64), known=known).tree


def _better(new: PartitionTree, old: PartitionTree, part: _Part, rule: RefitRule) -> bool:
    if new == old or not len(part.judge.bins) or not len(part.learn.bins):
        return False
    losses = [_losses(tree, part, rule.strength) for tree in (old, new)]
    gain, se = paired_difference(losses[0] - losses[1], part.judge.unit)
    return gain > rule.sure * se and gain > 0.0


def _losses(tree: PartitionTree, part: _Part, strength: float) -> Floats:
    means = shrunk_means(tree, node_sums(tree, part.learn.bins, part.learn.outcomes), strength)
    errors: Floats = ((part.judge.outcomes - means[tree.leaf_of(part.judge.bins)]) ** 2).sum(axis=1)
    return errors


def joined(column: int, cut: int, left: PartitionTree, right: PartitionTree) -> PartitionTree:
    """Return the tree that cuts `column` at `cut` and goes on with `left` and `right`."""
    n_left = len(left.column)

    def moved(values: tuple[int, ...], by: int) -> list[int]:
        return [value + by if value >= 0 else -1 for value in values]

    return PartitionTree(
        (column, *left.column, *right.column),
        (cut, *left.cut, *right.cut),
        (1, *moved(left.left, 1), *moved(right.left, 1 + n_left)),
        (1 + n_left, *moved(left.right, 1), *moved(right.right, 1 + n_left)),
    )


def _cuts_below(tree: PartitionTree, node: int) -> int:
    if tree.column[node] < 0:
        return 0
    return 1 + _cuts_below(tree, tree.left[node]) + _cuts_below(tree, tree.right[node])


def _only(rows: Rows, mask: npt.NDArray[np.bool_]) -> Rows:
    return Rows(rows.bins[mask], rows.outcomes[mask], rows.unit[mask])
