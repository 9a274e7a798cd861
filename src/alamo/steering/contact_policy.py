"""The contact policy: caps on what a customer receives, days between contacts, actions that keep each other out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.action import Action, ContactCap, ContactPolicy, Exclusion
from alamo.domain.ports import Warehouse
from alamo.domain.reasons import Ineligible

Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_EPOCH, _DAY_US = datetime(1970, 1, 1, tzinfo=UTC), 86_400_000_000

_EVERYBODY_FROM = 1_000
"""From so many customers on, contacts are counted of everybody rather than of those asked about."""

_COUNTED = """
FROM events
WHERE kind = 'sent' AND occurred_at > $since AND occurred_at < $now AND ($channel = '' OR channel = $channel)
  AND ($everything OR action_id IN (SELECT action_id FROM counted))
  AND (action_id IS NULL OR action_id NOT IN (SELECT action_id FROM uncounted))
  AND ($everybody OR customer_id IN (SELECT customer_id FROM asked))
"""
_REACHED_SQL = f"SELECT customer_id {_COUNTED} GROUP BY customer_id HAVING count(*) >= $maximum"
_EACH_SQL = f"SELECT customer_id, occurred_at {_COUNTED} ORDER BY customer_id, occurred_at"


@dataclass(frozen=True, slots=True)
class Ledger:
    """Contacts to be counted: of `customer_ids` before `now`; `actions` say which are transactional and of which level.

    A contact with an action that is not among them counts as marketing, and towards every level.
    """

    warehouse: Warehouse
    customer_ids: pa.ChunkedArray
    actions: tuple[Action, ...]
    now: datetime

    def capped(self, cap: ContactCap) -> Flags:
        """Return which customers may not receive one more contact that `cap` counts, shape (n,).

        A cap of 3 in 7 days is reached by the third contact later than seven days before `now`.
        """
        if cap.maximum <= 0:
            return np.ones(len(self.customer_ids), dtype=bool)
        reached = self._contacts(_REACHED_SQL, cap, maximum=cap.maximum)["customer_id"]
        return np.asarray(pc.is_in(self.customer_ids, value_set=reached.combine_chunks().cast(pa.string())))

    def ages(self, cap: ContactCap) -> tuple[Ints, Floats]:
        """Return customer (position) and age in days of each contact that `cap` counts, shapes (m,)."""
        found = self._contacts(_EACH_SQL, cap)
        place = pc.index_in(found["customer_id"], value_set=self.customer_ids.combine_chunks().cast(pa.string()))
        there = np.asarray(pc.is_valid(place))
        at = np.asarray(found["occurred_at"].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_numpy())
        now = (self.now - _EPOCH) // timedelta(microseconds=1)
        unit = np.asarray(pc.fill_null(place, 0).to_numpy(), dtype=np.int64)
        return unit[there], ((now - at) / _DAY_US)[there]

    def _contacts(self, sql: str, cap: ContactCap, **more: int) -> pa.Table:
        by_class_and_level = replace(cap, actions=(), channel=None)  # a contact's channel is that of its event
        uncounted = [action.id for action in self.actions if not by_class_and_level.covers(action)]
        few = len(self.customer_ids) < _EVERYBODY_FROM
        parameters = {
            "since": self.now - timedelta(days=cap.days),
            "now": self.now,
            "channel": cap.channel or "",
            "everything": not cap.actions,
            "everybody": not few,
            **more,
        }
        relations = {
            "counted": _named("action_id", cap.actions),
            "uncounted": _named("action_id", uncounted),
            "asked": _named("customer_id", self.customer_ids.to_pylist() if few else ()),
        }
        return self.warehouse.query(sql, parameters, relations)


def closed_by_contacts(ledger: Ledger, policy: ContactPolicy) -> Iterator[tuple[Ineligible, list[Flags]]]:
    """Yield each reason that rests on earlier contacts with whom it closes each action to, in the order of counting.

    Transactional actions are never closed by them.
    """
    n = len(ledger.customer_ids)
    for reason, caps in _as_caps(policy).items():
        found = {cap: ledger.capped(cap) for cap in caps if any(cap.covers(action) for action in ledger.actions)}
        yield reason, [_any(n, [mask for cap, mask in found.items() if cap.covers(a)]) for a in ledger.actions]
    yield Ineligible.EXCLUSIVE, [_any(n, _excluding(ledger, policy.exclusive, action)) for action in ledger.actions]


def at_their_cap(ledger: Ledger, policy: ContactPolicy) -> dict[str, frozenset[str]]:
    """Return action → the customers that earlier contacts close it to, by any cap, spacing or exclusion."""
    n = len(ledger.customer_ids)
    closed = [np.zeros(n, dtype=bool) for _ in ledger.actions]
    for _, masks in closed_by_contacts(ledger, policy):
        closed = [so_far | mask for so_far, mask in zip(closed, masks, strict=True)]
    return {
        action.id: frozenset(ledger.customer_ids.filter(pa.array(mask)).to_pylist())
        for action, mask in zip(ledger.actions, closed, strict=True)
    }


def _as_caps(policy: ContactPolicy) -> dict[Ineligible, list[ContactCap]]:
    """Return caps and spacing by reason; a spacing of N days is a cap of one contact in N days."""
    kinds: dict[Ineligible, list[ContactCap]] = {
        Ineligible.CHANNEL_CAP: [], Ineligible.TOTAL_CAP: [], Ineligible.GROUP_CAP: []
    }  # fmt: skip
    for cap in policy.caps:
        grouped = bool(cap.actions or cap.levels)
        whole = Ineligible.TOTAL_CAP if cap.channel is None else Ineligible.CHANNEL_CAP
        kinds[Ineligible.GROUP_CAP if grouped else whole].append(cap)
    return {**kinds, Ineligible.SPACING: [ContactCap(1, spacing.days, spacing.channel) for spacing in policy.spacing]}


def _excluding(ledger: Ledger, exclusive: Iterable[Exclusion], action: Action) -> list[Flags]:
    if not action.is_marketing:
        return []
    mine = [one for one in exclusive if action.id in one.actions]
    others = [tuple(other for other in one.actions if other != action.id) for one in mine]
    return [
        ledger.capped(ContactCap(1, one.days, actions=kept_out)) for one, kept_out in zip(mine, others, strict=True)
    ]


def _any(n: int, masks: Sequence[Flags]) -> Flags:
    return np.logical_or.reduce(masks) if masks else np.zeros(n, dtype=bool)


def _named(column: str, names: Iterable[str]) -> pa.Table:
    return pa.table({column: pa.array(list(names), pa.string())})
