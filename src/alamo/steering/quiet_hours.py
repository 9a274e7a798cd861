"""Quiet hours in the customer's time zone: what is decided in them is sent once they are over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.action import QuietHours

_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Zones:
    """How many customers have a time zone of their own, none on record, or a name that is no IANA zone."""

    own: int
    missing: int
    unknown: int


def earliest_send(
    time_zones: pa.ChunkedArray, quiet: QuietHours | None, default_zone: str, now: datetime
) -> pa.ChunkedArray:
    """Return the first moment from `now` on that is outside the quiet hours of each customer (UTC), shape (n,).

    The local clock decides, to the minute: where it jumps over the end of the quiet hours they end with the jump, and
    where an hour comes twice what is quiet in its second pass waits for the end in that pass.

    Parameters
    ----------
    time_zones
        IANA names; null or unknown means `default_zone`.
    """
    encoded = pc.fill_null(time_zones, default_zone).combine_chunks().dictionary_encode()
    moments = [_earliest(str(name), quiet, default_zone, now) for name in encoded.dictionary.to_pylist()]
    values = pa.array(moments, type=pa.timestamp("us", tz="UTC"))
    return pa.chunked_array([values.take(encoded.indices)])


def count_zones(time_zones: pa.ChunkedArray) -> Zones:
    """Return how many of the IANA names `time_zones` are known, missing and unknown."""
    encoded = time_zones.combine_chunks().cast(pa.string()).dictionary_encode()
    known = np.array([_zone(name) is not None for name in encoded.dictionary.to_pylist()], dtype=bool)
    named = np.asarray(encoded.indices.drop_null().to_numpy(zero_copy_only=False), dtype=np.int64)
    own = int(np.count_nonzero(known[named])) if len(named) else 0
    return Zones(own, time_zones.null_count, len(named) - own)


def _earliest(zone: str, quiet: QuietHours | None, default_zone: str, now: datetime) -> datetime:
    if quiet is None:
        return now
    where = _zone(zone) or ZoneInfo(default_zone)
    local = now.astimezone(where)
    if not quiet.contains(local.time()):
        return now
    moment = now.astimezone(UTC)
    while quiet.contains(moment.astimezone(where).time()):
        step = _HOUR if _calm(moment, where, quiet) else _MINUTE
        moment = moment.replace(second=0, microsecond=0) + step
    return moment


def _calm(moment: datetime, where: ZoneInfo, quiet: QuietHours) -> bool:
    """Say whether the hour from `moment` on is quiet throughout: no change of the clock, and no end in it."""
    local, later = moment.astimezone(where), (moment + _HOUR).astimezone(where)
    until = datetime.combine(local.date(), quiet.until)
    until = until if until > local.replace(tzinfo=None) else until + timedelta(days=1)
    return local.utcoffset() == later.utcoffset() and until > later.replace(tzinfo=None)


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a name that is a folder, such as "Europe"
        return None
