"""Caps filled by value: what a contact displaces later, learned from how the best values of past cycles moved.

A contact that uses up a cap may keep out a better one while it counts. Its charge is what the customer's slot would
have earned otherwise (`alamo.numerics.contact_slots`), and is taken off the value before anybody is drawn. What a
customer would lose with actions closed is the value of the best action the cap counts less the best it does not (none
is 0): that is the value whose levels are followed.

*Assumes* that a customer's rank among the values of a day moves as it did over the past cycles, whatever the values
themselves did: models learn, and their scale moves with them. *Not supported*: several caps that bind the same customer
at once are each taken alone, and the largest charge counts; prices of limits are not part of the values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.action import ContactCap, ContactPolicy
from alamo.domain.policy import CapCharge
from alamo.numerics.contact_slots import MOST_STATES, Horizon, Slots, displaced, n_states, transitions
from alamo.steering.cells import Floats, Ints, Pairs
from alamo.steering.contact_policy import Ledger

_MOST_LEVELS, _LEAST_PER_LEVEL, _WINDOWS_AHEAD = 20, 20, 4


@dataclass(frozen=True, slots=True)
class CapTerms:
    """A cap to be filled by value: over which cycles, and what a cycle's money is worth one cycle earlier.

    Attributes
    ----------
    cycle_days
        Length of a cycle.
    discount
        Of one cycle, in (0, 1].
    """

    cap: ContactCap
    cycle_days: int
    discount: float

    @property
    def blocked(self) -> int:
        """Cycles after a contact in which it still counts."""
        return -(-self.cap.days // self.cycle_days) - 1


def caps_to_fill(policy: ContactPolicy) -> list[ContactCap]:
    """Return the caps that a contact can use up, spacing among them."""
    spaced = [ContactCap(1, one.days, one.channel) for one in policy.spacing]
    return [cap for cap in (*policy.caps, *spaced) if cap.maximum > 0]


def worth_of_slot(pairs: Pairs, n: int, covered: Sequence[bool]) -> Floats:
    """Return what each of `n` customers loses if the actions `covered` are closed, money, shape (n,); at least 0."""
    inside = np.asarray(covered, dtype=bool)[pairs.action]
    best, other = np.zeros(n), np.zeros(n)
    np.fmax.at(best, pairs.unit[inside], pairs.value_money[inside])
    np.fmax.at(other, pairs.unit[~inside], pairs.value_money[~inside])
    return np.asarray(np.maximum(best - other, 0.0))


def learn(terms: CapTerms, days: Sequence[tuple[pa.Array, Floats]]) -> CapCharge | str:
    """Return what contacts under a cap displace, or why nothing is charged.

    Parameters
    ----------
    days
        Of each decided cycle and of now, in order: customers and the worth of their slot (n,).
    """
    slots = terms.cap.maximum
    if terms.blocked < 1 or slots > terms.blocked:
        return "it cannot keep out a later contact: so many fit into its window"
    if n_states(slots, terms.blocked) > MOST_STATES:
        return f"{slots} contacts in {terms.blocked + 1} cycles are too many to be followed one by one"
    if len(days) < 2:
        return "the values of one decided cycle have to be known first"
    today = days[-1][1]
    n_levels = min(_MOST_LEVELS, int(np.count_nonzero(today > 0.0)) // _LEAST_PER_LEVEL)
    if n_levels < 1:
        return f"fewer than {_LEAST_PER_LEVEL} customers have an action worth its cost"
    level = [_levels(worth, n_levels) for _, worth in days]
    moved = [_moved(days[d][0], level[d], days[d + 1][0], level[d + 1]) for d in range(len(days) - 1)]
    before, after = (np.concatenate([pair[side] for pair in moved]) for side in (0, 1))
    value = np.bincount(level[-1], today, n_levels + 1) / np.maximum(np.bincount(level[-1], minlength=n_levels + 1), 1)
    value = np.maximum.accumulate(value)
    horizon = Horizon(_WINDOWS_AHEAD * (terms.blocked + 1), terms.blocked + 1, terms.discount)
    charge = displaced(Slots.of(slots, terms.blocked), value, transitions(before, after, n_levels + 1), horizon)
    return CapCharge(
        maximum=slots,
        days=terms.cap.days,
        channel=terms.cap.channel,
        actions=terms.cap.actions,
        levels=terms.cap.levels,
        cycle_days=terms.cycle_days,
        value_money=tuple(value.tolist()),
        charge_money=tuple(tuple(row) for row in charge.tolist()),
    )


def charges(pairs: Pairs, ledger: Ledger, learned: Sequence[CapCharge]) -> Floats:
    """Return what each pair displaces, money, shape (n_cells,): the largest charge of the caps that count it."""
    out, n = np.zeros(len(pairs.unit)), len(ledger.customer_ids)
    for one in learned:
        cap = ContactCap(one.maximum, one.days, one.channel, one.actions, one.levels)
        covered = [cap.covers(action) for action in ledger.actions]
        state = _states(ledger, cap, one)
        of_customer = _interpolated(worth_of_slot(pairs, n, covered), state, one)
        inside = np.asarray(covered, dtype=bool)[pairs.action]
        out = np.where(inside, np.maximum(out, of_customer[pairs.unit]), out)
    return out


def fatigue_of(charged: Mapping[str, float], action_ids: Sequence[str]) -> Floats:
    """Return what a contact with each action takes away from the next ones, money, shape (n_actions,)."""
    return np.array([charged.get(action_id, 0.0) for action_id in action_ids], dtype=np.float64)


def _levels(worth: Floats, n_levels: int) -> Ints:
    """Return 0 where there is nothing to lose, else 1 to `n_levels` by rank among those with something, shape (n,)."""
    some = np.flatnonzero(worth > 0.0)
    level = np.zeros(len(worth), dtype=np.int64)
    order = some[np.argsort(worth[some], kind="stable")]
    level[order] = 1 + np.arange(len(order)) * n_levels // max(len(order), 1)
    return level


def _moved(ids: pa.Array, before: Ints, later_ids: pa.Array, after: Ints) -> tuple[Ints, Ints]:
    place = pc.index_in(ids, value_set=later_ids)
    there = np.asarray(place.is_valid())
    return before[there], after[np.asarray(place.drop_null().to_numpy(zero_copy_only=False), dtype=np.int64)]


def _states(ledger: Ledger, cap: ContactCap, one: CapCharge) -> Ints:
    """Return the state of each customer's slots as an index into the charges, shape (n,)."""
    n, blocked = len(ledger.customer_ids), -(-one.days // one.cycle_days) - 1
    slots = Slots.of(one.maximum, blocked)
    unit, age_days = ledger.ages(cap)
    left = np.ceil((one.days - age_days) / one.cycle_days).astype(np.int64)
    left = np.clip(left, 0, blocked)
    order = np.lexsort((-left, unit))
    unit, left = unit[order], left[order]
    first = np.searchsorted(unit, np.arange(n))
    rank = np.arange(len(unit)) - first[unit]
    state = np.zeros((n, one.maximum), dtype=np.int64)
    kept = rank < one.maximum
    state[unit[kept], one.maximum - 1 - rank[kept]] = left[kept]
    return slots.index(state)


def _interpolated(worth: Floats, state: Ints, one: CapCharge) -> Floats:
    """Return the charge at each customer's own worth, between those of the levels beside it, shape (n,)."""
    x, y = np.array(one.value_money), np.array(one.charge_money)
    upper = np.clip(np.searchsorted(x, worth), 1, max(len(x) - 1, 1))
    span = x[upper] - x[upper - 1]
    share = np.clip((worth - x[upper - 1]) / np.where(span > 0.0, span, 1.0), 0.0, 1.0)
    return np.asarray(y[state, upper - 1] + share * (y[state, upper] - y[state, upper - 1]))
