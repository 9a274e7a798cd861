"""Caps filled by value in the loop: the worth of a contact in past cycles and now, and what is learned from it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from alamo.domain.action import ContactPolicy
from alamo.domain.policy import CapCharge
from alamo.engine.context import Context
from alamo.engine.guard import paused_ids
from alamo.steering.candidates import scored_pairs
from alamo.steering.cells import Pairs
from alamo.steering.displacement import CapTerms, caps_to_fill, learn, worth_of_slot
from alamo.steering.eligibility import Gatekeeper

_MOST_CYCLES = 6
"""Decided cycles that are looked back at."""


@dataclass(frozen=True, slots=True)
class CapValues:
    """What was learned about caps: the charges, and what a plan says of each cap."""

    charges: tuple[CapCharge, ...]
    told: list[dict[str, Any]]


@dataclass(frozen=True, slots=True, eq=False)
class _Day:
    ids: pa.Array
    pairs: Pairs


def cap_values(context: Context, as_of: datetime) -> CapValues | None:
    """Return what contacts displace, from the values of up to six launched cycles and today's; None if caps are not so.

    Past values are those scored at the time, of the actions as they are now (without those paused), open to each
    customer at the time whatever their contacts.
    """
    contact, settings = context.contact, context.settings
    if contact.fill_caps != "by value":
        return None
    caps = caps_to_fill(contact)
    days = [*_past(context), *_known(context, as_of, context.clock.now())] if caps else []
    discount = math.exp(-settings.outcome.discount_rate_per_year * settings.cycle_days / 365.0)
    charges, told = [], []
    for cap in caps:
        covered = [cap.covers(action) for action in context.actions]
        worth = [(day.ids, worth_of_slot(day.pairs, len(day.ids), covered)) for day in days]
        found = learn(CapTerms(cap, settings.cycle_days, discount), worth)
        told.append(
            {
                **asdict(cap),
                "cycles_known": len(days),
                "charge_money": None if isinstance(found, str) else _free_of_contacts(found),
                "not_charged": found if isinstance(found, str) else None,
            }
        )
        if not isinstance(found, str):
            charges.append(found)
    return CapValues(tuple(charges), told)


def _free_of_contacts(charge: CapCharge) -> float:
    """Return the charge of a customer with nothing used up, in the mean over the levels with something to lose."""
    return float(np.mean(charge.charge_money[0][1:]))


def _past(context: Context) -> list[_Day]:
    launched = [plan for plan in context.state.plans.all() if plan.state == "launched"][-_MOST_CYCLES:]
    days: list[_Day] = []
    for plan in launched:
        scored = datetime.fromisoformat(context.shelf.get(plan.policy_version).scores_as_of)
        days += _known(context, scored, plan.created_at)
    return days


def _known(context: Context, as_of: datetime, moment: datetime) -> list[_Day]:
    """Return what the scores of a day said; empty where there are none."""
    day = {"day": as_of.date().isoformat()}
    profiles, scores = (
        context.history.query(f"SELECT * FROM {table} WHERE as_of_day = $day", day) for table in ("profiles", "scores")
    )
    return [_day(context, profiles, scores, moment)] if profiles.num_rows and scores.num_rows else []


def _day(context: Context, profiles: pa.Table, scores: pa.Table, moment: datetime) -> _Day:
    ids = profiles["customer_id"].combine_chunks().cast(pa.string())
    nobody = np.zeros(len(ids), dtype=bool)
    gatekeeper = Gatekeeper(context.actions, ContactPolicy(), moment, paused_ids(context))
    judged = gatekeeper.judge(context.history, profiles, nobody)
    action_ids = [action.id for action in context.actions]
    return _Day(ids, scored_pairs(scores, ids, action_ids, judged.open))
