"""Column screening from cells: the tests of `alamo.numerics.screening` on columns of few values, from counts and sums.

Assumes one chance of each arm for every row. The answers are those of the rows, with one exception: whether a number's
sign repeats an outcome's is asked only where the outcome is never negative (its cells do not count signs).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.numerics.cell_sums import CellSums, quantiles
from alamo.numerics.encoding import column_kind, numbers, texts
from alamo.numerics.laws import chi_square_tail
from alamo.numerics.moments import codes, sums_by
from alamo.numerics.screening import Screening

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_MOST_BINS, _COPY_BINS = 10, 50
_COPY = 0.9
_LEAST_PER_CELL = 5.0
_LEAST_ROWS = 20
_NAMING, _MANY = ("id", "uuid", "guid"), ("_id", "_uuid", "_guid", "_key")


@dataclass(frozen=True, slots=True)
class CellDesign:
    """How the arms of the cells were drawn.

    Attributes
    ----------
    arm
        Index of each cell's arm, shape (n_cells,).
    rows
        Rows of each cell, shape (n_cells,).
    shares
        Chance of every arm, shape (n_arms,).
    known
        Whether it was given; False: estimated from these rows.
    """

    arm: Integers
    rows: Floats
    shares: Floats
    known: bool

    def counts(self, place: Integers, n_bins: int) -> Floats:
        """Return the rows by bin and arm, shape (n_bins, n_arms), of cells in the bins `place`."""
        k = len(self.shares)
        return sums_by(place * k + self.arm, self.rows, n_bins * k).reshape(n_bins, k)


def screen_cells(
    columns: Mapping[str, pa.ChunkedArray],
    design: CellDesign,
    outcomes: Mapping[str, CellSums],
    *,
    alpha: float = 0.01,
) -> Screening:
    """Sort `columns`, one value per cell, into features and others; see `alamo.numerics.screening.screen_columns`."""
    dropped: dict[str, str] = {}
    for name, column in columns.items():
        reason = _reason((name, column), design, outcomes, alpha / max(len(columns), 1))
        if reason:
            dropped[name] = reason
    return Screening(kept=tuple(name for name in columns if name not in dropped), dropped=dropped)


def difference_p_value(counts: Floats, shares: Floats, *, known: bool) -> float:
    """Return the p-value of "the arms do not differ between the bins", by a chi-square test on `counts` (bins, arms).

    Bins with fewer than five rows expected in an arm are left out; estimated shares cost one bin's degrees of freedom.
    """
    sizes = counts.sum(axis=1)
    thick = (np.outer(sizes, shares) >= _LEAST_PER_CELL).all(axis=1)
    expected = np.outer(sizes[thick], shares)
    statistic = float(((counts[thick] - expected) ** 2 / expected).sum())
    freedom = (int(thick.sum()) - (not known)) * (len(shares) - 1)
    return chi_square_tail(statistic, freedom) if freedom > 0 else 1.0


def _reason(
    named: tuple[str, pa.ChunkedArray], design: CellDesign, outcomes: Mapping[str, CellSums], alpha: float
) -> str:
    name, column = named
    words = texts(column)
    level, n_levels = _codes_of(words)
    seen = np.asarray(pc.is_valid(column))
    if not seen.any():
        return "cannot be used as a feature (dates, nested values or nothing in it)"
    if n_levels < 2:
        return "is the same in every row"
    if _names_rows(name, column, float(design.rows[seen].sum())):
        return "looks like an identifier"
    for outcome, sums in outcomes.items():
        if _is_near_copy(column, level, design.rows, sums):
            return f"is a near copy of the outcome {outcome!r}"
    place, n_bins = _bins(column, level, design.rows, _MOST_BINS)
    p_value = difference_p_value(design.counts(place, n_bins), design.shares, known=design.known)
    if p_value < alpha:
        return (
            f"differs between the arms beyond chance (p = {p_value:.1e}): it was known only after the draw (a leak), "
            "or the arms were not drawn at random"
        )
    return ""


def _codes_of(words: pa.ChunkedArray) -> tuple[Integers, int]:
    return codes(words.to_numpy())


def _names_rows(name: str, column: pa.ChunkedArray, rows: float) -> bool:
    """Say whether a column names the row or the unit; see `alamo.numerics.screening.is_identifier`."""
    if rows < _LEAST_ROWS or pa.types.is_floating(column.type) or pa.types.is_decimal(column.type):
        return False
    distinct = int(pc.count_distinct(column).as_py())
    word = name.lower().replace("-", "_").replace(" ", "_")
    if distinct > 50 and (word in _NAMING or word.endswith(_MANY)):
        return True
    return distinct > (0.5 if column_kind(column.type) == "text" else 0.999) * rows


def _is_near_copy(column: pa.ChunkedArray, level: Integers, rows: Floats, sums: CellSums) -> bool:
    if column_kind(column.type) == "text":
        place, n_bins = _bins(column, level, rows, _COPY_BINS)
        return _explained(sums.grouped(place, n_bins)) >= _COPY**2
    x = numbers(column)
    known = np.isfinite(x) & (sums.n > 0.0)
    x, part = x[known], sums.take(np.flatnonzero(known))
    share = part.nonzero / part.n
    flags = CellSums(part.n, share, part.n * share * (1.0 - share), part.nonzero, part.least, part.most)
    pairs = [(x, part), ((x != 0.0).astype(np.float64), flags)]
    if len(part) and part.least.min() >= 0.0:
        pairs.append(((x > 0.0).astype(np.float64), flags))
    return any(abs(_correlation(values, y)) >= _COPY for values, y in pairs)


def _correlation(x: Floats, y: CellSums) -> float:
    """Return the correlation over rows of a number that is constant in each cell with one whose sums are known."""
    n = float(y.n.sum())
    if n < 3.0:
        return 0.0
    whole = y.grouped(np.zeros(len(y), dtype=np.int64), 1)
    dx = x - float(y.n @ x) / n
    scale = float(np.sqrt((y.n @ dx**2) * whole.scatter[0]))
    return float((y.n * dx) @ (y.mean - whole.mean[0])) / scale if scale > 0.0 else 0.0


def _explained(groups: CellSums) -> float:
    """Return the share of the outcome's variance between groups (adjusted for their number)."""
    whole = groups.grouped(np.zeros(len(groups), dtype=np.int64), 1)
    n, total = float(whole.n[0]), float(whole.scatter[0])
    if total <= 0.0:
        return 0.0
    return 1.0 - float(groups.scatter.sum()) / max(n - int((groups.n > 0.0).sum()), 1.0) / (total / n)


def _bins(column: pa.ChunkedArray, level: Integers, rows: Floats, most: int) -> tuple[Integers, int]:
    """Return a bin per cell: quantile bins of the rows, or frequent levels, rare levels together, missing apart."""
    raw = level
    if column_kind(column.type) != "text":
        values = numbers(column)
        known = np.isfinite(values) & (rows > 0.0)
        edges = np.unique(quantiles(values[known], rows[known], np.linspace(0.0, 1.0, most)[1:-1]))
        raw = np.searchsorted(edges, values, side="left") + np.searchsorted(edges, values, side="right")
        raw = np.where(np.isnan(values), 2 * len(edges) + 1, raw).astype(np.int64)
    counts = sums_by(raw, rows, int(raw.max(initial=0)) + 1)
    frequent = np.argsort(-counts, kind="stable")[: most - 1]
    place = np.full(len(counts), min(most - 1, len(frequent)), dtype=np.int64)
    place[frequent] = np.arange(len(frequent))
    return place[raw], int(place.max(initial=0)) + 1
