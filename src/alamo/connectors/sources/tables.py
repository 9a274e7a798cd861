"""A whole table for `alamo analyze`: a file, or any object that hands over Arrow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from alamo.connectors.sources.decoding import TextBytes
from alamo.connectors.sources.delimited import BLOCK_BYTES, NULLS, read_header, wrong_width
from alamo.connectors.sources.opening import locate
from alamo.connectors.sources.parquet import is_parquet, parquet_files
from alamo.connectors.sources.text_columns import TextColumns, has_leading_zeros
from alamo.connectors.sources.whitespace import Layout, read_whitespace
from alamo.domain.errors import InputError, UsageError


def read_table(
    source: Any,
    *,
    layout: Mapping[str, Any] | Layout | None = None,
    text: TextColumns | None = None,
    delimiter: str | None = None,
    encoding: str = "utf-8",
    stdin: BinaryIO | None = None,
) -> pa.Table:
    """Return `source` as a typed table.

    Parameters
    ----------
    source
        A path (CSV or TSV, also gzip; Parquet, or a folder of Parquet files), ``-`` for standard input, or an object
        with the Arrow PyCapsule interface (a table of pyarrow, polars, pandas ≥ 3 or DuckDB).
    layout
        For a text file without header in columns of blanks: ``{"format": "whitespace", "columns": […]}``.
    text
        Columns of a text file that stay text; Parquet and Arrow tables keep the types they bring.

    Raises
    ------
    UsageError
        If there is no such file, or the object is no table.
    InputError
        If the file is empty, damaged, or a row has too many or too few fields.
    """
    if isinstance(source, pa.Table):
        table = source
    elif hasattr(source, "__arrow_c_stream__"):
        table = pa.table(source)
    elif isinstance(source, str | Path):
        table = _read_file(source, layout, text or TextColumns(), (delimiter, encoding), stdin)
    else:
        raise UsageError(
            f"cannot read a {type(source).__name__} as a table",
            hint="Give a path, or a table of pyarrow, polars, DuckDB, or pandas 3 (pandas 2: df.to_parquet(path)).",
            code="input.no_table",
        )
    return _plain(table)


def _read_file(
    source: str | Path,
    layout: Mapping[str, Any] | Layout | None,
    text: TextColumns,
    written: tuple[str | None, str],
    stdin: BinaryIO | None,
) -> pa.Table:
    if Path(source).is_dir() and (files := parquet_files(source)):
        parts = [_read_parquet(file, str(file)) for file in files]
        return pa.concat_tables(parts, promote_options="permissive")
    path, name, keep = locate(source, stdin)
    delimiter, encoding = written
    try:
        if layout is not None:
            return read_whitespace(path, name, Layout.parse(layout), encoding, text)
        if is_parquet(path):
            return _read_parquet(path, name)
        mark, header = read_header(path, name, encoding, delimiter)
        options = pa.csv.ConvertOptions(column_types=dict.fromkeys(text.labels, pa.string()))
        table = _read_delimited((path, name, encoding), mark, header, options)
        return _with_codes(table, (path, name, encoding), mark, text)
    finally:
        if keep is not None:
            keep.close()


def _read_parquet(path: Path, name: str) -> pa.Table:
    try:
        return pq.read_table(path, use_threads=False)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(
            f"{name}: the Parquet file is cut off or damaged ({error})",
            hint="Export or copy the file again, then repeat the command.",
            code="input.damaged_parquet",
            details={"file": name},
        ) from None


def _with_codes(table: pa.Table, file: tuple[Path, str, str], mark: str, text: TextColumns) -> pa.Table:
    """Return the table with absent labels as null, and with codes as text where numbers lost leading zeros."""
    suspects = [name for name in text.codes if name in table.column_names and _is_number(table.schema.field(name).type)]
    if suspects:
        options = pa.csv.ConvertOptions(column_types=dict.fromkeys(suspects, pa.string()), include_columns=suspects)
        again = _read_delimited(file, mark, tuple(table.column_names), options)
        codes = [name for name in suspects if has_leading_zeros(again[name])]
        for name in codes:
            table = table.set_column(table.schema.get_field_index(name), name, again[name])
    for name in {*text.labels, *suspects} & set(table.column_names):
        if pa.types.is_string(table.schema.field(name).type):
            table = table.set_column(table.schema.get_field_index(name), name, _absent_as_null(table[name]))
    return table


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _absent_as_null(values: pa.ChunkedArray) -> pa.ChunkedArray:
    absent = pc.is_in(pc.utf8_trim_whitespace(values), value_set=pa.array(NULLS))
    return pc.if_else(absent, pa.scalar(None, pa.string()), values)


def _read_delimited(
    file: tuple[Path, str, str], mark: str, header: tuple[str, ...], options: pa.csv.ConvertOptions
) -> pa.Table:
    path, name, encoding = file
    wrong: list[pa.csv.InvalidRow] = []

    def refuse(row: pa.csv.InvalidRow) -> str:
        wrong.append(row)
        return "error"

    try:
        table = pa.csv.read_csv(
            TextBytes(path, name, encoding),
            read_options=pa.csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES),
            parse_options=pa.csv.ParseOptions(delimiter=mark, newlines_in_values=True, invalid_row_handler=refuse),
            convert_options=options,
        )
    except pa.ArrowInvalid as error:
        raise _unreadable(name, wrong, str(error)) from None
    if not table.num_rows:
        raise InputError(
            f"{name} has a header but no rows",
            hint=f"Its columns are {', '.join(header)}. Check how the file was exported.",
            code="input.empty",
            details={"file": name},
        )
    return table


def _unreadable(name: str, wrong: list[pa.csv.InvalidRow], complaint: str) -> InputError:
    row = wrong[0].number if wrong else None
    return InputError(
        f"{name}, row {row} {wrong_width(wrong[0])}" if wrong else f"{name}: {complaint}",
        hint="Mend the row in the file; a text that holds the delimiter must stand in quotation marks.",
        code="input.unreadable_row",
        details={"file": name, "row": row},
    )


def _plain(table: pa.Table) -> pa.Table:
    """Return the table with dictionary and view encodings undone, so that rooms see few types."""
    fields = [pa.field(f.name, _plain_type(f.type)) for f in table.schema]
    return table.cast(pa.schema(fields))


def _plain_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return _plain_type(kind.value_type)
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    return pa.float64() if pa.types.is_decimal(kind) else kind
