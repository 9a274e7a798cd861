"""What an import passes along: a stream of rows in, normalised rows and quarantined rows out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.measurement.importing.mapping import ResolvedMapping

Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]

QUARANTINE = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),
        pa.field("field", pa.string()),
        pa.field("value", pa.string()),
        pa.field("reason", pa.string(), nullable=False),
    ]
)
"""A row put aside: its number in the file, the field and value at fault, and why."""


class BadRow(Protocol):
    """A row the source could not cut into fields."""

    @property
    def number(self) -> int:
        """Number of the row in the file."""
        ...

    @property
    def reason(self) -> str:
        """Why."""
        ...


class SourceRows(Protocol):
    """A batch of rows with their numbers in the file."""

    @property
    def data(self) -> pa.RecordBatch:
        """The rows."""
        ...

    @property
    def numbers(self) -> Numbers:
        """Number of each row, shape (n,)."""
        ...

    @property
    def bad(self) -> Sequence[BadRow]:
        """Rows that could not be cut into fields."""
        ...


class SourceStream(Protocol):
    """A file that can be read more than once."""

    @property
    def name(self) -> str:
        """What to call it in messages."""
        ...

    @property
    def header(self) -> tuple[str, ...]:
        """Column names."""
        ...

    def __iter__(self) -> Iterator[SourceRows]:
        """Read it from the beginning."""
        ...

    def scan(self) -> Iterator[SourceRows]:
        """Read it from the beginning without reporting progress."""
        ...


@dataclass(frozen=True, slots=True)
class ImportContext:
    """What the rows do not say themselves.

    Attributes
    ----------
    source
        Logical source, such as ``orders:shop``; its rows are replaced as one.
    currency
        Of the project (ISO 4217).
    time_zone
        IANA name for times without an offset, unless the mapping says otherwise.
    received_at
        When the rows came in (UTC).
    """

    source: str
    currency: str
    time_zone: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Normalised:
    """What became of one batch.

    Attributes
    ----------
    table
        Table the rows belong to: ``events``, ``customers`` or ``experiment``.
    rows
        Accepted rows under that table's schema.
    numbers
        Row number of each in the file, shape (n,).
    quarantined
        The others (`QUARANTINE`), in the order of the file.
    """

    table: str
    rows: pa.RecordBatch
    numbers: Numbers
    quarantined: pa.RecordBatch


class Fields:
    """Reads the fields of one batch through a mapping."""

    def __init__(self, data: pa.RecordBatch, mapping: ResolvedMapping) -> None:
        self._data, self._mapping = data, mapping
        self.n = data.num_rows

    def raw(self, name: str) -> pa.Array | None:
        """Return the values as they stand in the file, or None for a field that is not there."""
        if name in self._mapping.columns:
            return _decoded(self._data.column(self._mapping.columns[name]))
        if name in self._mapping.constants:
            return pa.repeat(self._mapping.constants[name], self.n)
        return None

    def text(self, name: str) -> pa.Array:
        """Return the values as text without blanks around them; null where there is nothing."""
        values = self.raw(name)
        return pa.nulls(self.n, pa.string()) if values is None else as_text(values)

    def unmapped(self) -> Mapping[str, pa.Array]:
        """Return the columns no field takes."""
        return {name: _decoded(self._data.column(name)) for name in self._mapping.unmapped}


def _decoded(values: pa.Array) -> pa.Array:
    return values.dictionary_decode() if pa.types.is_dictionary(values.type) else values


def as_text(values: pa.Array) -> pa.Array:
    """Return any column as trimmed text; whole numbers lose their ``.0``, empty text and NaN are null."""
    if pa.types.is_floating(values.type):
        known = pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
        whole = pc.all(pc.and_(pc.is_finite(known), pc.equal(known, pc.floor(known))), min_count=0).as_py()
        return known.cast(pa.int64() if whole else known.type).cast(pa.string())
    if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
        return values.cast(pa.string())
    text = pc.utf8_trim_whitespace(values.cast(pa.string()))
    empty = pc.equal(text, "")
    return pc.if_else(empty, pa.scalar(None, pa.string()), text) if pc.any(empty).as_py() else text


def flags(mask: pa.Array | pa.ChunkedArray) -> Mask:
    """Return a boolean column as a NumPy mask; null counts as False."""
    return np.asarray(pc.fill_null(mask, False)).astype(bool)


class Inspection:
    """Sorts the rows of one batch into accepted and quarantined; the first complaint about a row counts."""

    def __init__(self, numbers: Numbers, bad: Sequence[BadRow] = ()) -> None:
        self.accepted: Mask = np.ones(len(numbers), dtype=bool)
        self._numbers = numbers
        self._found: list[pa.RecordBatch] = []
        if bad:
            rows = [{"row": row.number, "reason": row.reason} for row in bad]
            self._found.append(pa.RecordBatch.from_pylist(rows, schema=QUARANTINE))

    def reject(self, mask: Mask, field: str, reason: str, values: pa.Array | None = None) -> None:
        """Quarantine the rows of `mask` that are still accepted; `values` are shown beside the reason."""
        fresh = mask & self.accepted
        if not fresh.any():
            return
        self.accepted &= ~fresh
        rows = np.flatnonzero(fresh)
        shown = pa.nulls(len(rows), pa.string()) if values is None else values.take(pa.array(rows)).cast(pa.string())
        self._found.append(
            pa.RecordBatch.from_arrays(
                [
                    pa.array(self._numbers[rows]),
                    pa.repeat(field, len(rows)),
                    shown,
                    pa.repeat(reason, len(rows)),
                ],
                schema=QUARANTINE,
            )
        )

    def finish(self, table: str, columns: Mapping[str, Any], schema: pa.Schema) -> Normalised:
        """Return the accepted rows under `schema` (absent columns are null) and the quarantined ones in row order."""
        n = len(self._numbers)
        arrays = [columns[f.name].cast(f.type) if f.name in columns else pa.nulls(n, f.type) for f in schema]
        rows = pa.RecordBatch.from_arrays(arrays, schema=schema)
        numbers = self._numbers
        if not self.accepted.all():
            rows, numbers = rows.filter(pa.array(self.accepted)), numbers[self.accepted]
        return Normalised(table, rows, numbers, self._quarantined())

    def _quarantined(self) -> pa.RecordBatch:
        if not self._found:
            return pa.RecordBatch.from_pylist([], schema=QUARANTINE)
        found = pa.Table.from_batches(self._found, schema=QUARANTINE).sort_by("row").combine_chunks()
        return found.to_batches()[0]
