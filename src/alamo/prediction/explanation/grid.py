"""The values of a column that a curve visits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.numerics.encoding import column_kind, numbers

Integers = npt.NDArray[np.int64]

_MOST_VALUES = 12
_QUANTILES = np.linspace(0.05, 0.95, 10)


@dataclass(frozen=True, slots=True)
class ColumnGrid:
    """Values that are found in a column.

    Attributes
    ----------
    values
        In order: numbers, dates and flags by size, text by frequency.
    nearest
        For each row the nearest of them (text: its own), −1 where there is none, shape (n,).
    ordered
        Whether "from the first to the last" means anything.
    """

    values: pa.Array
    nearest: Integers
    ordered: bool

    def __len__(self) -> int:
        return len(self.values)

    @classmethod
    def of(cls, column: pa.ChunkedArray) -> ColumnGrid:
        """Take all values of a column, ten quantiles of more than twelve numbers, or its twelve most frequent texts."""
        return _texts(column) if column_kind(column.type) == "text" else _numbers(column)


def _texts(column: pa.ChunkedArray) -> ColumnGrid:
    words = column.cast(pa.string())
    counts = pc.value_counts(words.drop_null())
    found = zip(counts.field("counts").to_pylist(), counts.field("values").to_pylist(), strict=True)
    frequent = sorted(found, key=lambda pair: (-pair[0], pair[1]))[:_MOST_VALUES]
    values = pa.array([level for _, level in frequent], pa.string())
    place = pc.fill_null(pc.index_in(words, value_set=values), -1)
    return ColumnGrid(values, np.asarray(place, dtype=np.int64), ordered=False)


def _numbers(column: pa.ChunkedArray) -> ColumnGrid:
    amounts = numbers(column)
    known = np.flatnonzero(np.isfinite(amounts))
    known = known[np.argsort(amounts[known], kind="stable")]
    rows = _first_of_each(amounts, known)
    if len(rows) > _MOST_VALUES:
        rows = _first_of_each(amounts, known[(_QUANTILES * (len(known) - 1)).astype(np.int64)])
    at = amounts[rows]
    nearest = np.searchsorted(0.5 * (at[1:] + at[:-1]), amounts)
    values = column.take(pa.array(rows)).combine_chunks()
    return ColumnGrid(values, np.where(np.isfinite(amounts), nearest, -1).astype(np.int64), ordered=True)


def _first_of_each(amounts: npt.NDArray[np.float64], rows: Integers) -> Integers:
    """Return the first of `rows` for each different amount, by size."""
    return rows[np.unique(amounts[rows], return_index=True)[1]]
