"""The report on contacts: who is left at each stage of the newest plan, and why the others fell out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alamo.domain.records import PlanRecord


def funnel_rows(plan: PlanRecord) -> tuple[Mapping[str, Any], ...]:
    """Return one row per action and stage of the funnel, over all actions (``action`` None) first.

    Empty where the plan was made by a version that kept no funnel.
    """
    found = plan.summary.get("funnel") or {"overall": [], "actions": []}
    parts = [(None, found["overall"]), *((entry["action"], entry["stages"]) for entry in found["actions"])]
    return tuple({"action": action, **row} for action, rows in parts for row in rows)
