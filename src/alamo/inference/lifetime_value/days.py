"""Turns a column of times of any kind into days, in UTC."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.errors import UsageError
from alamo.inference.lifetime_value.bad_rows import refuse_row
from alamo.numerics.days import iso_days, whole_days, written_days

Days = npt.NDArray[np.int64]


def days_of(values: pa.Array, column: str, time_format: str | None) -> Days:
    """Return days since 1970-01-01, shape (n,); a time without a zone is taken as UTC.

    Parameters
    ----------
    values
        Dates, timestamps, or text (numbers too, if a format is given).
    time_format
        As for `strptime`; None reads ISO 8601.

    Raises
    ------
    UsageError
        If the type cannot hold times.
    InputError
        Naming the first row that is no time.
    """
    if values.null_count:
        refuse_row(column, values, _first_false(pc.is_valid(values)), "no time")
    if pa.types.is_timestamp(values.type) or pa.types.is_date(values.type):
        return whole_days(values)
    if time_format is None and not pa.types.is_string(values.type):
        raise UsageError(
            f"column {column!r} holds {values.type} and no times",
            hint="Say how to read it, for example with: --time-format %Y%m%d",
            code="lifetime.not_a_time",
            details={"column": column, "type": str(values.type)},
        )
    texts = pc.cast(values, pa.string())
    days = iso_days(texts) if time_format is None else written_days(texts, time_format)
    form = "ISO 8601 (give --time-format)" if time_format is None else f"the format {time_format}"
    bad = np.flatnonzero(np.isnan(days))
    refuse_row(column, pc.utf8_trim_whitespace(texts), int(bad[0]) if len(bad) else None, f"not a time in {form}")
    return np.floor(days).astype(np.int64)


def _first_false(mask: pa.Array) -> int:
    return int(np.argmin(mask.to_numpy(zero_copy_only=False)))
