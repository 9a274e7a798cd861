"""Has a distribution moved? The population stability index in bins fixed on a reference, with the law chance gives it.

The index of two samples of one distribution is not zero: it is about (1/n + 1/m)·χ² with as many degrees of freedom as
bins less one. So the usual rule "above .1 moved, above .25 moved a lot" cries wolf on small samples and is judged here
beside the value that chance alone exceeds with a stated probability.

Source: Yurdakul & Naranjo (2020), "Statistical properties of the population stability index", Journal of Risk Model
Validation 14(3), §3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.numerics.laws import chi_square_exceeded, chi_square_tail

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Column: TypeAlias = "pa.ChunkedArray | pa.Array"

MOST_BINS = 10
_LEAST_SHARE, _LEAST_ROWS = 0.01, 10
"""Bins with less of the reference join their neighbour (numbers) or the rest (texts): χ² needs some rows in each."""
_FREQUENT = 0.2
"""Share of the reference from which on its least or greatest value is no tail."""
_HALF_A_ROW = 0.5


@dataclass(frozen=True, slots=True)
class ReferenceBins:
    """Bins learnt from a reference sample and never moved.

    Attributes
    ----------
    edges
        Upper ends (inclusive) of all bins of numbers but the last; empty for texts.
    levels
        Text levels with a bin of their own; all others, new ones too, share the last.
    counts
        Rows of the reference in each bin, the last one for missing values, shape (bins,).
    """

    edges: tuple[float, ...]
    levels: tuple[str, ...]
    counts: tuple[int, ...]

    @classmethod
    def of(cls, column: Column) -> ReferenceBins:
        """Learn bins from a numeric, boolean or text column of the reference.

        Numbers get at most ten bins of about equal counts, a value that is frequent (such as zero) one of its own;
        texts their frequent levels.
        """
        if _is_text(column):
            frequent = _frequent_levels(column)
            bare = cls((), frequent, ())
        else:
            bare = cls(_edges(_numbers(column)), (), ())
        return cls(bare.edges, bare.levels, tuple(bare.place(column).tolist()))

    def place(self, column: Column) -> Integers:
        """Return the rows of `column` in each bin, missing values last, shape (bins,)."""
        if _is_text(column):
            code = pc.index_in(column.cast(pa.string()), value_set=pa.array(self.levels, pa.string()))
            bins = np.asarray(pc.fill_null(code, len(self.levels)), dtype=np.int64)
            missing, last = np.asarray(pc.is_null(column), dtype=bool), len(self.levels)
        else:
            values = _numbers(column)
            bins = np.searchsorted(np.asarray(self.edges), values, side="left")
            missing, last = np.isnan(values), len(self.edges)
        return np.bincount(np.where(missing, last + 1, bins), minlength=last + 2)


@dataclass(frozen=True, slots=True)
class Stability:
    """How far a sample is from the reference.

    Attributes
    ----------
    psi
        Population stability index, Σ (q − p)·ln(q/p); 0 where nothing moved.
    p_value
        Chance of an index at least as large if nothing has moved.
    n_bins
        Bins with rows in either sample.
    scale
        1/n + 1/m with effective numbers of rows: the index is about `scale` times χ² if nothing has moved.
    """

    psi: float
    p_value: float
    n_bins: int
    scale: float

    def threshold(self, level: float) -> float:
        """Return the index that chance exceeds with probability 1 − `level` if nothing has moved."""
        return self.scale * chi_square_exceeded(1.0 - level, max(self.n_bins - 1, 1))


def stability(bins: ReferenceBins, column: Column, *, n_reference: float, n: float) -> Stability:
    """Compare `column` with the reference of `bins`.

    Parameters
    ----------
    bins
        Learnt from the reference.
    column
        The sample, of the reference's kind.
    n_reference, n
        Effective numbers of independent rows of either; where customers recur, (Σ r)²/Σ r² over the rows r of each.

    Assumes
    -------
    Samples are independent, or depend positively (the same customers in both), which only makes alarms rarer. Half a
    row is added to every bin with rows in either, so a value never seen before counts and an empty bin does not
    divide by zero.

    Not supported
    -------------
    Shifts inside a bin, and of two columns jointly while each keeps its own distribution.
    """
    then, now = np.asarray(bins.counts, dtype=np.float64), bins.place(column).astype(np.float64)
    used = (then + now) > 0.0
    p, q = (_shares(part[used], rows) for part, rows in ((then, n_reference), (now, n)))
    psi = float((q - p) @ np.log(q / p)) if used.any() else 0.0
    scale = 1.0 / max(n_reference, 1.0) + 1.0 / max(n, 1.0)
    n_bins = int(used.sum())
    p_value = chi_square_tail(psi / scale, n_bins - 1) if n_bins > 1 else 1.0
    return Stability(psi, p_value, n_bins, scale)


def effective_rows(groups: Integers) -> float:
    """Return how many independent rows n rows of recurring groups are worth at least, (Σ r)²/Σ r².

    Source: Kish (1965), "Survey Sampling", §8.2, with correlation one inside a group.
    """
    sizes = np.bincount(groups).astype(np.float64)
    return float(sizes.sum() ** 2 / (sizes @ sizes)) if len(groups) else 0.0


def _shares(counts: Floats, rows: float) -> Floats:
    """Return shares with half an effective row in every bin, so that recurring rows do not thin it out."""
    share = counts / max(counts.sum(), 1.0)
    smoothed = share * max(rows, 1.0) + _HALF_A_ROW
    return np.asarray(smoothed / smoothed.sum())


def _edges(values: Floats) -> tuple[float, ...]:
    """Return upper ends of bins of about equal counts, frequent values in bins of their own.

    Where the least or the greatest value is frequent (zero, or a flag), what lies beyond it was never seen and has an
    empty bin of its own; in a tail something always lies beyond, so there the end is open.
    """
    known = np.sort(values[np.isfinite(values)])
    if not len(known):
        return ()
    least = _least(len(known))
    inner = np.unique(np.quantile(known, np.arange(1, MOST_BINS) / MOST_BINS, method="inverted_cdf"))
    # below a frequent value ends a bin too: zero, or a flag, is apart from what is smaller
    below = known[np.maximum(np.searchsorted(known, inner, side="left") - 1, 0)]
    ends = np.unique(np.concatenate([below[below < inner], inner[inner < known[-1]], known[:1]]))
    kept: list[float] = []
    done = 0
    for end, upto in zip(ends.tolist(), np.searchsorted(known, ends, side="right").tolist(), strict=True):
        if upto - done >= least and len(known) - upto >= least:
            kept.append(end)
            done = upto
    return (*_unseen(known, known[0], least, -np.inf), *kept, *_unseen(known, known[-1], least, np.inf))


def _unseen(known: Floats, end: float, least: int, beyond: float) -> tuple[float, ...]:
    """Return the edge of a bin for what lies beyond a frequent end of the reference, else nothing."""
    if np.count_nonzero(known == end) < max(least, _FREQUENT * len(known)):
        return ()
    return (float(end),) if beyond > 0.0 else (float(np.nextafter(end, beyond)),)


def _least(n: int) -> int:
    return max(int(np.ceil(_LEAST_SHARE * n)), _LEAST_ROWS)


def _frequent_levels(column: Column) -> tuple[str, ...]:
    counted = pc.value_counts(column.cast(pa.string()).drop_null())
    found = [(str(row["values"]), int(row["counts"])) for row in counted.to_pylist()]
    known = sum(n for _, n in found)
    frequent = [(name, n) for name, n in found if n >= _least(known)]
    return tuple(name for name, _ in sorted(frequent, key=lambda item: (-item[1], item[0]))[:MOST_BINS])


def _is_text(column: Column) -> bool:
    kind = column.type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind))


def _numbers(column: Column) -> Floats:
    return np.asarray(pc.fill_null(column.cast(pa.float64()), float("nan")), dtype=np.float64)
