"""Permissions right now: what customers said last about a channel, read again at the moment of deciding or sending.

The same words in force as in the profiles (`standing.sql`), so a launch and eligibility never disagree about them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from importlib.resources import files

import pyarrow as pa

from alamo.domain.event import ALL_CHANNELS
from alamo.domain.ports import Warehouse

_TOLD_NOW = "occurred_at <= $now AND customer_id IN (SELECT customer_id FROM asked)"

_NOW_SQL = """
WITH {standing}
SELECT
    asked.customer_id,
    coalesce(list(channel ORDER BY channel) FILTER (topic = 'consent' AND NOT closed), []) AS consent,
    coalesce(list(channel ORDER BY channel) FILTER (topic = 'consent' AND closed), []) AS withdrawn,
    coalesce(list(channel ORDER BY channel) FILTER (topic = 'suppression' AND closed), []) AS suppressed
FROM asked LEFT JOIN standing USING (customer_id)
GROUP BY asked.customer_id ORDER BY asked.customer_id
"""

_CONTACTABLE_SQL = """
WITH {standing}
SELECT customer_id
FROM standing
WHERE channel IN ($channel, $all)
GROUP BY customer_id
HAVING bool_or(topic = 'consent' AND NOT closed) AND NOT bool_or(closed)
"""


@cache
def standing_sql(told: str) -> str:
    """Return the steps ``said`` and ``standing`` of a WITH clause, over the events for which `told` holds."""
    return files("alamo.measurement").joinpath("standing.sql").read_text(encoding="utf-8").format(told=told)


def permissions_now(warehouse: Warehouse, customer_ids: Iterable[str], now: datetime) -> pa.Table:
    """Return ``customer_id, consent, withdrawn, suppressed`` as in the profiles, up to and including `now`."""
    sql = _NOW_SQL.format(standing=standing_sql(_TOLD_NOW))
    return warehouse.query(sql, {"now": now}, {"asked": _asked(customer_ids)})


def contactable(warehouse: Warehouse, customer_ids: Iterable[str], channel: str, now: datetime) -> frozenset[str]:
    """Return who of `customer_ids` may be sent something through `channel` at `now`.

    A consent must be on record and in force, and nothing withdrawn or suppressed: unknown consent is a no.
    """
    sql = _CONTACTABLE_SQL.format(standing=standing_sql(_TOLD_NOW))
    parameters = {"now": now, "channel": channel, "all": ALL_CHANNELS}
    found = warehouse.query(sql, parameters, {"asked": _asked(customer_ids)})
    return frozenset(found["customer_id"].to_pylist())


def _asked(customer_ids: Iterable[str]) -> pa.Table:
    return pa.table({"customer_id": pa.array(sorted(set(customer_ids)), pa.string())})
