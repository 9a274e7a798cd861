"""From columns of a table to a design matrix: numbers, flags, and frequent levels of text.

What a column becomes is learnt once (`FeatureEncoder.fit`) and then frozen, so that training, scoring and a replay
see the same matrix; the encoder goes into the model's file as plain JSON.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Floats = npt.NDArray[np.float64]
Kind = Literal["number", "flag", "text"]

MAX_LEVELS = 12
"""Levels of a text column that get a column of their own; all others share one."""
MISSING_LEVEL = "(missing)"
OTHER_LEVEL = "(other)"
_SKEWED = 1.0
_CLIP_SD = 6.0
_DAY_US = 86_400_000_000.0


@dataclass(frozen=True, slots=True)
class EncodedColumn:
    """What one column of a table becomes.

    Attributes
    ----------
    name, kind
        The column and how it is read; a date or time is a number of days since 1970.
    levels
        Text: the levels with a column of their own, most frequent first.
    scale
        Number: adds asinh(value / scale); 0 adds nothing.
    fill
        Number or flag: what a missing value becomes in a linear encoding.
    missing
        Number or flag, linear encoding: whether a column says that the value is missing.
    """

    name: str
    kind: Kind
    levels: tuple[str, ...] = ()
    scale: float = 0.0
    fill: float = 0.0
    missing: bool = False

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the columns of the design matrix."""
        if self.kind == "text":
            return tuple(f"{self.name}={level}" for level in (*self.levels, OTHER_LEVEL))
        copies = (f"asinh({self.name})",) if self.scale else ()
        return (self.name, *copies, *((f"{self.name} missing",) if self.missing else ()))


@dataclass(frozen=True, slots=True)
class FeatureEncoder:
    """A frozen map from columns to a float64 matrix.

    Attributes
    ----------
    columns
        One entry per encoded column; columns that never vary are left out.
    linear
        False: missing numbers stay NaN (for trees). True: imputed by the median, standardised, clipped to six
        standard deviations, with a column that marks what was missing (for linear models and networks).
    centre, spread
        Means and standard deviations of the outputs, shape (d,); empty unless `linear`.
    """

    columns: tuple[EncodedColumn, ...]
    linear: bool = False
    centre: tuple[float, ...] = ()
    spread: tuple[float, ...] = ()

    @classmethod
    def fit(cls, table: pa.Table, columns: Iterable[str], *, linear: bool = False) -> FeatureEncoder:
        """Learn levels, scales and (linear) standardisation from `table`.

        Raises
        ------
        KeyError
            If `table` lacks a column.
        TypeError
            If a column is neither number, date, flag nor text.
        """
        found = (_fit_column(name, table.column(name), linear) for name in columns)
        raw = cls(columns=tuple(column for column in found if column is not None), linear=False)
        if not linear:
            return raw
        matrix = raw._filled(table)
        spread = matrix.std(axis=0) if len(matrix) else np.ones(matrix.shape[1])
        centre = matrix.mean(axis=0) if len(matrix) else np.zeros(matrix.shape[1])
        return cls(raw.columns, True, tuple(centre.tolist()), tuple(np.where(spread > 0.0, spread, 1.0).tolist()))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the outputs, in the order of the matrix's columns."""
        return tuple(name for column in self.columns for name in column.outputs)

    def transform(self, table: pa.Table) -> Floats:
        """Return the design matrix of `table`, shape (n, d), C-contiguous.

        Raises
        ------
        KeyError
            If `table` lacks a column the encoder was fitted on.
        """
        if not self.linear:
            return self._stack(table, fill=False)
        standard = (self._filled(table) - np.asarray(self.centre)) / np.asarray(self.spread)
        return np.clip(standard, -_CLIP_SD, _CLIP_SD)

    def to_dict(self) -> dict[str, Any]:
        """Return the encoder as JSON-able values."""
        return {
            "columns": [asdict(column) | {"levels": list(column.levels)} for column in self.columns],
            "linear": self.linear,
            "centre": list(self.centre),
            "spread": list(self.spread),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> FeatureEncoder:
        """Return the encoder that `to_dict` wrote."""
        return cls(
            columns=tuple(
                EncodedColumn(**{**column, "levels": tuple(column["levels"])}) for column in values["columns"]
            ),
            linear=bool(values["linear"]),
            centre=tuple(values["centre"]),
            spread=tuple(values["spread"]),
        )

    def _filled(self, table: pa.Table) -> Floats:
        return self._stack(table, fill=True)

    def _stack(self, table: pa.Table, *, fill: bool) -> Floats:
        matrix = np.empty((table.num_rows, len(self.names)), dtype=np.float64)
        at = 0
        for column in self.columns:
            known = column.name in table.column_names
            values = table.column(column.name) if known else _absent(column, table.num_rows)
            block = _encode(column, values, fill)
            matrix[:, at : at + block.shape[1]] = block
            at += block.shape[1]
        return matrix


def _absent(column: EncodedColumn, n: int) -> pa.ChunkedArray:
    """Return a column of nulls for a feature that a table lacks, as later tables may lack those of an experiment."""
    return pa.chunked_array([pa.nulls(n, pa.string() if column.kind == "text" else pa.float64())])


def column_kind(type_: pa.DataType) -> Kind:
    """Return how a column of this Arrow type is read.

    Raises
    ------
    TypeError
        If it is neither number, date, flag nor text.
    """
    if pa.types.is_dictionary(type_):
        return column_kind(type_.value_type)
    if pa.types.is_boolean(type_):
        return "flag"
    if is_text(type_):
        return "text"
    if any(
        test(type_)
        for test in (
            pa.types.is_integer,
            pa.types.is_floating,
            pa.types.is_decimal,
            pa.types.is_date,
            pa.types.is_timestamp,
        )
    ):
        return "number"
    raise TypeError(f"a column of type {type_} is neither a number, a date, a flag nor text")


def is_text(type_: pa.DataType) -> bool:
    """Say whether an Arrow type is text, as it stands or as a dictionary of text."""
    if pa.types.is_dictionary(type_):
        return is_text(type_.value_type)
    return bool(pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_))


def numbers(values: pa.ChunkedArray | pa.Array) -> Floats:
    """Return a number, date or flag column as float64 with NaN for null, shape (n,); dates in days since 1970."""
    if pa.types.is_date(values.type):
        values = values.cast(pa.timestamp("us"))
    if pa.types.is_timestamp(values.type):
        micros = values.cast(pa.timestamp("us", tz=values.type.tz), safe=False).cast(pa.int64())
        return numbers(micros) / _DAY_US
    floats = values.cast(pa.float64(), safe=False)
    return np.asarray(pc.fill_null(floats, float("nan")), dtype=np.float64)


def texts(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a text column as plain strings, null as `MISSING_LEVEL`."""
    return pc.fill_null(values.cast(pa.string()), MISSING_LEVEL)


def _fit_column(name: str, values: pa.ChunkedArray, linear: bool) -> EncodedColumn | None:
    kind = column_kind(values.type)
    if kind == "text":
        return _fit_text(name, texts(values))
    data = numbers(values)
    known = data[np.isfinite(data)]
    gaps = len(known) < len(data)
    if not len(known) or (not gaps and known.min() == known.max()):
        return None
    return EncodedColumn(
        name,
        kind,
        scale=_asinh_scale(known) if kind == "number" else 0.0,
        fill=float(np.median(known)),
        missing=linear and gaps,
    )


def _fit_text(name: str, values: pa.ChunkedArray) -> EncodedColumn | None:
    counts = pc.value_counts(values)
    levels = sorted(
        zip(counts.field("counts").to_pylist(), counts.field("values").to_pylist(), strict=True),
        key=lambda pair: (-pair[0], pair[1]),
    )
    if len(levels) < 2:
        return None
    return EncodedColumn(name, "text", levels=tuple(level for _, level in levels[:MAX_LEVELS]))


def _asinh_scale(known: Floats) -> float:
    """Return the scale of the asinh copy of a skewed column, 0 where it is not skewed or has two values only."""
    spread = known.std()
    z = (known - known.mean()) / (spread or 1.0)
    if spread == 0.0 or abs(np.mean(z * z * z)) <= _SKEWED:
        return 0.0
    if len(np.unique(known[:1000])) <= 2 and len(np.unique(known)) <= 2:
        return 0.0
    return float(np.median(np.abs(known[known != 0.0])))


def _encode(column: EncodedColumn, values: pa.ChunkedArray, fill: bool) -> Floats:
    if column.kind == "text":
        index = pc.index_in(texts(values), value_set=pa.array(column.levels, pa.string()))
        place = np.asarray(pc.fill_null(index, len(column.levels)), dtype=np.int64)
        return np.equal.outer(place, np.arange(len(column.levels) + 1)).astype(np.float64)
    data = numbers(values)
    gaps = ~np.isfinite(data)
    data = np.where(gaps, column.fill if fill else np.nan, data)
    parts = [data]
    if column.scale:
        parts.append(np.arcsinh(data / column.scale))
    if column.missing:
        parts.append(gaps.astype(np.float64))
    return np.column_stack(parts)
