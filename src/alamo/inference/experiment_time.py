"""The time column of an experiment file: what orders rows, and how many units come in a day."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.domain.errors import UsageError
from alamo.numerics.encoding import is_text
from alamo.numerics.text_dates import order_values

Floats = npt.NDArray[np.float64]

_LEAST_DAYS = 2.0


def times_of(table: pa.Table, column: str | None) -> tuple[Floats | None, bool]:
    """Return the times of the rows, shape (n,), NaN where missing, and whether they are days since 1970.

    Numbers order rows but are no days. `None` without a column.

    Raises
    ------
    UsageError
        If the column holds neither numbers nor dates in one form.
    """
    if column is None:
        return None, False
    values = table.column(column)
    times = order_values(values)
    if times is None or not np.isfinite(times).any():
        odd = next((str(value) for value in values.to_pylist() if value is not None), "nothing")
        raise UsageError(
            f"column {column!r} holds neither numbers nor dates in one form ({odd!r}), so rows cannot be ordered by it",
            hint="Write every date as 2024-12-31 or 2024-12-31 08:00, or leave out --time",
            code="usage.time_format",
            details={"column": column, "value": odd},
        )
    kind = values.type
    return times, bool(pa.types.is_date(kind) or pa.types.is_timestamp(kind) or is_text(kind))


def units_per_day(times: Floats | None, units: int) -> float | None:
    """Return how many units came in a day; None without dates, or where they span less than two days."""
    if times is None:
        return None
    known = times[np.isfinite(times)]
    whole = bool((known % 1.0 == 0.0).all())
    days = float(known.max() - known.min()) + (1.0 if whole else 0.0) if len(known) else 0.0
    return units / days if days >= _LEAST_DAYS else None
