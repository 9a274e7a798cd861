"""Order lines and returned lines.

A line is a return when its quantity is negative, when it is flagged as one, or when its order id starts with the
mapping's ``return_prefix``; its amount then counts negative whatever sign the file gives it. An amount of the whole
line wins over quantity × price.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.event import EventKind
from alamo.domain.tables import EVENTS
from alamo.measurement.importing.desk import Desk
from alamo.measurement.importing.identity import customer_ids
from alamo.measurement.importing.numbers import Floats, Integers, minor_units, money_minor, too_large
from alamo.measurement.importing.rows import Fields, Inspection, Mask, Normalised, SourceRows, flags
from alamo.measurement.importing.words import TRUE

_COPIED = ("order_id", "product_id", "category", "country", "action_id", "decision_id")


@dataclass(frozen=True, slots=True)
class _Money:
    """Quantity, amount and margin of the lines, shape (n,) each; amounts signed."""

    quantity: Floats | None
    amount_minor: Integers
    margin_minor: pa.Array
    returned: Mask


def order_lines(rows: SourceRows, desk: Desk) -> Normalised:
    """Return the lines of one batch as events."""
    fields, inspection = Fields(rows.data, desk.mapping), Inspection(rows.numbers, rows.bad)
    columns = {
        "event_id": desk.ids(fields, "line_id", rows.numbers, inspection),
        "customer_id": customer_ids(fields, "customer_id", inspection),
        "occurred_at": desk.time(fields, "occurred_at", inspection),
        **desk.stamps(fields.n),
        **{name: fields.text(name) for name in _COPIED if desk.mapping.has(name)},
    }
    desk.known_currency(fields, inspection)
    money = _money(fields, desk, inspection)
    columns["kind"] = _kinds(money.returned)
    columns["amount_minor"] = pa.array(money.amount_minor)
    columns["margin_minor"] = money.margin_minor
    if money.quantity is not None:
        columns["quantity"] = pa.array(money.quantity, from_pandas=True)
    return inspection.finish(EVENTS.table, columns, EVENTS.schema)


def _kinds(returned: Mask) -> pa.Array:
    kinds = pa.array([EventKind.ORDER_LINE.value, EventKind.RETURN_LINE.value])
    return kinds.take(pa.array(returned.astype(np.int8)))


def _money(fields: Fields, desk: Desk, inspection: Inspection) -> _Money:
    quantity = desk.number(fields, "quantity", inspection)
    returned = _returned(fields, desk, quantity)
    if desk.mapping.has("amount"):
        amount = desk.number(fields, "amount", inspection)
        if amount is not None and not _says_returns(desk):
            returned = np.nan_to_num(amount) < 0
        minor = _amounts(fields, amount, returned, desk, inspection)
    else:
        price = desk.number(fields, "price", inspection)
        minor = _products(fields, quantity, price, desk, inspection)
    return _Money(
        quantity, np.where(returned, -np.abs(minor), minor), _margins(fields, desk, inspection, returned), returned
    )


def _returned(fields: Fields, desk: Desk, quantity: Floats | None) -> Mask:
    returned = np.zeros(fields.n, dtype=bool) if quantity is None else np.nan_to_num(quantity) < 0
    if desk.mapping.options.return_prefix:
        returned = returned | flags(pc.starts_with(fields.text("order_id"), desk.mapping.options.return_prefix))
    if desk.mapping.has("is_return"):
        returned = returned | flags(pc.is_in(pc.utf8_lower(fields.text("is_return")), value_set=pa.array(TRUE)))
    return returned


def _says_returns(desk: Desk) -> bool:
    """Say whether something beside the sign of the amount tells what is a return."""
    return bool(desk.mapping.has("quantity") or desk.mapping.has("is_return") or desk.mapping.options.return_prefix)


def _amounts(fields: Fields, amount: Floats | None, returned: Mask, desk: Desk, inspection: Inspection) -> Integers:
    money = np.full(fields.n, np.nan) if amount is None else amount
    inspection.reject(np.isnan(money), "amount", "there is no amount")
    inspection.reject(too_large(money), "amount", "is too large", fields.text("amount"))
    negative = (np.nan_to_num(money) < 0) & ~returned
    inspection.reject(
        negative, "amount", "negative amount on a line that is not a return (map is_return)", fields.text("amount")
    )
    return money_minor(money, desk.exponent)


def _products(
    fields: Fields, quantity: Floats | None, price: Floats | None, desk: Desk, inspection: Inspection
) -> Integers:
    each = np.full(fields.n, np.nan) if price is None else price
    pieces = np.ones(fields.n) if quantity is None else quantity
    inspection.reject(np.isnan(each), "price", "there is no price")
    inspection.reject(np.isnan(pieces), "quantity", "there is no quantity")
    inspection.reject(np.nan_to_num(each) < 0, "price", "negative price", fields.text("price"))
    inspection.reject(too_large(pieces, each), "price", "is too large", fields.text("price"))
    return minor_units(pieces, each, desk.exponent)


def _margins(fields: Fields, desk: Desk, inspection: Inspection, returned: Mask) -> pa.Array:
    """Return the margin of each line in minor units, null where the file has none; a return gives it back."""
    margin = desk.number(fields, "margin", inspection)
    if margin is None:
        return pa.nulls(fields.n, pa.int64())
    inspection.reject(too_large(margin), "margin", "is too large", fields.text("margin"))
    minor = money_minor(margin, desk.exponent)
    return pa.array(np.where(returned, -np.abs(minor), minor), mask=np.isnan(margin))
