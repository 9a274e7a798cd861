"""Columns that a user names have to be there."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

import pyarrow as pa

from alamo.domain.errors import UsageError


def require_columns(table: pa.Table, names: Iterable[str | None]) -> None:
    """Raise `UsageError` with the nearest names if `table` lacks a column; names that are empty ask for nothing.

    Raises
    ------
    UsageError
        For the first column that does not exist.
    """
    for name in names:
        if name and name not in table.column_names:
            near = difflib.get_close_matches(name, table.column_names, n=3, cutoff=0.4)
            raise UsageError(
                f"there is no column {name!r}",
                hint=f"Did you mean {' or '.join(near)}?" if near else f"Columns: {', '.join(table.column_names)}.",
                code="analyze.unknown_column",
                details={"column": name, "near": near},
            )
