"""Times out of text or typed columns, in UTC; how a file writes them is found out once, from its own rows.

A time without an offset is in the project's zone, or the mapping's. A date without a time of day is the calendar day
that is written, whatever the zone: it is kept as 00:00 UTC of that date. Days are UTC days everywhere else (profiles,
windows, purchase days), and east of Greenwich local midnight falls on the UTC day before. A column in which every
time is a midnight holds dates, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.errors import UsageError
from alamo.measurement.importing.mapping import ResolvedMapping
from alamo.measurement.importing.rows import Fields, ImportContext, Mask, SourceStream, as_text, flags

UTC_TIME = pa.timestamp("us", tz="UTC")
ISO, UNIX = "iso", "unix"

_NAIVE = pa.timestamp("us")
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
_TRIED = 1000
_FIRST_YEAR, _LAST_YEAR = 1900, 2200
_UNIX_DIGITS = r"^[0-9]{9,11}$"
_ISO_DATE_LETTERS = 10
"""An ISO date is at most this long, with a time of day it is longer."""
_CLOCK_DIRECTIVE = re.compile(r"%-?[HIMSpTRXcr]")
_DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class TimeReader:
    """Reads the times of one file.

    Attributes
    ----------
    formats
        ``iso``, ``unix`` or strptime formats; the first that fits a value counts.
    time_zone
        IANA name of times without an offset.
    whole_days
        Whether every time without an offset is a date, because all of them are midnights.
    latest
        When the file came in (UTC). A date that has begun in the zone but not yet in UTC is kept as this moment, so
        that what was said today holds today, also east of Greenwich.
    """

    formats: tuple[str, ...]
    time_zone: str
    whole_days: bool = False
    latest: datetime | None = None

    def read(self, values: pa.Array) -> pa.Array:
        """Return the moments as UTC timestamps, null where a value cannot be read."""
        kind = values.type
        if pa.types.is_date(kind):
            return self._placed(_microseconds(values), True)
        if pa.types.is_timestamp(kind):
            typed = _microseconds(values)
            return self._placed(typed, False) if kind.tz is None else typed.cast(UTC_TIME)
        text = as_text(values)
        moments = pa.nulls(len(text), UTC_TIME)
        for form in self.formats:
            moments = pc.coalesce(moments, self._read_one(text, form)) if moments.null_count else moments
        return moments

    def _read_one(self, text: pa.Array, form: str) -> pa.Array:
        if form == ISO:
            naive, aware = read_iso(text)
            return pc.coalesce(self._placed(naive, pc.less_equal(pc.utf8_length(text), _ISO_DATE_LETTERS)), aware)
        if form == UNIX:
            digits = pc.if_else(pc.match_substring_regex(text, _UNIX_DIGITS), text, pa.scalar(None, pa.string()))
            return digits.cast(pa.int64()).cast(pa.timestamp("s", tz="UTC")).cast(UTC_TIME)
        return self._placed(read_format(text, form), _CLOCK_DIRECTIVE.search(form) is None)

    def _placed(self, naive: pa.Array, dates: pa.Array | bool) -> pa.Array:
        """Return times without an offset in UTC; `dates` says which of them have no time of day."""
        days = naive.cast(UTC_TIME)
        if self.time_zone == "UTC":
            return days
        local = pc.assume_timezone(naive, self.time_zone, ambiguous="earliest", nonexistent="earliest").cast(UTC_TIME)
        if self.latest is not None:
            latest = pa.scalar(self.latest, UTC_TIME)
            begun = pc.and_(pc.less_equal(local, latest), pc.greater(days, latest))
            days = pc.if_else(begun, latest, days)
        return pc.if_else(True if self.whole_days else dates, days, local)

    def describe(self) -> str:
        """Say how the file writes its times, in words for a complaint."""
        return "an ISO time such as 2010-12-31 23:59:59" if self.formats == (ISO,) else self.formats[0]


def time_reader(stream: SourceStream, mapping: ResolvedMapping, field: str, context: ImportContext) -> TimeReader:
    """Return the reader that fits the file.

    Without ``time_format`` the rows decide: ISO if most of the first times are; otherwise day and month first are both
    tried, through the whole file if need be, and the one that reads more wins. Where both read as many, the day comes
    first in dates with points.

    Raises
    ------
    UsageError
        If nothing fits, or day and month cannot be told apart anywhere in the file.
    """
    zone = mapping.options.time_zone or context.time_zone
    if mapping.options.time_format is not None:
        formats: tuple[str, ...] = (mapping.options.time_format,)
    else:
        evidence = _Evidence(mapping.kind)
        for values in _texts(stream, mapping, field):
            if evidence.add(values):
                break
        formats = evidence.verdict(stream.name, mapping.columns.get(field, field))
    reader = TimeReader(formats, zone, latest=context.received_at)
    return replace(reader, whole_days=zone != "UTC" and _all_midnights(stream, mapping, field, formats))


def _all_midnights(stream: SourceStream, mapping: ResolvedMapping, field: str, formats: tuple[str, ...]) -> bool:
    """Say whether every time is a midnight; looks no further than the first that is not, or that has no clock."""
    written = TimeReader(formats, "UTC")
    for rows in stream.scan():
        values = Fields(rows.data, mapping).raw(field)
        if values is None or not _may_be_midnights(values, formats):
            return False
        since = written.read(values).cast(pa.int64()).drop_null().to_numpy()
        if (since % _DAY_US).any():
            return False
    return True


def _may_be_midnights(values: pa.Array, formats: tuple[str, ...]) -> bool:
    """Say whether a column could hold dates written as midnights; plain dates and offsets speak for themselves."""
    if pa.types.is_timestamp(values.type):
        return values.type.tz is None
    if pa.types.is_date(values.type) or formats == (UNIX,):
        return False
    text = pc.drop_null(as_text(values))
    dates = pc.less_equal(pc.utf8_length(text), _ISO_DATE_LETTERS)
    return not len(text) or not pc.all(dates).as_py()


def _texts(stream: SourceStream, mapping: ResolvedMapping, field: str) -> Iterator[pa.Array]:
    """Yield the texts of a column batch by batch; nothing if its type says what it is."""
    for rows in stream.scan():
        values = Fields(rows.data, mapping).raw(field)
        if values is None or pa.types.is_timestamp(values.type) or pa.types.is_date(values.type):
            return
        text = pc.drop_null(as_text(values))
        if len(text):
            yield text


class _Evidence:
    """Counts what the times of a file can be read as."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._iso, self._seen = 0, 0
        self._example = ""
        self._read: dict[tuple[str, ...], int] = {}

    def add(self, text: pa.Array) -> bool:
        """Take in one batch; return True once the matter is settled."""
        if not self._read:
            first = text.slice(0, _TRIED).to_pylist()
            self._example = next((value for value in first if _spellings(value)), first[0])
            self._read = dict.fromkeys(_spellings(self._example), 0)
        self._seen += len(text)
        self._iso += _count(TimeReader((ISO,), "UTC").read(text))
        if 2 * self._iso >= self._seen:
            return True
        for forms in self._read:
            self._read[forms] += _count(TimeReader(forms, "UTC").read(text))
        counts = sorted(self._read.values())
        return len(counts) == 1 or (len(counts) == 2 and counts[1] > counts[0])

    def verdict(self, name: str, column: str) -> tuple[str, ...]:
        """Return the formats to read with."""
        if 2 * self._iso >= self._seen:
            return (ISO,)
        best = max(self._read, key=lambda forms: self._read[forms], default=())
        if not best or not self._read[best]:
            raise self._unclear(
                f"{name}: cannot tell how column {column!r} writes its times, such as {self._example!r}"
            )
        if list(self._read.values()).count(self._read[best]) > 1 and not _day_first(best):
            raise self._unclear(f"{name}: nothing in column {column!r} tells day from month, as in {self._example!r}")
        return best

    def _unclear(self, message: str) -> UsageError:
        clock = " %H:%M" if ":" in self._example else ""
        written = [forms[0] + clock for forms in self._read] or ["%d/%m/%Y %H:%M"]
        choice = " or ".join(f'time_format = "{form}"' for form in written)
        return UsageError(
            message,
            hint=f"Say it in a mapping file: {choice}\n"
            f"then: alamo import {self._kind} FILE --mapping mappings/{self._kind}.toml --preview",
            code="import.unclear_time",
            details={"example": self._example},
        )


def _spellings(example: str) -> list[tuple[str, ...]]:
    """Return the ways to read an example such as 31/12/2010 23:59: year first, or day first and month first."""
    date = example.split(" ", maxsplit=1)[0]
    mark = next((letter for letter in date if letter in "/.-"), None)
    parts = date.split(mark) if mark else []
    if len(parts) != 3 or not all(part.isdigit() for part in parts):
        return []
    if len(parts[0]) == 4:
        orders: tuple[str, ...] = (f"%Y{mark}%m{mark}%d",)
    else:
        year = "%Y" if len(parts[2]) == 4 else "%y"
        orders = (f"%d{mark}%m{mark}{year}", f"%m{mark}%d{mark}{year}")
    return [tuple(order + clock for clock in _CLOCKS) for order in orders]


def _day_first(forms: tuple[str, ...]) -> bool:
    """Say whether the day stands first wherever dates are written so: 03.02.2026 is 3 February, points are not US."""
    return forms[0].startswith("%d.")


def _count(moments: pa.Array) -> int:
    """Return how many moments were read and lie in a year that a file may mean."""
    low, high = (pa.scalar(datetime(year, 1, 1), _NAIVE).cast(UTC_TIME) for year in (_FIRST_YEAR, _LAST_YEAR))  # noqa: DTZ001 # UTC by the cast
    return int(flags(pc.and_(pc.greater_equal(moments, low), pc.less(moments, high))).sum())


def read_iso(text: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Return ISO 8601 times without an offset, and those with one in UTC; whole batches at once where all are alike.

    Each is null where the text is of the other sort or no time at all.
    """
    for kind in (_NAIVE, UTC_TIME):
        try:
            read = text.cast(kind)
        except pa.ArrowInvalid:
            continue
        empty = pa.nulls(len(text), UTC_TIME if kind == _NAIVE else _NAIVE)
        return (read, empty) if kind == _NAIVE else (empty, read)
    moments = [None if value is None else _iso_moment(value) for value in text.to_pylist()]
    naive = pa.array([m if m is not None and m.tzinfo is None else None for m in moments], _NAIVE)
    aware = pa.array([m if m is not None and m.tzinfo is not None else None for m in moments], UTC_TIME)
    return naive, aware


def _iso_moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def read_format(text: pa.Array, form: str) -> pa.Array:
    """Return times by a strptime format without a zone, null where a text does not fit or names no real day."""
    moments = pc.strptime(text, format=form, unit="us", error_is_null=True)
    # the C library reads 31 April as 1 May: only what comes out as the 1st to 3rd can have spilled over
    doubtful = flags(pc.less_equal(pc.day(moments), 3))
    wrong = _unreal(text, doubtful, form)
    return pc.if_else(pa.array(wrong), pa.scalar(None, _NAIVE), moments) if wrong.any() else moments


def _unreal(text: pa.Array, doubtful: Mask, form: str) -> Mask:
    """Return which of the doubtful rows Python's strict reading refuses, shape (n,)."""
    encoded = text.filter(pa.array(doubtful)).dictionary_encode()
    refused = np.array([_refuses(value, form) for value in encoded.dictionary.to_pylist()], dtype=bool)
    wrong = np.zeros(len(text), dtype=bool)
    if refused.any():
        wrong[np.flatnonzero(doubtful)] = refused[np.asarray(encoded.indices)]
    return wrong


def _refuses(value: str, form: str) -> bool:
    try:
        datetime.strptime(value, form)  # noqa: DTZ007 # only its refusal matters here
    except ValueError:
        return True
    return False


def _microseconds(values: pa.Array) -> pa.Array:
    zone = values.type.tz if pa.types.is_timestamp(values.type) else None
    return values.cast(pa.timestamp("us", tz=zone), safe=False)
