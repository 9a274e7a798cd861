"""A small shop month by month: customers of known kinds, as the profiles that segments are found from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from alamo.inference.micro_segments.features import STAGES

FIRST = datetime(2020, 1, 1, tzinfo=UTC)
DAYS = 30


def months(
    n_months: int = 9, n: int = 700, *, seed: int = 0, telling: bool = True, joining: float = 0.0
) -> list[pa.Table]:
    """Return profiles at `n_months` moments a month apart.

    How often a customer buys, how dearly and in which of two categories depends on his kind; unless `telling`, all are
    alike. A share `joining` of the customers comes in the later months.
    """
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 4, n)
    rate = np.array([0.15, 0.4, 0.8, 1.6])[kind] if telling else np.full(n, 0.5)
    price = np.where(rng.random(n) < 0.5, 20.0, 120.0) if telling else np.full(n, 50.0)
    taste = np.where(rng.random(n) < 0.5, 0.1, 0.9) if telling else np.full(n, 0.5)
    start = np.where(rng.random(n) < joining, rng.integers(1, n_months, n), 0)
    past = 6  # months before the first table
    days = rng.poisson(rate[:, None], (n, past + n_months)) * (np.arange(past + n_months) >= start[:, None] + past - 6)
    days[np.arange(n), start] = np.maximum(days[np.arange(n), start], 1)  # everybody has bought when he joins
    money = days * price[:, None] * rng.gamma(20.0, 1 / 20.0, days.shape)
    return [_profiles(days[:, : past + k], money[:, : past + k], taste, start, k) for k in range(n_months)]


def _profiles(days: np.ndarray, money: np.ndarray, taste: np.ndarray, start: np.ndarray, month: int) -> pa.Table:
    n, columns = days.shape
    here = start < columns
    last = columns - 1 - np.argmax((days > 0)[:, ::-1], axis=1)
    recency = (columns - last - 0.5) * DAYS
    total = days.sum(axis=1)
    stage = np.select(
        [recency > 120, recency > 60, total >= 5, total >= 2], ["lapsed", "at risk", "loyal", "active"], "new"
    )
    table = pa.table(
        {
            "customer_id": [f"c{i:05d}" for i in range(n)],
            "as_of": pa.array([FIRST + timedelta(days=DAYS * month)] * n, pa.timestamp("us", tz="UTC")),
            "as_of_day": [(FIRST + timedelta(days=DAYS * month)).date().isoformat()] * n,
            "stage": stage.astype(object),
            "recency_days": recency,
            "tenure_days": (columns - start - 0.5) * DAYS,
            "purchase_days": total,
            "orders_30d": days[:, -1],
            "orders_90d": days[:, -3:].sum(axis=1),
            "categories": np.minimum(total, 2),
            "returns_365d": np.zeros(n, np.int64),
            "answered_last": np.zeros(n, bool),
            "bought_on_discount": np.zeros(n, bool),
            "money": money.sum(axis=1),
            "money_90d": money[:, -3:].sum(axis=1),
            "margin_money": 0.3 * money.sum(axis=1),
            "money_in:garden": money.sum(axis=1) * taste,
            "money_in:toys": money.sum(axis=1) * (1.0 - taste),
        }
    )
    assert set(table["stage"].to_pylist()) <= set(STAGES)
    return table.filter(pa.array(here))
