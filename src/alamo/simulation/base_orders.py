"""Base orders: the real purchase history a population is resampled from, as arrays by customer and day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.errors import InsufficientDataError
from alamo.domain.event import EventKind
from alamo.domain.money import minor_per_major

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

OTHER = "other"
_TOP_CATEGORIES = 8
_LEAST_CUSTOMERS = 20


@dataclass(frozen=True, slots=True)
class BaseOrders:
    """Purchase days of real customers before the start of a simulation, ordered by customer and day.

    Attributes
    ----------
    ids
        Customer ids, shape (n,).
    countries
        Last country seen, shape (n,), None where unknown.
    customer, day, money, category
        One row per customer and day with a positive net amount, shape (m,): index into `ids`, days relative to the
        start (−1 is the day before), net money in major units, index into `categories` (−1 unknown).
    categories
        The most frequent categories; rarer ones are gathered under `OTHER`; empty where the orders name none.
    """

    ids: tuple[str, ...]
    countries: tuple[str | None, ...]
    customer: Ints
    day: Ints
    money: Floats
    category: Ints
    categories: tuple[str, ...]

    @property
    def purchase_days(self) -> Ints:
        """Purchase days per customer, shape (n,)."""
        return np.bincount(self.customer, minlength=len(self.ids)).astype(np.int64)

    @property
    def first_row(self) -> Ints:
        """Index of each customer's first row, shape (n,); meaningless for customers without one."""
        return np.concatenate([[0], np.cumsum(self.purchase_days)[:-1]]).astype(np.int64)


def base_orders_from_events(events: pa.Table, *, currency: str, start: datetime) -> BaseOrders:
    """Return the purchase days in a table of events (EVENTS contract) before `start`.

    A customer's lines and returns of one day are netted; days that come out at or below zero are no purchase.
    Customers without any purchase day are left out.

    Raises
    ------
    InsufficientDataError
        With fewer than 20 customers who bought anything.
    """
    lines = events.filter(
        pc.and_(
            pc.is_in(events["kind"], pa.array([EventKind.ORDER_LINE.value, EventKind.RETURN_LINE.value])),
            pc.less(events["occurred_at"], pa.scalar(start, events.schema.field("occurred_at").type)),
        )
    )
    days = pc.days_between(pa.scalar(start, lines.schema.field("occurred_at").type), lines["occurred_at"])
    lines = pa.table(
        {
            "customer_id": lines["customer_id"],
            "day": days.cast(pa.int64()),
            "category": lines["category"],
            "country": lines["country"],
            "amount": pc.fill_null(lines["amount_minor"], 0),
        }
    )
    net = lines.group_by(["customer_id", "day"]).aggregate([("amount", "sum")])
    net = net.filter(pc.greater(net["amount_sum"], 0)).sort_by([("customer_id", "ascending"), ("day", "ascending")])
    encoded = net["customer_id"].combine_chunks().dictionary_encode()
    ids = tuple(encoded.dictionary.to_pylist())
    if len(ids) < _LEAST_CUSTOMERS:
        raise InsufficientDataError(
            f"a population needs at least {_LEAST_CUSTOMERS} customers with a purchase to be resampled from,"
            f" there are {len(ids)}",
            hint='Import orders first: alamo import orders FILE; or set [population] from = "synthetic"',
            code="simulation.no_orders",
        )
    names, category = _main_categories(lines, net)
    return BaseOrders(
        ids=ids,
        countries=_last_countries(lines, ids),
        customer=encoded.indices.to_numpy().astype(np.int64),
        day=net["day"].to_numpy().astype(np.int64),
        money=net["amount_sum"].to_numpy().astype(np.float64) / minor_per_major(currency),
        category=category,
        categories=names,
    )


def _main_categories(lines: pa.Table, net: pa.Table) -> tuple[tuple[str, ...], Ints]:
    """Return the frequent categories and, for every row of `net`, the one most was spent on (−1 unknown)."""
    named = lines.filter(pc.is_valid(lines["category"]))
    if not named.num_rows:
        return (), np.full(net.num_rows, -1, dtype=np.int64)
    counts = pc.value_counts(named["category"].combine_chunks()).to_pylist()
    ranked = sorted(counts, key=lambda entry: (-entry["counts"], entry["values"]))
    names = [entry["values"] for entry in ranked[: _TOP_CATEGORIES - 1]]
    names += [OTHER] if len(ranked) >= _TOP_CATEGORIES else []
    spent = named.group_by(["customer_id", "day", "category"]).aggregate([("amount", "sum")])
    spent = spent.sort_by([("amount_sum", "descending"), ("category", "ascending")])
    best = spent.group_by(["customer_id", "day"], use_threads=False).aggregate([("category", "first")])
    joined = net.append_column("row", pa.array(np.arange(net.num_rows)))
    joined = joined.join(best, keys=["customer_id", "day"], join_type="left outer").sort_by("row")
    found = pc.index_in(joined["category_first"], value_set=pa.array(names))
    unknown = -1 if OTHER not in names else names.index(OTHER)
    code = pc.if_else(pc.is_null(joined["category_first"]), -1, pc.fill_null(found, unknown))
    return tuple(names), code.to_numpy().astype(np.int64)


def _last_countries(lines: pa.Table, ids: tuple[str, ...]) -> tuple[str | None, ...]:
    seen = lines.filter(pc.is_valid(lines["country"])).sort_by([("day", "ascending"), ("country", "ascending")])
    last = dict(zip(seen["customer_id"].to_pylist(), seen["country"].to_pylist(), strict=True))
    return tuple(last.get(customer) for customer in ids)
