"""An independent check of what was sent: limits, caps and permissions counted from the deliveries alone.

Nothing of the engine is used here but the deliveries, so a fault in its own bookkeeping cannot hide itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from alamo.domain.action import ContactCap, Exclusion, Limit
from alamo.simulation.purchases import Flags, Ints
from alamo.simulation.scenario import Scenario, SimulatedAction
from alamo.simulation.world import World

Where = Callable[[str], Flags]
"""Evaluates a predicate over profiles: who it holds for, shape (n,)."""

_PERIOD_DAYS = {"day": 1, "week": 7, "month": 30}
_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Breach:
    """One broken promise: what it was, what was allowed and what happened."""

    what: str
    allowed: float
    found: float


@dataclass(frozen=True, slots=True)
class Contacts:
    """Deliveries of one cycle: customers, actions (indices) and the day they were sent, shape (m,)."""

    customer: Ints
    action: Ints
    day: Ints


def contacts_of(world: World) -> Contacts:
    """Return the deliveries of the world's current cycle."""
    delivered = world.deliveries()
    places = {action.id: i for i, action in enumerate(world.scenario.actions)}
    first_day = (world.cycle - 1) * world.scenario.cycle_days
    sent = delivered["sent_at"].cast("int64").to_numpy() - round(world.now().timestamp() * 1e6)
    return Contacts(
        customer=world.positions(delivered["customer_id"].to_pylist()),
        action=np.array([places[action] for action in delivered["action_id"].to_pylist()], dtype=np.int64),
        day=first_day + sent // 86_400_000_000,
    )


def breaches(world: World, earlier: list[Contacts], now: Contacts, where: Where) -> list[Breach]:
    """Return every promise broken by the deliveries `now`, given those of earlier cycles.

    Maxima of limits are checked; a minimum that could not be met is a refusal of the plan, not a breach.
    """
    scenario, n = world.scenario, len(world.population)
    found = [_permissions(world, now), _once(now, n, scenario.contact.max_actions)]
    bounded = [limit for limit in scenario.limits if limit.maximum is not None]
    found += [_limit(limit, scenario, [*earlier, now], where) for limit in bounded]
    spaced = [ContactCap(1, one.days, one.channel) for one in scenario.contact.spacing]
    found += [_cap(cap, scenario.actions, [*earlier, now], now, n) for cap in (*scenario.contact.caps, *spaced)]
    found += [_exclusion(one, scenario.actions, [*earlier, now], now, n) for one in scenario.contact.exclusive]
    return [breach for breach in found if breach is not None]


def _permissions(world: World, now: Contacts) -> Breach | None:
    channels = world.scenario.channels
    column = np.array([channels.index(action.channel) for action in world.scenario.actions], dtype=np.int64)
    allowed = world.consent & ~world.view().state.withdrawn
    wrong = int((~allowed[now.customer, column[now.action]]).sum())
    return Breach("contact without permission", 0, wrong) if wrong else None


def _once(now: Contacts, n: int, most: int) -> Breach | None:
    count = np.bincount(now.customer, minlength=n).max(initial=0)
    return Breach("actions per customer and cycle", most, float(count)) if count > most else None


def _limit(limit: Limit, scenario: Scenario, history: list[Contacts], where: Where) -> Breach | None:
    """Count the use of this cycle, or of the period that ends with it."""
    use = np.array([(a.cost if limit.use == "cost" else 1.0) * limit.covers(a.action) for a in scenario.actions])
    scope = where(limit.where) if limit.where else None
    today = int(history[-1].day.max(initial=0))
    used = 0.0
    for contacts in history if limit.period in _PERIOD_DAYS else history[-1:]:
        counted = contacts.day > today - _PERIOD_DAYS.get(limit.period, scenario.cycle_days)
        if scope is not None:
            counted &= scope[contacts.customer]
        used += float(use[contacts.action[counted]].sum())
    allowed = float(limit.maximum or 0.0)
    return Breach(f"limit {limit.name!r}", allowed, used) if used > allowed * (1 + _TOLERANCE) + _TOLERANCE else None


def _cap(
    cap: ContactCap, actions: tuple[SimulatedAction, ...], history: list[Contacts], now: Contacts, n: int
) -> Breach | None:
    """Count contacts in the `cap.days` days up to each day on which something was sent now."""
    covered = np.array([cap.covers(action.action) for action in actions])
    worst = 0
    for day in np.unique(now.day):
        count = np.zeros(n, dtype=np.int64)
        for contacts in history:
            inside = covered[contacts.action] & (contacts.day > day - cap.days) & (contacts.day <= day)
            count += np.bincount(contacts.customer[inside], minlength=n)
        touched = now.customer[(now.day == day) & covered[now.action]]
        worst = max(worst, int(count[touched].max(initial=0)))
    name = f"cap on {cap.channel or 'all channels'}"
    return Breach(name, cap.maximum, worst) if worst > cap.maximum else None


def _exclusion(
    exclusion: Exclusion, actions: tuple[SimulatedAction, ...], history: list[Contacts], now: Contacts, n: int
) -> Breach | None:
    """Count contacts of `now` in the `exclusion.days` days after another action of the group to the same customer."""
    group = [place for place, one in enumerate(actions) if one.id in exclusion.actions]
    wrong = 0
    for mine in group:
        others = [place for place in group if place != mine]
        for day in np.unique(now.day[now.action == mine]):
            had = np.zeros(n, dtype=bool)
            for contacts in history:
                recent = (contacts.day > day - exclusion.days) & (contacts.day <= day)
                had[contacts.customer[recent & np.isin(contacts.action, others)]] = True
            wrong += int(had[now.customer[(now.action == mine) & (now.day == day)]].sum())
    return Breach(f"exclusion of {', '.join(exclusion.actions)}", 0, wrong) if wrong else None
