"""What explanations ask a prediction about: rows held out, and rows whose columns come from different rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Effect = Callable[[pa.Table], Floats]
"""From a table (n rows) to the effect of every action, shape (n, k)."""


@dataclass(frozen=True, slots=True)
class ScoredRows:
    """Rows that were held out.

    Attributes
    ----------
    table
        The columns that the effect looks at, n rows.
    score
        Γ(a) − Γ(none), shape (n, k).
    group
        Group that variances go by, shape (n,).
    """

    table: pa.Table
    score: Floats
    group: Integers


def mixed(table: pa.Table, source: Mapping[str, Integers]) -> pa.Table:
    """Return a table whose column ``name`` is that of `table` at the rows ``source[name]``."""
    return pa.table({name: table.column(name).take(pa.array(rows)) for name, rows in source.items()})


def one_replaced(table: pa.Table, columns: Sequence[str], column: str, rows: Integers) -> pa.Table:
    """Return `columns` of `table` with `column` taken at `rows` instead, shape of `table`."""
    moved = table.column(column).take(pa.array(rows))
    return pa.table({name: moved if name == column else table.column(name) for name in columns})
