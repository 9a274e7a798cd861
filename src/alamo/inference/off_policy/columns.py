"""Columns of a log as arrays: numbers, labels and units; rows that cannot be used are named."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.errors import InputError, UsageError
from alamo.numerics.encoding import column_kind, numbers
from alamo.numerics.moments import codes

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class BadRows:
    """Rows of a column that cannot be used.

    Attributes
    ----------
    column
        Its name.
    places
        Their positions, the first row being 0.
    first
        The first unusable value; NaN for a missing one.
    """

    column: str
    places: Integers
    first: float

    @classmethod
    def among(cls, bad: Bools, column: str, values: Floats) -> BadRows | None:
        """Return the rows that `bad` marks, or None where it marks none."""
        places = np.flatnonzero(bad)
        return cls(column, places, float(values[places[0]])) if len(places) else None

    @property
    def words(self) -> str:
        """What is wrong where: ``is 0 in row 3 (2 rows: 3, 17)``."""
        shown = ", ".join(str(place + 1) for place in self.places[:_SHOWN])
        more = " …" if len(self.places) > _SHOWN else ""
        seen = "missing" if math.isnan(self.first) else f"{self.first:g}"
        many = f" ({len(self.places):,} rows: {shown}{more})" if len(self.places) > 1 else ""
        return f"{seen} in row {self.places[0] + 1}{many}"

    @property
    def details(self) -> dict[str, Any]:
        """The same, machine-readable; rows count from 1."""
        return {"column": self.column, "rows": [int(place) + 1 for place in self.places[:50]]}


def number_column(table: pa.Table, name: str, role: str) -> Floats:
    """Return a numeric or 0/1 column, NaN for missing, shape (n,).

    Raises
    ------
    UsageError
        If it is a date, a time, text or nested.
    """
    kind = table.column(name).type
    try:
        usable = column_kind(kind) != "text" and not pa.types.is_temporal(kind)
    except TypeError:
        usable = False
    if not usable:
        seen = next((value for value in table.column(name).slice(0, 100).to_pylist() if value is not None), None)
        what = "a time" if pa.types.is_temporal(kind) else f"{kind}"
        raise UsageError(
            f"{role} column {name!r} is {what}, not a number (row 1: {str(seen)!r})",
            hint=f"Name a numeric column: --{'target' if role == 'target' else role} COL",
            code="policy.not_numeric",
            details={"column": name, "type": str(kind)},
        )
    return numbers(table.column(name))


def labels(table: pa.Table, name: str) -> tuple[Integers, tuple[str, ...]]:
    """Return the code of each row's label, shape (n,), and the labels in order, numbers by size.

    Raises
    ------
    InputError
        If a row has none.
    UsageError
        If the column is nested.
    """
    text = _text(table, name)
    missing = np.asarray(pc.is_null(text))
    bad = BadRows.among(missing, name, np.full(len(missing), np.nan))
    if bad:
        raise InputError(
            f"column {name!r} is {bad.words}: every decision needs a value in it",
            hint="Fill in or leave out these rows, then: alamo analyze policy FILE",
            code="policy.label",
            details=bad.details,
        )
    found = sorted(pc.unique(text).to_pylist(), key=lambda label: (isinstance(plain(label), str), plain(label)))
    return np.asarray(pc.index_in(text, value_set=pa.array(found)), dtype=np.int64), tuple(found)


def units(table: pa.Table, name: str | None) -> Integers | None:
    """Return the code of each row's unit, shape (n,); None where every row is one of its own.

    Raises
    ------
    InputError
        If no row names one.
    UsageError
        If the column is nested.
    """
    if name is None:
        return None
    text = _text(table, name)
    if text.null_count == len(text):
        raise InputError(
            f"column {name!r} is missing in every row (from row 1 on): no row names its unit",
            hint="Name the column whose values are independent, or none: --unit COL",
            code="policy.unit",
            details={"column": name},
        )
    encoded = pc.dictionary_encode(text.combine_chunks())
    indices = np.asarray(pc.fill_null(encoded.indices, -1), dtype=np.int64)
    alone = len(encoded.dictionary) + np.arange(len(indices))  # a row without a name is a unit of its own
    unit, n_units = codes(np.where(indices < 0, alone, indices))
    return None if n_units == len(unit) else unit


def _text(table: pa.Table, name: str) -> pa.ChunkedArray:
    """Return a column of names as text; NaN is missing, as null is."""
    column = table.column(name)
    if pa.types.is_nested(column.type):
        raise UsageError(
            f"column {name!r} is {column.type}, not a name or a number (row 1: {str(column[0].as_py())!r})",
            hint="Give one value per row: alamo analyze policy FILE",
            code="policy.nested",
            details={"column": name, "type": str(column.type)},
        )
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    return column.cast(pa.string())


def plain(label: str) -> float | str:
    """Return a label without its spelling, so that ``P_14`` belongs to the action ``14.0``."""
    try:
        value = float(label)
    except ValueError:
        return label.strip()
    return value if math.isfinite(value) else label.strip()
