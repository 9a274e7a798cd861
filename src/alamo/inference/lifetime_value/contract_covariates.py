"""Covariates of contracts from columns: numbers as they are, categories as 0/1 against the most frequent."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.errors import InputError, UsageError
from alamo.numerics.encoding import column_kind, numbers, texts

Floats = npt.NDArray[np.float64]

_LEVELS, _LEAST = 8, 50
_OTHER = "(other)"


def covariate_matrix(table: pa.Table, names: Sequence[str]) -> tuple[Floats, tuple[str, ...]]:
    """Return covariates, shape (n, d), and what each column is called.

    A text column becomes one column per level, ``plan=basic``, against its most frequent; levels after the eighth and
    levels of fewer than 50 customers are one. A missing text is a level of its own.

    Raises
    ------
    InputError
        If a number is missing: whether a missing number means anything is for whoever brings it to say.
    UsageError
        If a column cannot be a covariate.
    """
    blocks, found = [np.empty((table.num_rows, 0))], []
    for name in names:
        column = table.column(name)
        try:
            kind = column_kind(column.type)
        except TypeError:
            raise UsageError(
                f"covariate {name!r} holds {column.type}",
                hint="Name columns of numbers, flags or categories: --covariates COL",
                code="contracts.covariate_kind",
                details={"column": name, "type": str(column.type)},
            ) from None
        if kind == "text":
            block, called = _levels(name, texts(column))
        else:
            block, called = _finite(name, numbers(column))[:, None], [name]
        blocks.append(block)
        found += called
    return np.column_stack(blocks), tuple(found)


def _finite(name: str, values: Floats) -> Floats:
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        raise InputError(
            f"covariate {name!r} is missing in row {bad[0] + 1} ({len(bad):,} rows)",
            hint="Fill it in, add a column that says so, or leave it out: --covariates COL",
            code="contracts.missing_covariate",
            details={"column": name, "rows": [int(row) + 1 for row in bad[:50]]},
        )
    return values


def _levels(name: str, values: pa.ChunkedArray) -> tuple[Floats, list[str]]:
    counts = pc.value_counts(values)
    known = zip(counts.field("counts").to_pylist(), counts.field("values").to_pylist(), strict=True)
    ordered = sorted(known, key=lambda pair: (-pair[0], pair[1]))
    frequent = [level for count, level in ordered[:_LEVELS] if count >= _LEAST]
    place = np.asarray(pc.fill_null(pc.index_in(values, value_set=pa.array(frequent)), len(frequent)), dtype=np.int64)
    levels = [*frequent, *([_OTHER] if len(frequent) < len(ordered) else [])]
    matrix = np.equal.outer(place, np.arange(1, len(levels))).astype(np.float64)
    return matrix, [f"{name}={level}" for level in levels[1:]]
