"""Quiet hours at the moment of sending: from when on a customer may get a message, and how many of a launch wait."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.action import NO_ACTION, QuietHours
from alamo.domain.policy import PolicySnapshot
from alamo.domain.records import PlanRecord
from alamo.engine.context import Context
from alamo.steering.quiet_hours import Zones, count_zones, earliest_send

_ZONES_SQL = """
WITH latest AS (
    SELECT customer_id, arg_max(time_zone, received_at) AS time_zone
    FROM customers WHERE customer_id IN (SELECT customer_id FROM wanted) GROUP BY customer_id
)
SELECT wanted.customer_id, latest.time_zone FROM wanted LEFT JOIN latest USING (customer_id)
"""
_DRAWN_SQL = """
SELECT customer_id, action_id FROM decisions
WHERE plan_id = $plan AND action_id <> 'none' AND block < $blocks
"""


def quiet_for(context: Context, noted: Mapping[str, Any]) -> QuietHours | None:
    """Return the quiet hours that hold for an action as its policy notes it; None where it passes them."""
    return None if "quiet_hours" in noted.get("passes", ()) else context.contact.quiet_hours


def send_after(context: Context, customer_id: str, noted: Mapping[str, Any], now: datetime) -> datetime | None:
    """Return the end of the quiet hours that a customer is in at `now`; None outside them."""
    zones = zones_of(context, pa.table({"customer_id": [customer_id]}))
    found = earliest_send(zones, quiet_for(context, noted), context.settings.time_zone, now)[0].as_py()
    return None if found == now else found


def announced(context: Context, decisions: pa.Table) -> dict[str, Any]:
    """Return the quiet hours as a plan states them, with the time zones of the customers it contacts.

    Empty without quiet hours.
    """
    quiet = context.contact.quiet_hours
    if quiet is None:
        return {}
    contacted = decisions.filter(pc.not_equal(decisions["action_id"], NO_ACTION)).select(["customer_id"])
    return {
        "from": quiet.start.isoformat("minutes"),
        "until": quiet.until.isoformat("minutes"),
        "time_zone": context.settings.time_zone,
        "zones": asdict(count_zones(zones_of(context, contacted))),
    }


def waiting(context: Context, plan: PlanRecord, policy: PolicySnapshot) -> dict[str, Any]:
    """Return how many of the messages drawn by a launched plan wait for the end of quiet hours, and the zones known.

    Empty without quiet hours, or before the launch.
    """
    if context.contact.quiet_hours is None or plan.launched_at is None:
        return {}
    drawn = context.history.query(_DRAWN_SQL, {"plan": plan.plan_id, "blocks": policy.n_blocks})
    later, zones = 0, Zones(0, 0, 0)
    for action_id in pc.unique(drawn["action_id"]).to_pylist():
        quiet = quiet_for(context, policy.actions[action_id])
        if quiet is None:
            continue
        mine = drawn.filter(pc.equal(drawn["action_id"], action_id)).select(["customer_id"])
        found = zones_of(context, mine)
        moments = earliest_send(found, quiet, context.settings.time_zone, plan.launched_at)
        later += int(np.count_nonzero(np.asarray(pc.not_equal(moments, pa.scalar(plan.launched_at, moments.type)))))
        counted = count_zones(found)
        zones = Zones(zones.own + counted.own, zones.missing + counted.missing, zones.unknown + counted.unknown)
    return {"sent_later": later, "time_zone": context.settings.time_zone, "zones": asdict(zones)}


def zones_of(context: Context, wanted: pa.Table) -> pa.ChunkedArray:
    """Return the IANA names on record for the customers of `wanted`, null where there is none, in no certain order."""
    return context.history.query(_ZONES_SQL, relations={"wanted": wanted})["time_zone"]
