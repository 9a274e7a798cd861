"""Columns that look as if they were known only after the target: found by what they say, never by their names.

Three marks, each against what the *other* columns say (a column's copies and kin put aside):

1. It settles the target nearly alone.
2. It has a pure pocket, a range, a value or "missing" in which the target never (or always) holds although by the
   other columns it was due dozens of times; and it adds much beyond them. What takes time to happen, or is written
   only once something has happened, leaves such pockets. An end of an ordered column must be emptier than the
   column's own trend leads one to expect: a strong honest column empties its ends, too.
3. It says far more than all the others together.

Not supported: a leak that is neither strong nor pure looks like any good column; and a trend takes thousands of rows
to be told from a pocket, so in short files a smooth leak is only *doubted*: a column that says about as much as all
others together and has a nearly pure pocket is named, but not left out. Nothing here proves a leak.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from alamo.numerics.folds import fold_splits, systematic_rows
from alamo.prediction.learners.classifier import BoostedClassifierLearner
from alamo.prediction.scores.coding import Coder
from alamo.prediction.scores.columns import ColumnReader, Values
from alamo.prediction.scores.evidence import (
    NEARLY,
    SINGLE,
    STRICT,
    Coded,
    Pocket,
    alone,
    beyond,
    explained,
    is_single,
    pocket,
    trend_p_value,
    within,
)
from alamo.prediction.scores.figures import auc

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_MOST_ROWS = 60_000
_PARTS = 3
_FINE_PARTS = 5
_STAGE = 1
_SETTLES_AUC, _SETTLES_SHARE = 0.985, 0.85
_STRONG, _TOWERS = 0.4, 1.5
_ADDS, _ADDS_TO_OTHERS = 0.02, 0.25
_RIVALS = 0.75
_BEYOND_TREND = 0.01
_TELLING_ABSENCE = 0.3
_KIN_CORRELATION, _KIN_OVERLAP = 0.8, 0.6
_MOST_CANDIDATES = 8
_ROUNDS = 4
_DOUBT = "doubt"
_SHORT = 2_000
"""Rows of the rarer outcome from which on the trend is tested well enough to leave no question: half of the bank table,
with 2,300, suspects its leak, a tenth cannot. Without this bound an honest column that leads all others was asked about
in files of any length."""


@dataclass(frozen=True, slots=True)
class SuspectedLeak:
    """A column that looks as if it were known only afterwards.

    Attributes
    ----------
    column, why
        Its name, and the reason in words.
    kind
        ``identifier``, ``settles``, ``pocket``, ``towers`` or ``absence``; ``doubt`` is no suspicion, only a question.
    auc_alone
        AUC of the column alone, out of fold; None for an identifier.
    kept
        Whether it was learnt from all the same, because it was to be kept.
    """

    column: str
    why: str
    kind: str
    auc_alone: float | None = None
    kept: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the entry as it stands in ``--json``."""
        return {
            "column": self.column,
            "why": self.why,
            "kind": self.kind,
            "auc_alone": self.auc_alone,
            "kept": self.kept,
        }


@dataclass(frozen=True, slots=True)
class _Column:
    """A column with what it says alone."""

    place: int
    reader: ColumnReader
    coded: Coded
    log_odds: Floats
    share: float
    auc: float
    pockets: tuple[Pocket | None, Pocket | None]

    @property
    def pocket(self) -> Pocket | None:
        return self.pockets[0] or self.pockets[1]

    @property
    def suspicious(self) -> bool:
        return self.settles or self.pocket is not None or self.share >= _TELLING_ABSENCE

    @property
    def settles(self) -> bool:
        return self.auc >= _SETTLES_AUC or self.share >= _SETTLES_SHARE


def find_leaks(
    readers: Sequence[ColumnReader], values: Sequence[Values], target: Floats, rng: np.random.Generator
) -> tuple[SuspectedLeak, ...]:
    """Return the suspected leaks among columns, each (n,), for a 0/1 target (n,); in the order of the columns.

    At most 60,000 rows are looked at.
    """
    return look_for_leaks(readers, values, target, rng)[0]


def look_for_leaks(
    readers: Sequence[ColumnReader], values: Sequence[Values], target: Floats, rng: np.random.Generator
) -> tuple[tuple[SuspectedLeak, ...], tuple[SuspectedLeak, ...]]:
    """Return the suspected leaks, as `find_leaks` does, and columns that are only doubted."""
    rows = systematic_rows(len(target), _MOST_ROWS)
    values, target = [column[rows] for column in values], target[rows]
    fine = rng.integers(0, _FINE_PARTS, len(target)).astype(np.int32)
    columns = [_look(j, reader, values[j], target, fine) for j, reader in enumerate(readers)]
    parts = rng.integers(0, _PARTS, len(target))
    found: dict[int, SuspectedLeak] = {}
    doubts: dict[int, SuspectedLeak] = {}
    for column in columns:
        if column.settles:
            found[column.place] = _leak(column, "settles", _settles_words(column))
    candidates = sorted((c for c in columns if c.suspicious and not c.settles), key=lambda c: -c.share)
    for _ in range(_ROUNDS):
        fresh = 0
        for column in [c for c in candidates[:_MOST_CANDIDATES] if c.place not in found]:
            others = [c for c in columns if c.place not in found and c is not column and not _kin(c, column)]
            base = _by_others(others, values, target, parts, rng)
            verdict = _judge(column, base, target, fine)
            doubts.pop(column.place, None)
            if verdict is not None and verdict.kind == _DOUBT:
                doubts[column.place] = verdict
            elif verdict is not None:
                found[column.place] = verdict
                fresh += 1
        if not fresh:
            break
    return tuple(found[place] for place in sorted(found)), tuple(doubts[place] for place in sorted(doubts))


def _look(place: int, reader: ColumnReader, values: Values, target: Floats, fine: npt.NDArray[np.int32]) -> _Column:
    coded = Coded.of(reader, values)
    log_odds = alone(coded, target, fine)
    rate = np.full(len(target), target.mean())
    return _Column(
        place,
        reader,
        coded,
        log_odds,
        explained(log_odds, target),
        auc(log_odds, target) or 0.5,
        (pocket(coded, target, rate, STRICT), pocket(coded, target, rate, NEARLY)),
    )


def _kin(one: _Column, other: _Column) -> bool:
    """Say whether two columns say the same: their log-odds go together, or their pockets are the same rows."""
    if one.pocket is not None and other.pocket is not None:
        both = float((one.pocket.rows & other.pocket.rows).sum())
        if both >= _KIN_OVERLAP * float((one.pocket.rows | other.pocket.rows).sum()):
            return True
    a, b = one.log_odds - one.log_odds.mean(), other.log_odds - other.log_odds.mean()
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return scale > 0.0 and float(a @ b) / scale >= _KIN_CORRELATION


def _by_others(
    others: Sequence[_Column], values: Sequence[Values], target: Floats, parts: Integers, rng: np.random.Generator
) -> Floats:
    """Return out-of-fold log-odds of the target by the other columns, shape (n,)."""
    mean = float(target.mean())
    out = np.full(len(target), np.log(mean / (1.0 - mean)))
    if not others:
        return out
    readers = [column.reader for column in others]
    chosen = [values[column.place] for column in others]
    for train, test in fold_splits(parts):
        if target[train].min() == target[train].max():
            continue
        coder, coded = Coder.fit(readers, [column[train] for column in chosen], target[train], rng)
        trees = BoostedClassifierLearner().fit(coded.features, target[train])
        away = coder.transform([column[test] for column in chosen])
        out[test] = trees.log_odds_by_stage(away.features)[:, _STAGE]
    return out


def _judge(column: _Column, base: Floats, target: Floats, fine: npt.NDArray[np.int32]) -> SuspectedLeak | None:
    """Return the suspicion against a column, given what the others say."""
    others = max(explained(base, target), 0.0)
    gain = beyond(column.coded, base, target, fine)
    if gain < max(_ADDS, _ADDS_TO_OTHERS * others):
        return None
    p = expit(base)
    for found in column.pockets:
        pure = None if found is None else within(found, target, p)
        if pure is not None and _telling(column.coded, pure, base, target, rival=gain >= _RIVALS * others):
            return _leak(column, "pocket", _pocket_words(pure))
    if column.share >= _STRONG and gain >= _TOWERS * others:
        return _leak(
            column,
            "towers",
            f"alone it says more than all other columns together: AUC {column.auc:.2f}, "
            f"{gain:.0%} of what there is to know beyond their {others:.0%}",
        )
    flags = column.coded.absent
    if flags.any() and not flags.all():
        absence = Coded(flags.astype(np.int32), 3, ordered=False)
        told = beyond(absence, base, target, fine)
        if told >= max(_TELLING_ABSENCE, 0.5 * others):
            return _leak(
                column,
                "absence",
                f"whether it is missing tells the target: {target[flags].mean():.1%} where it is, "
                f"{target[~flags].mean():.1%} where it is not",
            )
    return _doubted(column, base, target, rival=gain >= _RIVALS * others)


def _doubted(column: _Column, base: Floats, target: Floats, *, rival: bool) -> SuspectedLeak | None:
    """Return the question, in a short file, about a column that rivals all others, its pocket perhaps mere trend."""
    short = min(target.sum(), (1.0 - target).sum()) < _SHORT
    if not rival or not short or not column.coded.ordered:
        return None
    for found in column.pockets:
        pure = None if found is None else within(found, target, expit(base))
        if pure is not None and pure.is_pure(NEARLY):
            return _leak(column, _DOUBT, _pocket_words(pure).partition(";")[0])
    return None


def _telling(column: Coded, pure: Pocket, base: Floats, target: Floats, *, rival: bool) -> bool:
    """Say whether a region is emptier than chance and the column's own trend explain."""
    if is_single(column, pure):
        return pure.is_pure(SINGLE)
    if not (pure.is_pure(STRICT) or (rival and pure.is_pure(NEARLY))):
        return False
    return trend_p_value(column, pure, base, target) <= _BEYOND_TREND


def _leak(column: _Column, kind: str, why: str) -> SuspectedLeak:
    return SuspectedLeak(column.reader.name, why, kind, column.auc)


def _settles_words(column: _Column) -> str:
    return f"it settles the target nearly alone: AUC {column.auc:.3f}; it repeats the target or is written after it"


def _pocket_words(found: Pocket) -> str:
    words = {"low": "at its low end", "high": "at its high end", "missing": "where it is missing"}
    place = words.get(found.where, "at one of its values")
    rule, against = ("always", "no") if found.always else ("never", "yes")
    seen = f"{found.seen:,.0f} of {found.rows.sum():,} rows say {against}"
    return (
        f"{place} the target (nearly) {rule} holds: {seen} where the other columns lead one to expect "
        f"{found.expected:,.0f}; such values come after the outcome"
    )
