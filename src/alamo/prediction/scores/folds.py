"""Folds: random ones that keep the share of yes and never part rows that belong together, and forward ones in time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from alamo.prediction.scores.columns import Values

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_MIX = np.uint64(0x9E3779B97F4A7C15)
_LEAST_DISTINCT_SHARE = 0.5


def stratified_folds(target: Floats, group: Integers, k: int, rng: np.random.Generator) -> Integers:
    """Return the fold of each row, 0 … k − 1, shape (n,).

    Parameters
    ----------
    target
        0 or 1, shape (n,).
    group
        Rows of one group share a fold, shape (n,), codes from 0.
    """
    size = int(group.max(initial=-1)) + 1
    with_yes = np.bincount(group, target, minlength=size) > 0.0
    fold = np.empty(size, dtype=np.int64)
    for stratum in (np.flatnonzero(with_yes), np.flatnonzero(~with_yes)):
        order = rng.permutation(stratum)
        fold[order] = np.arange(len(order)) % k
    return fold[group]


def forward_blocks(order: Floats, k: int) -> list[tuple[Integers, Integers]]:
    """Return (earlier rows, rows of the block) for each of `k` blocks after the first of k + 1 equal ones.

    Rows of one moment are never parted. A block without rows (too many ties) is left out.
    """
    known = np.flatnonzero(np.isfinite(order))
    ranked = known[np.argsort(order[known], kind="stable")]
    moments = order[ranked]
    cuts = [np.searchsorted(moments, moments[int(len(ranked) * b / (k + 1))]) for b in range(1, k + 1)]
    ends = [*cuts[1:], len(ranked)]
    return [
        (ranked[:start], ranked[start:end]) for start, end in zip(cuts, ends, strict=True) if start > 0 and end > start
    ]


def row_groups(values: Sequence[Values], target: Floats) -> tuple[Integers, int]:
    """Return a group per row, equal rows sharing one, and how many rows repeat an earlier one.

    Where more than half of the rows are repeats, rows are few patterns rather than copies, and each stands alone.
    """
    mixed = np.zeros(len(target), dtype=np.uint64)
    with np.errstate(over="ignore"):
        for column in (*values, target):
            bits = np.ascontiguousarray(np.nan_to_num(column.astype(np.float64), nan=-1.5e300)).view(np.uint64)
            mixed = (mixed ^ bits) * _MIX
            mixed ^= mixed >> np.uint64(29)
    distinct, group = np.unique(mixed, return_inverse=True)
    repeats = len(target) - len(distinct)
    if not values or len(distinct) < _LEAST_DISTINCT_SHARE * len(target):
        return np.arange(len(target)), 0
    return group.astype(np.int64), repeats
