"""Dates and times in whatever form a file has them, as days since 1970."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.numerics.days import iso_days, written_days
from alamo.numerics.encoding import is_text, numbers

Floats = npt.NDArray[np.float64]

_FORMATS = ("%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%d-%m-%Y", "%Y/%m/%d", "%m-%d-%Y", "%Y%m%d")
_CLOCKS = ("", " %H:%M", " %H:%M:%S")
_LOOKS_LIKE_DATE = r"^\s*\d{1,4}[-./]?\d{1,2}[-./]?\d{1,4}([ T]\d{1,2}:\d{2}.*)?\s*$"
_PROBE = 500


def text_days(column: pa.ChunkedArray) -> Floats | None:
    """Return a text column of dates as days since 1970 with NaN for null, shape (n,); None where it holds no dates.

    Every value that is not null must be readable in one and the same form. Where day and month could be exchanged in
    all of them, the month is read first between slashes, the day between dots and dashes.
    """
    column = column.cast(pa.string())
    known = column.drop_null()
    if not len(known) or not bool(pc.all(pc.match_substring_regex(known.slice(0, _PROBE), _LOOKS_LIKE_DATE)).as_py()):
        return None
    distinct = pc.unique(known)
    read = _read(distinct)
    if read is None:
        return None
    codes = pc.index_in(column, value_set=distinct)
    at = np.asarray(pc.fill_null(codes, -1), dtype=np.int64)
    return np.where(at >= 0, np.append(read, np.nan)[at], np.nan)


def _read(distinct: pa.Array) -> Floats | None:
    few = distinct.slice(0, _PROBE)
    forms = ("", *(date + clock for date in _FORMATS for clock in _CLOCKS))
    for form in (form for form in forms if not np.isnan(_written(few, form)).any()):
        found = _written(distinct, form)
        if not np.isnan(found).any():
            return found
    return None


def _written(texts: pa.Array, form: str) -> Floats:
    return written_days(texts, form) if form else iso_days(texts)


def order_values(column: pa.ChunkedArray) -> Floats | None:
    """Return a column that orders rows (numbers, dates, text of dates) as floats, shape (n,); None if it cannot."""
    if is_text(column.type):
        return text_days(column)
    try:
        return numbers(column)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None
