"""Columns of a table as arrays: numbers with NaN for missing, or level codes; what cannot be learnt from is named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.numerics.encoding import is_text, numbers
from alamo.numerics.text_dates import text_days

Floats = npt.NDArray[np.float64]
Values = npt.NDArray[Any]
"""Numbers (float64) or level codes (int32) of one column."""
Kind = Literal["number", "date", "level"]

MOST_LEVELS = 50_000
_ABSENT = ("", "na", "n/a", "nan", "null", "none", "?", "-")
_KEY_WORDS = ("id", "uuid", "guid", "key", "number", "nr", "no", "code", "index", "row", "rowid", "row_number")
_KEY_ENDINGS = ("_id", "_uuid", "_guid", "_key", "_nr", "_number", "_no")


@dataclass(frozen=True, slots=True)
class ColumnReader:
    """How one column is read, learnt once.

    Attributes
    ----------
    levels
        Of a column of levels: the known ones, most frequent first, at most 50,000. Their places are the codes; after
        them come "any other" and, last, "missing".
    """

    name: str
    kind: Kind
    levels: tuple[str, ...] = ()

    @property
    def other(self) -> int:
        """Code of a level that is not among `levels`."""
        return len(self.levels)

    @property
    def missing(self) -> int:
        """Code of a missing level."""
        return len(self.levels) + 1

    def read(self, table: pa.Table) -> Values:
        """Return the column of `table`, shape (n,); all missing where it is absent or holds something else."""
        if self.name not in table.column_names:
            return self._nothing(table.num_rows)
        column = table.column(self.name)
        if self.kind != "level":
            found = _numbers(column) if self.kind == "number" else _days(column)
            return self._nothing(table.num_rows) if found is None else found
        known = pc.index_in(_labels(column), value_set=pa.array(self.levels, pa.string()))
        absent = np.asarray(pc.is_null(_labels(column)))
        codes = np.asarray(pc.fill_null(known, self.other), dtype=np.int32)
        return np.where(absent, np.int32(self.missing), codes)

    def _nothing(self, n: int) -> Values:
        return np.full(n, self.missing, np.int32) if self.kind == "level" else np.full(n, np.nan)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A column that is not learnt from.

    Attributes
    ----------
    identifier
        Whether it names the row.
    """

    name: str
    why: str
    identifier: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the entry as it stands in ``--json``."""
        return {"column": self.name, "why": self.why}


@dataclass(frozen=True, slots=True)
class Chosen:
    """Readers of the columns that can be learnt from, and the others."""

    readers: tuple[ColumnReader, ...]
    left_out: tuple[LeftOut, ...]

    def read(self, table: pa.Table) -> list[Values]:
        """Return the values of every reader's column."""
        return [reader.read(table) for reader in self.readers]


def choose_columns(table: pa.Table, names: Sequence[str]) -> Chosen:
    """Decide how each column of `names` is read, or why it is not."""
    found = [_reader(name, table.column(name)) for name in names]
    return Chosen(
        tuple(item for item in found if isinstance(item, ColumnReader)),
        tuple(item for item in found if isinstance(item, LeftOut)),
    )


def _reader(name: str, column: pa.ChunkedArray) -> ColumnReader | LeftOut:
    kind = column_kind(name, column)
    if kind is None:
        return LeftOut(name, f"a column of {column.type} cannot be learnt from")
    if column.null_count == len(column):
        return LeftOut(name, "it is empty")
    if kind != "level":
        values = ColumnReader(name, kind).read(pa.table({name: column}))
        return _judged_numbers(name, kind, values, column)
    labels = _labels(column)
    counts = pc.value_counts(labels.drop_null())
    size, rows = len(counts), len(labels) - labels.null_count
    if size + (labels.null_count > 0) < 2:
        return LeftOut(name, "it is the same in every row")
    if rows >= 20 and size > 0.5 * rows:
        return LeftOut(name, f"it names the row: {size:,} different values in {rows:,} rows", identifier=True)
    order = sorted(
        zip(counts.field("counts").to_pylist(), counts.field("values").to_pylist(), strict=True),
        key=lambda pair: (-pair[0], pair[1]),
    )
    return ColumnReader(name, "level", tuple(level for _, level in order[:MOST_LEVELS]))


def _judged_numbers(name: str, kind: Kind, values: Values, column: pa.ChunkedArray) -> ColumnReader | LeftOut:
    known = values[np.isfinite(values)]
    if not len(known):
        return LeftOut(name, "it is empty")
    if len(known) == len(values) and known.min() == known.max():
        return LeftOut(name, "it is the same in every row")
    whole = kind == "number" and not pa.types.is_floating(column.type) and bool((known == np.round(known)).all())
    if whole and len(known) >= 20 and _is_key(name, known):
        return LeftOut(name, "it names the row: whole numbers that are all different", identifier=True)
    return ColumnReader(name, kind)


def _is_key(name: str, known: Floats) -> bool:
    """Say whether whole numbers name rows: all different, and called a key or counting through."""
    distinct = len(np.unique(known))
    if distinct <= 0.999 * len(known):
        return False
    return _called_key(name) or bool(known.max() - known.min() + 1 <= 3 * len(known))


def _called_key(name: str) -> bool:
    word = name.lower().replace("-", "_").replace(" ", "_").strip("_")
    return word in _KEY_WORDS or word.endswith(_KEY_ENDINGS) or (name.endswith(("ID", "Id")) and len(name) > 2)


def column_kind(name: str, column: pa.ChunkedArray) -> Kind | None:
    """Return how a column is read; None where it cannot be."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return "level"
    if is_text(kind):
        if _numbers(column) is not None:
            return "number"
        return "date" if text_days(column) is not None else "level"
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return "date"
    if pa.types.is_integer(kind) and _called_key(name):  # a shop's or an agent's number is a name, not a size
        repeats = len(column) / max(pc.count_distinct(column).as_py(), 1)
        return "level" if repeats >= 3.0 else "number"
    plain = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    return "number" if plain or pa.types.is_decimal(kind) else None


def _labels(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column as trimmed text, with words for "absent" as null."""
    text = pc.utf8_trim_whitespace(column.cast(pa.string()))
    return pc.if_else(pc.is_in(pc.utf8_lower(text), value_set=pa.array(_ABSENT)), pa.scalar(None, pa.string()), text)


def _numbers(column: pa.ChunkedArray) -> Floats | None:
    """Return a column as finite floats with NaN for missing; None where it holds anything else."""
    if is_text(column.type) or pa.types.is_dictionary(column.type):
        labels = _labels(column)
        try:
            column = labels.cast(pa.float64())
        except pa.ArrowInvalid:
            return None
        if column.null_count == len(column):
            return None
    values = numbers(column)
    return np.where(np.isfinite(values), values, np.nan)


def _days(column: pa.ChunkedArray) -> Floats | None:
    return text_days(column) if is_text(column.type) else numbers(column)
