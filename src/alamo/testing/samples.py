"""Rows that keep a contract, for tests: what the column is, not what a customer would do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from alamo.domain.contracts import NUMBERS, TEXTS, Column
from alamo.domain.tables import CONTRACTS

_START = datetime(2026, 1, 1, tzinfo=UTC)


def sample_rows(table: str, n: int, /, first: int = 0, **columns: Sequence[Any] | Any) -> pa.Table:
    """Return `n` rows that keep the contract of `table`, numbered from `first`.

    Parameters
    ----------
    table
        Name of the table.
    n
        Number of rows.
    first
        Number of the first row; keys of rows with different numbers differ.
    **columns
        A constant, or a list of one value a row, of named (or, in open tables, further) columns.
    """
    contract = CONTRACTS[table]
    values: dict[str, pa.Array] = {}
    for column in contract.columns:
        given = columns.pop(column.name, None)
        numbered = column.name in contract.key and column.name not in contract.partition
        rows = [_value(column, i, numbered) for i in range(first, first + n)] if given is None else _spread(given, n)
        values[column.name] = pa.array(rows, column.type)
    further = {name: pa.array(_spread(given, n)) for name, given in columns.items()}
    return pa.table(values | further)


def _spread(given: Sequence[Any] | Any, n: int) -> list[Any]:
    return list(given) if isinstance(given, list) else [given] * n


def _value(column: Column, i: int, numbered: bool) -> Any:
    if column.nullable:
        return None
    if pa.types.is_list(column.type):
        return {TEXTS: ["none"], NUMBERS: [1.0]}[column.type]
    if pa.types.is_string(column.type):
        free = column.name.endswith("_id") or (numbered and not column.values)
        return f"{column.name}-{i:06}" if free else (*column.values, "x")[0]
    if pa.types.is_timestamp(column.type):
        return _START + timedelta(minutes=i)
    return False if pa.types.is_boolean(column.type) else max(column.minimum or 0, 1)
