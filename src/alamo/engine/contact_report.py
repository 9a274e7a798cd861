"""The report on contacts: who is left at each stage of the newest plan, and what contacts take from the next ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alamo.domain.records import PlanRecord
from alamo.engine.context import Context
from alamo.inference.fatigue import WHAT


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
