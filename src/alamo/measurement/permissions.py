"""Permissions right now: which channels a customer has closed, read again at the moment of sending."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from alamo.domain.event import ALL_CHANNELS
from alamo.domain.ports import Warehouse

_CLOSED_SQL = """
WITH said AS (
    SELECT customer_id, coalesce(channel, '*') AS channel,
           CASE WHEN kind IN ('consent_granted', 'consent_withdrawn') THEN 'consent' ELSE 'suppression' END AS topic,
           arg_max(kind, (occurred_at, received_at, event_id)) AS last
    FROM events
    WHERE occurred_at <= $now
      AND kind IN ('consent_granted', 'consent_withdrawn', 'suppressed', 'unsuppressed', 'bounced', 'complained')
    GROUP BY ALL
)
SELECT DISTINCT customer_id, channel FROM said
WHERE last IN ('consent_withdrawn', 'suppressed', 'bounced', 'complained')
"""


@dataclass(frozen=True, slots=True)
class ClosedChannels:
    """Pairs of customer and channel that must not be used; channel ``*`` closes every channel."""

    pairs: frozenset[tuple[str, str]]

    def forbids(self, customer_id: str, channel: str) -> bool:
        """Say whether nothing may be sent to `customer_id` through `channel`."""
        return (customer_id, channel) in self.pairs or (customer_id, ALL_CHANNELS) in self.pairs


def closed_channels(warehouse: Warehouse, now: datetime) -> ClosedChannels:
    """Return what customers have withdrawn and what bounces and complaints have closed, up to and including `now`."""
    table = warehouse.query(_CLOSED_SQL, {"now": now})
    return ClosedChannels(frozenset(zip(table["customer_id"].to_pylist(), table["channel"].to_pylist(), strict=True)))
