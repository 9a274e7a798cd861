"""Figures per fold and pooled, on random folds and forward in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from alamo.prediction.scores.columns import ColumnReader, Values
from alamo.prediction.scores.figures import Figures, Interval, figures, flat, intervals
from alamo.prediction.scores.folds import stratified_folds
from alamo.prediction.scores.model import fit_score_model

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_INNER_FOLDS = 3
_LEAST_TO_LEARN = 20


@dataclass(frozen=True, slots=True)
class Validation:
    """How good scores are on rows that were not learnt from.

    Attributes
    ----------
    rows
        Figures per fold, numbered from 1.
    pooled
        On all out-of-fold scores together; None where there are none.
    intervals
        One entry per fold and, `fold` None, pooled.
    log_odds, at
        The scores, and which rows they are of.
    """

    rows: tuple[tuple[int, Figures], ...]
    pooled: Figures | None
    intervals: tuple[dict[str, Any], ...]
    log_odds: Floats
    at: Integers
    pooled_auc: Interval | None = None


def judge(log_odds: Floats, target: Floats, folds: Integers, level: float, rng: np.random.Generator) -> Validation:
    """Return the figures of out-of-fold log-odds (n,) for a 0/1 target and folds from 0, each (n,)."""
    rows, ends = [], []
    for k in np.unique(folds):
        inside = folds == k
        rows.append((int(k) + 1, figures(log_odds[inside], target[inside])))
        ends.append({"fold": int(k) + 1, **flat(intervals(log_odds[inside], target[inside], level, rng))})
    if not rows:
        return Validation((), None, (), log_odds, np.arange(0))
    pooled = intervals(log_odds, target, level, rng)
    ends.append({"fold": None, **flat(pooled)})
    whole = figures(log_odds, target)
    return Validation(tuple(rows), whole, tuple(ends), log_odds, np.arange(len(target)), pooled["auc"])


@dataclass(frozen=True, slots=True)
class Learning:
    """Rows to learn from: columns, a 0/1 target and the group of each row, each of length n."""

    readers: tuple[ColumnReader, ...]
    values: Sequence[Values]
    target: Floats
    group: Integers

    def without(self, names: frozenset[str]) -> Learning:
        """Return the same rows without some columns."""
        kept = [j for j, reader in enumerate(self.readers) if reader.name not in names]
        return Learning(tuple(self.readers[j] for j in kept), [self.values[j] for j in kept], self.target, self.group)

    def take(self, rows: Integers) -> Learning:
        """Return some of the rows."""
        return Learning(self.readers, [column[rows] for column in self.values], self.target[rows], self.group[rows])


def judge_forward(
    learning: Learning, blocks: Sequence[tuple[Integers, Integers]], level: float, rng: np.random.Generator
) -> Validation:
    """Learn from what came before each block and judge on the block; a block too early to learn for is left out."""
    scores, at, fold = [], [], []
    for number, (before, block) in enumerate(blocks):
        past = learning.take(before)
        yes = float(past.target.sum())
        if min(yes, len(before) - yes) < _LEAST_TO_LEARN:
            continue
        _, past_group = np.unique(past.group, return_inverse=True)
        inner = stratified_folds(past.target, past_group, _INNER_FOLDS, rng)
        model = fit_score_model(past.readers, past.values, past.target, inner, rng)
        scores.append(model.log_odds([column[block] for column in learning.values]))
        at.append(block)
        fold.append(np.full(len(block), number))
    if not scores:
        return Validation((), None, (), np.zeros(0), np.zeros(0, dtype=np.int64))
    rows = np.concatenate(at)
    found = judge(np.concatenate(scores), learning.target[rows], np.concatenate(fold), level, rng)
    return Validation(found.rows, found.pooled, found.intervals, found.log_odds, rows, found.pooled_auc)
