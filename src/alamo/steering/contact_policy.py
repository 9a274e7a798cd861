"""The contact policy: caps on what a customer receives, and hours in which nothing is delivered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.action import ContactCap, QuietHours
from alamo.domain.ports import Warehouse

Flags = npt.NDArray[np.bool_]

_CONTACTS_SQL = """
SELECT customer_id, count(*) AS contacts
FROM events
WHERE kind = 'sent' AND occurred_at > $since AND occurred_at < $now AND ($channel = '' OR channel = $channel)
GROUP BY customer_id
HAVING count(*) >= $maximum
"""


def capped(warehouse: Warehouse, customer_ids: pa.ChunkedArray, cap: ContactCap, now: datetime) -> Flags:
    """Return which customers may not receive one more contact under `cap`, shape (n,).

    A cap of 3 in 7 days is reached by the third contact later than seven days before `now`.
    """
    if cap.maximum <= 0:
        return np.ones(len(customer_ids), dtype=bool)
    parameters = {
        "since": now - timedelta(days=cap.days),
        "now": now,
        "channel": cap.channel or "",
        "maximum": cap.maximum,
    }
    reached = warehouse.query(_CONTACTS_SQL, parameters)["customer_id"]
    return np.asarray(pc.is_in(customer_ids, value_set=reached.combine_chunks().cast(pa.string())))


def any_capped(warehouse: Warehouse, customer_ids: pa.ChunkedArray, caps: Sequence[ContactCap], now: datetime) -> Flags:
    """Return which customers have reached any of `caps`, shape (n,)."""
    out = np.zeros(len(customer_ids), dtype=bool)
    for cap in caps:
        out |= capped(warehouse, customer_ids, cap, now)
    return out


def earliest_send(
    time_zones: pa.ChunkedArray, quiet: QuietHours | None, default_zone: str, now: datetime
) -> pa.ChunkedArray:
    """Return the first moment from `now` on that is outside the quiet hours of each customer (UTC), shape (n,).

    Parameters
    ----------
    time_zones
        IANA names; null or unknown means `default_zone`.
    """
    encoded = pc.fill_null(time_zones, default_zone).combine_chunks().dictionary_encode()
    moments = [_earliest(str(name), quiet, default_zone, now) for name in encoded.dictionary.to_pylist()]
    values = pa.array(moments, type=pa.timestamp("us", tz="UTC"))
    return pa.chunked_array([values.take(encoded.indices)])


def _earliest(zone: str, quiet: QuietHours | None, default_zone: str, now: datetime) -> datetime:
    if quiet is None:
        return now
    local = now.astimezone(_zone(zone, default_zone))
    if not quiet.contains(local.time()):
        return now
    end = _on_day(local, quiet.until)
    return (end if end > local else _on_day(local + timedelta(days=1), quiet.until)).astimezone(UTC)


def _zone(name: str, default_zone: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo(default_zone)


def _on_day(local: datetime, clock: time) -> datetime:
    return local.replace(hour=clock.hour, minute=clock.minute, second=clock.second, microsecond=0, fold=0)
