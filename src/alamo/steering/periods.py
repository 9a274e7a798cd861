"""Limits per day, week or month: what is left of them when a cycle is launched at once.

All contacts of a cycle go out with one launch, so a limit per day, week or month bounds that launch together with what
was sent in the period before it. A minimum counts what was sent in the period, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.action import Limit
from alamo.domain.ports import Warehouse
from alamo.steering.predicates import predicate_masks

PERIOD_DAYS = {"day": 1, "week": 7, "month": 30}
"""Days that a period looks back."""

_SENT_SQL = """
SELECT customer_id, action_id, CAST(count(*) AS DOUBLE) AS contacts, CAST(sum(cost_minor) AS DOUBLE) AS cost_minor
FROM deliveries
WHERE attempted_at > $since AND attempted_at <= $now AND state IN ('reserved', 'sent', 'unknown')
GROUP BY customer_id, action_id
"""


def left_of_periods(
    warehouse: Warehouse, profiles: pa.Table, limits: Sequence[Limit], now: datetime, minor_per_major: int
) -> tuple[Limit, ...]:
    """Return the limits with their bounds reduced by what was used in the period that ends `now`, at least to 0."""
    return tuple(
        limit if limit.period == "cycle" else _reduced(limit, _used(warehouse, profiles, limit, now, minor_per_major))
        for limit in limits
    )


def _reduced(limit: Limit, used: float) -> Limit:
    return replace(
        limit,
        maximum=None if limit.maximum is None else max(limit.maximum - used, 0.0),
        minimum=None if limit.minimum is None else max(limit.minimum - used, 0.0),
    )


def _used(warehouse: Warehouse, profiles: pa.Table, limit: Limit, now: datetime, minor_per_major: int) -> float:
    since = now - timedelta(days=PERIOD_DAYS[limit.period])
    sent = warehouse.query(_SENT_SQL, {"since": since, "now": now})
    if limit.actions:
        sent = sent.filter(pc.is_in(sent["action_id"], value_set=pa.array(limit.actions)))
    if limit.where and sent.num_rows:
        holds = predicate_masks(warehouse, "profiles", profiles, {f"limit {limit.name!r}": limit.where})[limit.where]
        inside = profiles["customer_id"].filter(pa.array(holds)).combine_chunks()
        sent = sent.filter(pc.is_in(sent["customer_id"], value_set=inside.cast(pa.string())))
    if limit.use == "count":
        return float(np.sum(sent["contacts"].to_numpy()))
    return float(np.sum(sent["cost_minor"].to_numpy())) / minor_per_major
