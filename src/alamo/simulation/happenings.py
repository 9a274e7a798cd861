"""What happened in the market, as events: the tables that the world hands over as an event source."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.event import EventKind
from alamo.domain.money import minor_per_major
from alamo.domain.tables import EVENTS
from alamo.simulation.purchases import Ints, Purchases

_US_PER_DAY = 86_400_000_000
_US_PER_SECOND = 1_000_000
_SHOP_OPENS, _SHOP_OPEN_SECONDS = 9 * 3600, 36_000
_TIME = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True, slots=True)
class Register:
    """Names that turn numbers into rows.

    Attributes
    ----------
    ids, countries
        Of each customer, in the order of their index.
    categories
        Behind the category indices.
    start
        Midnight (UTC) of day 0.
    currency
        ISO 4217 code.
    """

    ids: pa.Array
    countries: pa.Array
    categories: pa.Array
    start: datetime
    currency: str

    def moments(self, day: Ints, second: Ints) -> pa.Array:
        """Return the moments ``start + day + second``, shape (m,)."""
        origin = round((self.start - datetime(1970, 1, 1, tzinfo=self.start.tzinfo)) / timedelta(microseconds=1))
        return pa.array(origin + day * _US_PER_DAY + second * _US_PER_SECOND, pa.int64()).cast(_TIME)


def events_table(source: str, columns: dict[str, pa.Array]) -> pa.Table:
    """Return rows of the events contract; what `columns` does not name is null."""
    rows = len(columns["event_id"])
    values = {"source": pa.repeat(pa.scalar(source), rows), "received_at": columns["occurred_at"]} | columns
    arrays = [values.get(c.name, pa.nulls(rows, c.type)) for c in EVENTS.columns]
    return pa.Table.from_arrays(arrays, schema=EVENTS.schema)


def order_events(register: Register, source: str, purchases: Purchases) -> pa.Table:
    """Return one order line per purchase day."""
    customer, day = purchases.customer, purchases.day
    second = _SHOP_OPENS + (customer * 7919 + day * 104_729) % _SHOP_OPEN_SECONDS
    ids = register.ids.take(pa.array(customer))
    moments = register.moments(day, second)
    order = pc.binary_join_element_wise("order", ids, pc.strftime(moments, "%Y-%m-%d"), "/")
    minor = np.maximum(np.rint(purchases.money * minor_per_major(register.currency)), 1).astype(np.int64)
    rows = len(customer)
    return events_table(
        source,
        {
            "event_id": order,
            "customer_id": ids,
            "kind": pa.repeat(pa.scalar(EventKind.ORDER_LINE.value), rows),
            "occurred_at": moments,
            "order_id": order,
            "category": register.categories.take(pa.array(purchases.category)),
            "quantity": pa.repeat(pa.scalar(1.0), rows),
            "amount_minor": pa.array(minor),
            "country": register.countries.take(pa.array(customer)),
        },
    )


def consent_events(
    register: Register, source: str, customers: Ints, channel: str, kind: EventKind, day: Ints
) -> pa.Table:
    """Return one grant or withdrawal of `channel` for each of `customers` at noon of `day`, shapes (m,)."""
    ids = register.ids.take(pa.array(customers))
    moments = register.moments(day, np.full(len(day), 12 * 3600))
    return events_table(
        source,
        {
            "event_id": pc.binary_join_element_wise(kind.value, channel, ids, pc.strftime(moments, "%Y-%m-%d"), "/"),
            "customer_id": ids,
            "kind": pa.repeat(pa.scalar(kind.value), len(ids)),
            "occurred_at": moments,
            "channel": pa.repeat(pa.scalar(channel), len(ids)),
        },
    )


def visit_events(register: Register, source: str, customers: Ints, day: Ints) -> pa.Table:
    """Return one visit for each of `customers` in the evening of `day`, shapes (m,)."""
    ids = register.ids.take(pa.array(customers))
    moments = register.moments(day, np.full(len(day), 20 * 3600))
    return events_table(
        source,
        {
            "event_id": pc.binary_join_element_wise("visit", ids, pc.strftime(moments, "%Y-%m-%d"), "/"),
            "customer_id": ids,
            "kind": pa.repeat(pa.scalar(EventKind.VISIT.value), len(ids)),
            "occurred_at": moments,
        },
    )


def sent_events(source: str, deliveries: pa.Table) -> pa.Table:
    """Return one ``sent`` event per delivery (columns decision_id, customer_id, action_id, channel, sent_at)."""
    rows = deliveries.num_rows
    return events_table(
        source,
        {
            "event_id": pc.binary_join_element_wise("sent", deliveries["decision_id"].combine_chunks(), "/"),
            "customer_id": deliveries["customer_id"].combine_chunks(),
            "kind": pa.repeat(pa.scalar(EventKind.SENT.value), rows),
            "occurred_at": deliveries["sent_at"].combine_chunks(),
            "channel": deliveries["channel"].combine_chunks(),
            "action_id": deliveries["action_id"].combine_chunks(),
            "decision_id": deliveries["decision_id"].combine_chunks(),
        },
    )
