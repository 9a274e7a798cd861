"""Times as days since 1970, in UTC: Arrow times, and texts in a form that is known or has to be found.

Distinct texts are read once. What Arrow reads at once counts only if it reads back as it was written (30 February is
no day); everything else is read strictly, value by value.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.numerics.encoding import numbers

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_SECONDS = 86_400.0
_DAY_MICROS = 86_400_000_000


def whole_days(times: pa.Array) -> Integers:
    """Return dates or timestamps without nulls as whole days, shape (n,); what lies within a day belongs to it."""
    if pa.types.is_date(times.type):
        return np.asarray(
            pc.cast(pc.cast(times, pa.date32()), pa.int32()).to_numpy(zero_copy_only=False), dtype=np.int64
        )
    micros = pc.cast(pc.cast(times, pa.timestamp("us", tz=times.type.tz), safe=False), pa.int64())
    return np.asarray(micros.to_numpy(zero_copy_only=False) // _DAY_MICROS, dtype=np.int64)


def iso_days(texts: pa.Array) -> Floats:
    """Return texts in ISO 8601 as days with fractions, NaN where one is null or is none, shape (n,).

    A time without a zone is taken as UTC. A text is read without the blanks around it.
    """
    trimmed = pc.utf8_trim_whitespace(texts)
    for target in (pa.timestamp("us"), pa.timestamp("us", tz="UTC")):
        try:
            return numbers(pc.cast(trimmed, target))
        except pa.ArrowInvalid:
            continue
    return _one_by_one(trimmed, datetime.fromisoformat)


def written_days(texts: pa.Array, form: str) -> Floats:
    """Return texts written as `form` (as for `strptime`) as days with fractions, NaN where one is null or is not.

    A time without a zone is taken as UTC. A text is read without the blanks around it.
    """
    trimmed = pc.utf8_trim_whitespace(texts)
    parsed = pc.strptime(trimmed, format=form, unit="s", error_is_null=True)
    if parsed.null_count == texts.null_count and bool(pc.all(pc.equal(pc.strftime(parsed, form), trimmed)).as_py()):
        return numbers(parsed)
    return _one_by_one(trimmed, lambda text: datetime.strptime(text, form))  # noqa: DTZ007 # without a zone: UTC


def _one_by_one(texts: pa.Array, parse: Callable[[str], datetime]) -> Floats:
    coded = texts.dictionary_encode()
    read = np.array([*(_day(text, parse) for text in coded.dictionary.to_pylist()), np.nan])
    at = pc.fill_null(coded.indices, len(coded.dictionary))
    return np.asarray(read[at.to_numpy(zero_copy_only=False)], dtype=np.float64)


def _day(text: str, parse: Callable[[str], datetime]) -> float:
    try:
        moment = parse(text)
    except ValueError:
        return float("nan")
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return (aware - _EPOCH).total_seconds() / _DAY_SECONDS
