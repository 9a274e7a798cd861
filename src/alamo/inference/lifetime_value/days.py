"""Turns a column of times of any kind into days, in UTC."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.errors import UsageError
from alamo.inference.lifetime_value.bad_rows import refuse_row

Days = npt.NDArray[np.int64]

_EPOCH = date(1970, 1, 1).toordinal()


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
        return _of_temporal(values)
    if time_format is not None:
        return _of_format(pc.utf8_trim_whitespace(pc.cast(values, pa.string())), column, time_format)
    if not pa.types.is_string(values.type):
        raise UsageError(
            f"column {column!r} holds {values.type} and no times",
            hint="Say how to read it, for example with: --time-format %Y%m%d",
            code="lifetime.not_a_time",
            details={"column": column, "type": str(values.type)},
        )
    return _of_iso(pc.utf8_trim_whitespace(values), column)


def _of_temporal(values: pa.Array) -> Days:
    if pa.types.is_timestamp(values.type):  # without its zone a timestamp is the moment in UTC
        values = pc.floor_temporal(pc.cast(values, pa.timestamp(values.type.unit)), unit="day")
    days = pc.cast(pc.cast(values, pa.date32()), pa.int32())
    return np.asarray(days.to_numpy(zero_copy_only=False), dtype=np.int64)


def _of_format(texts: pa.Array, column: str, time_format: str) -> Days:
    """Parse at once what reads back as it was written; anything else strictly (30 February is no day)."""
    parsed = pc.strptime(texts, format=time_format, unit="s", error_is_null=True)
    if parsed.null_count == 0 and pc.all(pc.equal(pc.strftime(parsed, format=time_format), texts)).as_py():
        return _of_temporal(parsed)

    def parse(text: str) -> datetime:
        return datetime.strptime(text, time_format)  # noqa: DTZ007 # formats without a zone are taken as UTC

    return _of_text(texts, column, parse, f"not a time in the format {time_format}")


def _of_iso(texts: pa.Array, column: str) -> Days:
    for target in (pa.timestamp("us"), pa.timestamp("us", tz="UTC")):
        try:
            return _of_temporal(pc.cast(texts, target))
        except pa.ArrowInvalid:
            continue
    return _of_text(texts, column, datetime.fromisoformat, "not a time in ISO 8601 (give --time-format)")


def _of_text(texts: pa.Array, column: str, parse: Callable[[str], datetime], complaint: str) -> Days:
    coded = texts.dictionary_encode()
    days = np.array([_day(text, parse) for text in coded.dictionary.to_pylist()])
    of_row = days[coded.indices.to_numpy(zero_copy_only=False)]
    bad = np.flatnonzero(np.isnan(of_row))
    refuse_row(column, texts, int(bad[0]) if len(bad) else None, complaint)
    return of_row.astype(np.int64)


def _day(text: str, parse: Callable[[str], datetime]) -> float:
    try:
        moment = parse(text)
    except ValueError:
        return float("nan")
    return float((moment if moment.tzinfo is None else moment.astimezone(UTC)).toordinal() - _EPOCH)


def _first_false(mask: pa.Array) -> int:
    return int(np.argmin(mask.to_numpy(zero_copy_only=False)))
