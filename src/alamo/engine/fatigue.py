"""Fatigue in the loop: measured with the effects, charged to the values of the next plan once it is found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from alamo.domain.reasons import Refusal
from alamo.engine.context import Context
from alamo.engine.permission import charged
from alamo.inference import Fatigue, fatigue
from alamo.inference.fatigue import WHAT


def measured(context: Context, scores: pa.Table, observations: pa.Table) -> dict[str, Any]:
    """Return what contacts take away from the next ones, for the detail of a step; empty where it is not priced.

    Parameters
    ----------
    scores
        DR_SCORES of the cycles matured by now.
    observations
        OBSERVATIONS of the same cycles.
    """
    if not context.contact.price_fatigue:
        return {}
    if not scores.num_rows:
        found: Fatigue | Refusal = Refusal(WHAT, "no cycle has matured yet", "alamo status says when the first will")
    else:
        found = fatigue(scores, observations, charged(context), context.settings.inference.level)
    if isinstance(found, Refusal):
        return {"refusals": [found.to_dict()]}
    return {"fatigue": found.to_dict()}


def fatigue_charges(context: Context, cycle: int) -> dict[str, float]:
    """Return what a contact with each action is charged by what the inference of `cycle` found; empty for nothing."""
    if not context.contact.price_fatigue:
        return {}
    inferred = context.state.steps.find(f"cycle-{cycle}/infer")
    if inferred is None or "fatigue" not in inferred.detail:
        return {}
    known = Fatigue.from_dict(inferred.detail["fatigue"])
    amounts = {action.id: known.charge_money(action.id) for action in context.actions}
    return {name: amount for name, amount in amounts.items() if amount > 0.0}


def tell_fatigue(summary: dict[str, Any], charges: Mapping[str, float]) -> None:
    """Write into a plan what its contacts are charged for fatigue, apart from what they displace."""
    drawn = {row["action"]: row["customers"] for row in summary["actions"]}
    summary["fatigue"] = [
        {"action": name, "charged_money": money, "total_money": money * drawn.get(name, 0)}
        for name, money in charges.items()
    ]
    summary["caps_by_value"]["displaced_money"] -= sum(row["total_money"] for row in summary["fatigue"])
