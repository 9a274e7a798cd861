"""Behaviour: profiles of several past moments, with the money spent in each of the main categories to date.

What came after a moment is the difference to a later one, because money, orders and purchase days only ever add up.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.money import minor_per_major
from alamo.domain.ports import Warehouse
from alamo.domain.settings import MarginSettings
from alamo.domain.time import utc
from alamo.measurement.profiles import build_profiles

MONEY_IN = "money_in:"
"""Prefix of the columns of money by category."""
MOST_CATEGORIES = 12

_MAIN_SQL = """
SELECT category FROM events
WHERE category IS NOT NULL AND kind = 'order_line' AND occurred_at < $until
GROUP BY category ORDER BY count(DISTINCT customer_id) DESC, category LIMIT $most
"""
_MONEY_SQL = """
SELECT customer_id, category, CAST(sum(amount_minor) AS DOUBLE) / $minor AS money
FROM events
WHERE category IN (SELECT category FROM main) AND kind = 'order_line' AND occurred_at < $until
GROUP BY customer_id, category
"""


def main_categories(warehouse: Warehouse, until: datetime) -> tuple[str, ...]:
    """Return the categories that most customers bought before `until`, at most `MOST_CATEGORIES`."""
    found = warehouse.query(_MAIN_SQL, {"until": utc(until), "most": MOST_CATEGORIES})
    return tuple(found["category"].to_pylist())


def months_back(warehouse: Warehouse, until: datetime, days: int, most: int) -> tuple[datetime, ...]:
    """Return `until` and the moments `days` apart before it, oldest first, from one month after the first order on."""
    first = warehouse.query("SELECT min(occurred_at) AS first FROM events WHERE kind = 'order_line'")["first"][
        0
    ].as_py()
    if first is None:
        return ()
    month = timedelta(days=days)
    count = min(most, max((utc(until) - utc(first)) // month, 1))
    return tuple(utc(until) - k * month for k in reversed(range(count)))


def build_behaviour(
    warehouse: Warehouse, as_of: datetime, categories: Sequence[str], *, margin: MarginSettings, currency: str
) -> pa.Table:
    """Return the profiles (PROFILES contract) as of a moment, with a column `MONEY_IN` + name for each of `categories`.

    Parameters
    ----------
    warehouse, as_of, margin, currency
        As in `build_profiles`.
    categories
        Names of product categories; their columns hold the money of order lines to date (major units, returns not
        netted out), 0 without one.
    """
    profiles = build_profiles(warehouse, as_of, margin=margin, currency=currency)
    if not categories:
        return profiles
    spent = warehouse.query(
        _MONEY_SQL,
        {"until": utc(as_of), "minor": float(minor_per_major(currency))},
        {"main": pa.table({"category": pa.array(categories, pa.string())})},
    )
    person = pc.index_in(spent["customer_id"], value_set=profiles["customer_id"].combine_chunks())
    place = pc.index_in(spent["category"], value_set=pa.array(categories, pa.string()))
    money = np.zeros((profiles.num_rows, len(categories)))
    money[np.asarray(person), np.asarray(place)] = np.asarray(spent["money"])
    for j, name in enumerate(categories):
        profiles = profiles.append_column(f"{MONEY_IN}{name}", pa.array(money[:, j]))
    return profiles
