"""Limits per day, week or month: what is left of them when a cycle is launched at once.

All contacts of a cycle go out with one launch, so a limit per day, week or month bounds that launch together with what
was sent in the period before it. A minimum counts what was sent in the period, too. An action decided over the counter
is sent by whoever asked: its delivery is ``unknown``, and counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.action import Action, Limit
from alamo.domain.ports import Warehouse
from alamo.steering.predicates import predicate_masks

PERIOD_DAYS = {"day": 1, "week": 7, "month": 30}
"""Days that a period looks back."""

_SENT_SQL = """
SELECT customer_id, action_id, channel,
       CAST(count(*) AS DOUBLE) AS contacts, CAST(sum(cost_minor) AS DOUBLE) AS cost_minor
FROM deliveries
WHERE attempted_at > $since AND attempted_at <= $now AND state IN ('reserved', 'sent', 'unknown')
GROUP BY customer_id, action_id, channel
"""


def left_of_periods(
    warehouse: Warehouse,
    profiles: pa.Table,
    limits: Sequence[Limit],
    actions: Sequence[Action],
    now: datetime,
    minor_per_major: int,
) -> tuple[Limit, ...]:
    """Return the limits with their bounds reduced by what was used in the period that ends `now`, at least to 0.

    Parameters
    ----------
    actions
        Say which level an action is of; what was sent of an action that is gone counts towards every level.
    """
    level = {action.id: action.level for action in actions}
    return tuple(
        limit
        if limit.period == "cycle"
        else _reduced(limit, _used(warehouse, profiles, limit, _sent(warehouse, limit, level, now), minor_per_major))
        for limit in limits
    )


def _sent(warehouse: Warehouse, limit: Limit, level: Mapping[str, str], now: datetime) -> pa.Table:
    """Return what was sent in the period of a limit of the actions, channels and levels that it counts."""
    sent = warehouse.query(_SENT_SQL, {"since": now - timedelta(days=PERIOD_DAYS[limit.period]), "now": now})
    for column, wanted in (("action_id", limit.actions), ("channel", limit.channels)):
        if wanted:
            sent = sent.filter(pc.is_in(sent[column], value_set=pa.array(wanted)))
    if limit.levels:
        others = [action_id for action_id, known in level.items() if known not in limit.levels]
        sent = sent.filter(pc.invert(pc.is_in(sent["action_id"], value_set=pa.array(others, pa.string()))))
    return sent


def _reduced(limit: Limit, used: float) -> Limit:
    return replace(
        limit,
        maximum=None if limit.maximum is None else max(limit.maximum - used, 0.0),
        minimum=None if limit.minimum is None else max(limit.minimum - used, 0.0),
    )


def _used(warehouse: Warehouse, profiles: pa.Table, limit: Limit, sent: pa.Table, minor_per_major: int) -> float:
    if limit.where and sent.num_rows:
        holds = predicate_masks(warehouse, "profiles", profiles, {f"limit {limit.name!r}": limit.where})[limit.where]
        inside = profiles["customer_id"].filter(pa.array(holds)).combine_chunks()
        sent = sent.filter(pc.is_in(sent["customer_id"], value_set=inside.cast(pa.string())))
    if limit.use == "count":
        return float(np.sum(sent["contacts"].to_numpy()))
    return float(np.sum(sent["cost_minor"].to_numpy())) / minor_per_major
