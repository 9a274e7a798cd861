"""Complaints about a row of a table somebody brought: column, row and value are named."""

from __future__ import annotations

import pyarrow as pa

from alamo.domain.errors import InputError

HELP = "alamo analyze lifetime-value --help"


def refuse_row(column: str, values: pa.Array, row: int | None, complaint: str) -> None:
    """Raise an error that names `row`; None passes.

    Raises
    ------
    InputError
        If `row` is a row.
    """
    if row is None:
        return
    value = values[row].as_py()
    raise InputError(
        f"column {column!r}, row {row + 1}: {value!r} is {complaint}",
        hint=f"Rows are counted from 1 after the header. Correct the row or the options; see: {HELP}",
        code="lifetime.bad_value",
        details={"column": column, "row": row + 1, "value": str(value)},
    )
