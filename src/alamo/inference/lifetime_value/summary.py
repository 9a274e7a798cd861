"""From transactions to what a purchase-process model looks at: x, t_x, T and the mean money of repeat purchases.

A purchase is a distinct day of a customer; amounts of a day are summed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Floats = npt.NDArray[np.float64]
Days = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class PurchaseDays:
    """One row per customer and purchase day, ordered by customer, then day.

    Attributes
    ----------
    customers
        Distinct customers, shape (c,).
    customer
        Index into `customers`, shape (m,).
    day
        Days since 1970-01-01, shape (m,).
    money
        Sum of the day's amounts, shape (m,); None if amounts are unknown.
    """

    customers: pa.Array
    customer: Days
    day: Days
    money: Floats | None

    def selected(self, rows: npt.NDArray[np.bool_]) -> PurchaseDays:
        """Return some of the rows; customers keep their index."""
        money = None if self.money is None else self.money[rows]
        return PurchaseDays(self.customers, self.customer[rows], self.day[rows], money)


@dataclass(frozen=True, slots=True, eq=False)
class PurchaseSummary:
    """Customers seen up to a day, and their sufficient statistics; all of shape (n,).

    Attributes
    ----------
    customer
        Index into the `customers` of the purchase days.
    x
        Repeat purchases: purchase days less one.
    t_x_days, t_days
        Days from the first purchase to the last, and to the end of the calibration.
    repeat_money
        Mean money of the repeat purchases, 0 without one; None if amounts are unknown.
    """

    customer: Days
    x: Floats
    t_x_days: Floats
    t_days: Floats
    repeat_money: Floats | None

    def __len__(self) -> int:
        return len(self.x)


def purchase_days(customer: pa.Array | pa.ChunkedArray, day: Days, amount: Floats | None) -> PurchaseDays:
    """Group transactions by customer and day.

    Parameters
    ----------
    customer
        Identifiers of any type without nulls, shape (n,).
    day
        Days since 1970-01-01, shape (n,).
    amount
        Money of each transaction, shape (n,), or None.
    """
    chunked = customer if isinstance(customer, pa.ChunkedArray) else pa.chunked_array([customer])
    coded = chunked.combine_chunks().dictionary_encode()
    index = np.asarray(coded.indices.to_numpy(zero_copy_only=False), dtype=np.int64)
    origin = int(day.min(initial=0))
    span = int(day.max(initial=0)) - origin + 1
    key, place = np.unique(index * span + (day - origin), return_inverse=True)
    money = None if amount is None else np.bincount(place, weights=amount, minlength=len(key)).astype(np.float64)
    return PurchaseDays(coded.dictionary, key // span, key % span + origin, money)


def summarise(purchases: PurchaseDays, until_day: int) -> PurchaseSummary:
    """Summarise purchases up to and including `until_day`; customers first seen later are left out."""
    seen = purchases.selected(purchases.day <= until_day)
    customer, first, n_days = np.unique(seen.customer, return_index=True, return_counts=True)
    last = first + n_days - 1
    x = (n_days - 1).astype(np.float64)
    repeat_money = None
    if seen.money is not None:
        total = np.add.reduceat(seen.money, first) if len(first) else np.zeros(0)
        repeat_money = np.where(x > 0, total - seen.money[first], 0.0) / np.maximum(x, 1.0)
    return PurchaseSummary(
        customer=customer,
        x=x,
        t_x_days=(seen.day[last] - seen.day[first]).astype(np.float64),
        t_days=(until_day - seen.day[first]).astype(np.float64),
        repeat_money=repeat_money,
    )


def purchases_between(purchases: PurchaseDays, summary: PurchaseSummary, after_day: int, until_day: float) -> Floats:
    """Return the purchase days of each customer of `summary` in (after_day, until_day], shape (n,)."""
    rows = (purchases.day > after_day) & (purchases.day <= until_day)
    counts = np.bincount(purchases.customer[rows], minlength=len(purchases.customers))
    return counts[summary.customer].astype(np.float64)


def log_gaps_days(purchases: PurchaseDays, until_day: int) -> float:
    """Return the sum of the logarithms of all times between purchase days of a customer up to `until_day`, in days."""
    seen = purchases.selected(purchases.day <= until_day)
    same = np.diff(seen.customer) == 0
    return float(np.log(np.diff(seen.day)[same]).sum())
