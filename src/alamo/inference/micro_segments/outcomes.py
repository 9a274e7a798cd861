"""What came after: the difference between the profiles of two moments, and what of it segments should tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.inference.micro_segments.features import MONEY_IN

Floats = npt.NDArray[np.float64]

_CATEGORIES_WEIGHT = 2.0
"""Weight of all categories together; buying, its number and its money have weight 1 each."""


@dataclass(frozen=True, slots=True)
class Future:
    """What the customers of a moment did within a number of months, shape (n,) each.

    Attributes
    ----------
    bought_soon, bought
        Whether they bought within the first month, and within all of them.
    purchase_days
        Days with a purchase.
    money, margin_money
        Net of returns (major units).
    by_category
        Money of order lines by category, shape (n, c).
    """

    bought_soon: Floats
    bought: Floats
    purchase_days: Floats
    money: Floats
    margin_money: Floats
    by_category: Floats


def future_of(snapshots: Sequence[pa.Table], place: int, months: int) -> Future:
    """Return what followed after snapshot `place` within `months` later ones.

    Assumes
    -------
    Snapshots rise in time at equal steps, and whoever is in one is in every later one.
    """
    now, soon, late = snapshots[place], snapshots[place + 1], snapshots[place + months]
    categories = [name for name in now.column_names if name.startswith(MONEY_IN)]
    days = _added(now, late, "purchase_days")
    return Future(
        bought_soon=(_added(now, soon, "purchase_days") > 0.0).astype(np.float64),
        bought=(days > 0.0).astype(np.float64),
        purchase_days=days,
        money=_added(now, late, "money"),
        margin_money=_added(now, late, "margin_money"),
        by_category=np.column_stack([_added(now, late, name) for name in categories])
        if categories
        else np.zeros((now.num_rows, 0)),
    )


def told_apart(future: Future) -> Floats:
    """Return the outcomes that segments should predict, standardised within their month, shape (n, 4 + c).

    Whether and how often a customer buys counts by itself, money by its logarithm, so that a few large orders do not
    decide; standardising within the month takes the season out.
    """
    columns = [
        future.bought_soon,
        future.bought,
        np.sqrt(np.maximum(future.purchase_days, 0.0)),
        np.log1p(np.maximum(future.money, 0.0)),
        *np.log1p(np.maximum(future.by_category, 0.0)).T,
    ]
    n_categories = len(columns) - 4
    weight = np.array([1.0] * 4 + [_CATEGORIES_WEIGHT / n_categories] * n_categories if n_categories else [1.0] * 4)
    values = np.column_stack(columns)
    spread = values.std(axis=0)
    standard = np.where(spread > 0.0, (values - values.mean(axis=0)) / np.where(spread > 0.0, spread, 1.0), 0.0)
    found: Floats = standard * np.sqrt(weight / weight.sum())
    return found


def _added(now: pa.Table, later: pa.Table, name: str) -> Floats:
    place = pc.index_in(now["customer_id"], value_set=later["customer_id"].combine_chunks())
    at = np.asarray(place.to_numpy(), dtype=np.float64)
    if np.isnan(at).any():
        raise ValueError("a customer of an earlier snapshot is missing from a later one")
    column = np.asarray(later[name].cast(pa.float64()), dtype=np.float64)[at.astype(np.int64)]
    found: Floats = column - np.asarray(now[name].cast(pa.float64()), dtype=np.float64)
    return found
