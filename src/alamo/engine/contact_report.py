"""The report on contacts: who is left at each stage of the newest plan, and what contacts take from the next ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from alamo.domain.action import ContactCap
from alamo.domain.records import PlanRecord
from alamo.engine.context import Context
from alamo.inference.fatigue import WHAT
from alamo.steering.contact_policy import Ledger

_NEWEST_SQL = "SELECT customer_id FROM profiles WHERE as_of = (SELECT max(as_of) FROM profiles) ORDER BY customer_id"


def funnel_rows(plan: PlanRecord) -> tuple[Mapping[str, Any], ...]:
    """Return one row per action and stage of the funnel, over all actions (``action`` None) first.

    Empty where the plan was made by a version that kept no funnel.
    """
    found = plan.summary.get("funnel") or {"overall": [], "actions": []}
    parts = [(None, found["overall"]), *((entry["action"], entry["stages"]) for entry in found["actions"])]
    return tuple({"action": action, **row} for action, rows in parts for row in rows)


def fatigue_known(inferred: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Return the fatigue that the newest inference measured, or why it could not; empty where it is not priced."""
    if not context.contact.price_fatigue:
        return {}
    refused = [one for one in inferred.get("refusals", ()) if one["what"] == WHAT]
    return {"fatigue": inferred.get("fatigue"), "level": context.settings.inference.level, "refusals": refused}


def pressure(context: Context) -> list[dict[str, Any]]:
    """Return for each cap how many customers have had how many of the contacts it counts, as of now.

    Of the customers of the newest profiles; the last number of contacts stands for that many and more.
    """
    known = context.history.query(_NEWEST_SQL)
    ledger = Ledger(context.history, known["customer_id"], context.actions, context.clock.now())
    spaced = [ContactCap(1, one.days, one.channel) for one in context.contact.spacing]
    return [
        {**asdict(cap), "customers": _spread(ledger, cap)} for cap in (*context.contact.caps, *spaced) if cap.maximum
    ]


def _spread(ledger: Ledger, cap: ContactCap) -> list[int]:
    """Return the customers with 0, 1, … contacts that `cap` counts; those at the cap or beyond come last."""
    unit, _ = ledger.ages(cap)
    contacts = np.bincount(unit, minlength=len(ledger.customer_ids))
    return [int(n) for n in np.bincount(np.minimum(contacts, cap.maximum), minlength=cap.maximum + 1)]
