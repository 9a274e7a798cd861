"""From columns to what learners see, learnt on training rows: bins for the scorecard, numbers for the trees.

Levels become target means with shrinkage. A training row's own mean leaves out the part of the training rows it
belongs to, so a level seen once cannot tell the learner its own answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import logit

from alamo.prediction.learners.scorecard import BinnedColumn
from alamo.prediction.scores.columns import ColumnReader, Values

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int32]

MOST_BINS = 20
MOST_OWN_LEVELS = 60
_LEAST_LEVEL_ROWS = 10
_PARTS = 5
_PRIOR_ROWS = (1.0, 10_000.0)


@dataclass(frozen=True, slots=True)
class NumberBins:
    """Quantile bins of a number; a value that fills more than one of them gets a bin of its own; missing is the last.

    Attributes
    ----------
    edges
        A value belongs to the bin after the last edge that is not above it.
    """

    edges: tuple[float, ...]

    @classmethod
    def fit(cls, values: Floats) -> NumberBins:
        """Learn edges from values (n,), NaN for missing."""
        known = np.sort(values[np.isfinite(values)])
        if not len(known):
            return cls(())
        at = np.linspace(0.0, 1.0, MOST_BINS + 1)[1:-1]
        distinct = np.unique(known)
        if len(distinct) <= MOST_BINS:
            return cls(tuple(distinct[1:].tolist()))
        cuts = known[np.minimum((at * len(known)).astype(np.int64), len(known) - 1)]
        edges, times = np.unique(cuts, return_counts=True)
        heavy = np.nextafter(edges[times > 1], np.inf)
        both = np.unique(np.concatenate([edges, heavy]))
        return cls(tuple(both[both > known[0]].tolist()))

    @property
    def binned(self) -> BinnedColumn:
        """What the codes mean to the scorecard."""
        return BinnedColumn(len(self.edges) + 2, ordered=True)

    def codes(self, values: Floats) -> Codes:
        """Return the bin of each value, shape (n,)."""
        places = np.searchsorted(np.asarray(self.edges), values, side="right")
        return np.where(np.isnan(values), len(self.edges) + 1, places).astype(np.int32)


@dataclass(frozen=True, slots=True)
class LevelMeans:
    """Log-odds of the shrunk target mean of each level, the two last codes ("other", "missing") included."""

    log_odds: tuple[float, ...]

    @classmethod
    def fit(cls, codes: Codes, target: Floats, size: int) -> LevelMeans:
        """Learn from codes (n,) below `size` and a 0/1 target (n,)."""
        rows = np.bincount(codes, minlength=size).astype(np.float64)
        yes = np.bincount(codes, target, minlength=size).astype(np.float64)
        mean = float(target.mean())
        return cls(tuple(_shrunk(yes, rows, mean, prior_rows(yes, rows)).tolist()))

    @staticmethod
    def held_out(codes: Codes, target: Floats, size: int, part: Codes) -> Floats:
        """Return the log-odds for each training row from the rows of other parts, shape (n,)."""
        cell = codes.astype(np.int64) * _PARTS + part
        rows = np.bincount(cell, minlength=size * _PARTS).reshape(size, _PARTS).astype(np.float64)
        yes = np.bincount(cell, target, minlength=size * _PARTS).reshape(size, _PARTS).astype(np.float64)
        prior = prior_rows(yes.sum(axis=1), rows.sum(axis=1))
        other_rows, other_yes = rows.sum(axis=1, keepdims=True) - rows, yes.sum(axis=1, keepdims=True) - yes
        means = other_yes.sum(axis=0) / np.maximum(other_rows.sum(axis=0), 1.0)
        return _shrunk(other_yes, other_rows, means, prior).ravel()[cell]

    def values(self, codes: Codes) -> Floats:
        """Return the log-odds of each row's level, shape (n,)."""
        return np.asarray(self.log_odds)[codes]


def prior_rows(yes: Floats, rows: Floats) -> float:
    """Return how many rows of the overall mean each level is shrunk by, from the spread of the levels' means.

    Source: DerSimonian & Laird (1986), Controlled Clinical Trials 7(3), the moment estimator, on binomial means.
    """
    seen = rows > 0
    yes, rows = yes[seen], rows[seen]
    total, mean = rows.sum(), yes.sum() / rows.sum()
    noise = mean * (1.0 - mean)
    between = float((rows * (yes / rows - mean) ** 2).sum()) - (len(rows) - 1) * noise
    room = total - float((rows**2).sum()) / total
    if between <= 0.0 or room <= 0.0:
        return _PRIOR_ROWS[1]
    return float(np.clip(noise * room / between - 1.0, *_PRIOR_ROWS))


def _shrunk(yes: Floats, rows: Floats, mean: Floats | float, prior: float) -> Floats:
    centre = np.clip(mean, 1e-6, 1.0 - 1e-6)
    return np.asarray(logit((yes + prior * centre) / (rows + prior)))


@dataclass(frozen=True, slots=True)
class LevelBins:
    """Frequent levels with a bin of their own, then the others pooled, then missing."""

    bin_of: tuple[int, ...]

    @classmethod
    def fit(cls, codes: Codes, size: int) -> LevelBins:
        """Learn from codes (n,) below `size`, whose last two are "other" and "missing"."""
        rows = np.bincount(codes, minlength=size)[:-2]
        frequent = np.flatnonzero(rows >= max(_LEAST_LEVEL_ROWS, 5e-4 * len(codes)))[:MOST_OWN_LEVELS]
        places = np.full(size, len(frequent), dtype=np.int64)
        places[frequent] = np.arange(len(frequent))
        places[-1] = len(frequent) + 1
        return cls(tuple(places.tolist()))

    @property
    def binned(self) -> BinnedColumn:
        """What the codes mean to the scorecard."""
        return BinnedColumn(max(self.bin_of) + 1, ordered=False)

    def codes(self, codes: Codes) -> Codes:
        """Return the bin of each row's level, shape (n,)."""
        return np.asarray(self.bin_of, dtype=np.int32)[codes]


@dataclass(frozen=True, slots=True)
class Coded:
    """What learners see.

    Attributes
    ----------
    codes
        Bins for the scorecard, shape (d, n).
    features
        Numbers for the trees, NaN for missing, shape (n, d).
    """

    codes: Codes
    features: Floats


@dataclass(frozen=True, slots=True)
class Coder:
    """The coding learnt from one set of training rows.

    Attributes
    ----------
    bins
        Per column; a column of many levels is binned by its target means.
    means
        Per column of levels, None for a number.
    """

    bins: tuple[NumberBins | LevelBins, ...]
    means: tuple[LevelMeans | None, ...]

    @classmethod
    def fit(
        cls, readers: Sequence[ColumnReader], values: Sequence[Values], target: Floats, rng: np.random.Generator
    ) -> tuple[Coder, Coded]:
        """Learn the coding of training columns, each (n,), and return it with their own held-out coding."""
        part = rng.integers(0, _PARTS, len(target)).astype(np.int32)
        bins: list[NumberBins | LevelBins] = []
        means: list[LevelMeans | None] = []
        codes = np.zeros((len(readers), len(target)), dtype=np.int32)
        features = np.empty((len(target), len(readers)))
        for j, (reader, column) in enumerate(zip(readers, values, strict=True)):
            if reader.kind != "level":
                means.append(None)
                features[:, j] = column
            else:
                means.append(LevelMeans.fit(column, target, len(reader.levels) + 2))
                features[:, j] = LevelMeans.held_out(column, target, len(reader.levels) + 2, part)
            own = reader.kind == "level" and len(reader.levels) <= MOST_OWN_LEVELS
            fitted = LevelBins.fit(column, len(reader.levels) + 2) if own else NumberBins.fit(features[:, j])
            bins.append(fitted)
            codes[j] = _binned(fitted, column, features[:, j])
        return cls(tuple(bins), tuple(means)), Coded(codes, features)

    def transform(self, values: Sequence[Values]) -> Coded:
        """Return the coding of further rows."""
        n = len(values[0]) if values else 0
        codes = np.zeros((len(self.bins), n), dtype=np.int32)
        features = np.empty((n, len(self.bins)))
        for j, (bins, means, column) in enumerate(zip(self.bins, self.means, values, strict=True)):
            features[:, j] = column if means is None else means.values(column)
            codes[j] = _binned(bins, column, features[:, j])
        return Coded(codes, features)

    @property
    def binned(self) -> tuple[BinnedColumn, ...]:
        """What the codes of each column mean to the scorecard."""
        return tuple(bins.binned for bins in self.bins)


def _binned(bins: NumberBins | LevelBins, codes: Values, numbers: Floats) -> Codes:
    """Return bins of level codes, or of the numbers they stand for."""
    return bins.codes(codes.astype(np.int32)) if isinstance(bins, LevelBins) else bins.codes(numbers)
