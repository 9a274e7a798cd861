"""A table of orders as arrays, oldest first; nothing here looks ahead of the day it is asked about."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.errors import InputError, UsageError
from alamo.numerics.text_dates import order_values
from alamo.prediction.named_columns import require_columns
from alamo.prediction.next_product.spec import NextProductSpec

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

MOST_PRODUCTS = 1_500
"""Products that can be recommended: those most customers bought. The others count as activity only."""


@dataclass(frozen=True, slots=True)
class Orders:
    """Order lines, oldest first.

    Attributes
    ----------
    customer, product
        Codes, shape (n,); a product of −1 is one of the rare ones.
    day
        Days since 1970, shape (n,).
    customers, products
        What the codes stand for.
    """

    customer: Integers
    product: Integers
    day: Floats
    customers: pa.Array
    products: pa.Array

    def before(self, day: float) -> Orders:
        """Return what was known at the start of `day`: lines strictly earlier."""
        return self._part(slice(0, int(np.searchsorted(self.day, day, side="left"))))

    def between(self, start: float, end: float) -> Orders:
        """Return lines in [start, end)."""
        first, last = np.searchsorted(self.day, [start, end], side="left")
        return self._part(slice(int(first), int(last)))

    def _part(self, rows: slice) -> Orders:
        return Orders(self.customer[rows], self.product[rows], self.day[rows], self.customers, self.products)


def read_orders(table: pa.Table, spec: NextProductSpec) -> Orders:
    """Read orders; lines without a customer, a time or a product are left out.

    Raises
    ------
    UsageError
        If a column does not exist, or the time cannot be read.
    InputError
        If no line is complete.
    """
    require_columns(table, (spec.customer, spec.time, spec.product))
    day = order_values(table.column(spec.time))
    if day is None:
        raise UsageError(
            f"column {spec.time!r} holds neither days nor dates in one form",
            hint="Name a column of dates such as 2011-07-22: --time COL",
            code="next_product.bad_time",
            details={"column": spec.time},
        )
    named = pc.and_(pc.is_valid(table.column(spec.customer)), pc.is_valid(table.column(spec.product)))
    rows = np.flatnonzero(np.asarray(named) & np.isfinite(day))
    if not len(rows):
        raise InputError(
            "no line has a customer, a time and a product",
            hint="Name the right columns: --customer COL --time COL --product COL",
            code="next_product.no_lines",
        )
    rows = rows[np.argsort(day[rows], kind="stable")]
    part = table.take(pa.array(rows))
    customer, customers = _codes(part.column(spec.customer))
    product, products = _codes(part.column(spec.product))
    product, products = _frequent(customer, product, products)
    return Orders(customer, product, day[rows], customers, products)


def _codes(column: pa.ChunkedArray) -> tuple[Integers, pa.Array]:
    encoded = pc.dictionary_encode(column.combine_chunks())
    return np.asarray(encoded.indices, dtype=np.int64), encoded.dictionary


def _frequent(customer: Integers, product: Integers, products: pa.Array) -> tuple[Integers, pa.Array]:
    pairs = np.unique(customer * len(products) + product)
    buyers = np.bincount(pairs % len(products), minlength=len(products))
    chosen = np.argsort(-buyers, kind="stable")[:MOST_PRODUCTS]
    place = np.full(len(products), -1, dtype=np.int64)
    place[chosen] = np.arange(len(chosen))
    return place[product], products.take(pa.array(chosen))
