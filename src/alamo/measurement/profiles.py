"""Profiles: one row per customer as of a moment, from one roll-up of the events before it.

Rules that need words:

- A *purchase day* is a UTC day whose net is positive: order lines less the returns of that day. The *orders* of such a
  day are its order ids with a positive net of their own.
- A later return reduces money and margin on the day it occurs; the order stays an order. What came later can therefore
  never change an earlier profile.
- Windows hold whole days when `as_of` is a midnight; otherwise a day counts from its first line.
- A word about every channel (``*``) replaces earlier words about single channels, so a list holds only what stands.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files

import numpy as np
import pyarrow as pa

from alamo.domain.money import minor_per_major
from alamo.domain.ports import Warehouse
from alamo.domain.settings import MarginSettings
from alamo.domain.tables import PROFILES
from alamo.domain.time import utc
from alamo.measurement.lifecycle import Standing, stages, states, typical_gap_days
from alamo.measurement.margins import margin_sql
from alamo.measurement.permissions import standing_sql

WINDOWS_DAYS = (7, 30, 90, 365)


def build_profiles(warehouse: Warehouse, as_of: datetime, *, margin: MarginSettings, currency: str) -> pa.Table:
    """Return the profiles (PROFILES contract) of everybody known before `as_of`, ordered by customer.

    Parameters
    ----------
    warehouse
        Holds ``events`` and ``customers``.
    as_of
        Only what occurred before this moment is read.
    margin
        Default and product rates; a margin on the line wins over both.
    currency
        Of the amounts (ISO 4217).
    """
    moment = utc(as_of)
    rates = margin_sql(margin)
    parameters = {
        "as_of": moment,
        "as_of_us": microseconds(moment),
        "minor": float(minor_per_major(currency)),
        **{f"since_{days}": moment - timedelta(days=days) for days in WINDOWS_DAYS},
        **rates.parameters,
    }
    sql = _sql(rates.rate, rates.join)
    return _complete(warehouse.query(sql, parameters, rates.relations), moment)


def microseconds(moment: datetime) -> int:
    """Return `moment` in microseconds since 1970."""
    return (moment - datetime(1970, 1, 1, tzinfo=moment.tzinfo)) // timedelta(microseconds=1)


@cache
def _sql(product_rate: str, product_join: str) -> str:
    text = files("alamo.measurement").joinpath("profiles.sql").read_text(encoding="utf-8")
    return text.format(
        product_rate=product_rate,
        product_join=product_join,
        standing=standing_sql("occurred_at < $as_of"),
        window_sums=",\n        ".join(line for days in WINDOWS_DAYS for line in _window_sums(days)),
        window_columns=",\n    ".join(line for days in WINDOWS_DAYS for line in _window_columns(days)),
    )


def _window_sums(days: int) -> list[str]:
    inside = f"CASE WHEN seen_at >= $since_{days}"
    return [
        f"sum({inside} AND bought THEN orders ELSE 0 END) AS orders_{days}d",
        f"sum({inside} THEN net_minor ELSE 0 END) AS money_{days}d",
        f"sum({inside} THEN margin_micro ELSE 0 END) AS margin_{days}d",
        f"sum({inside} THEN returns ELSE 0 END) AS returns_{days}d",
    ]


def _window_columns(days: int) -> list[str]:
    return [
        f"CAST(coalesce(p.orders_{days}d, 0) AS BIGINT) AS orders_{days}d",
        f"CAST(coalesce(p.money_{days}d, 0) AS DOUBLE) / $minor AS money_{days}d",
        f"CAST(coalesce(p.margin_{days}d, 0) AS DOUBLE) / 1e6 / $minor AS margin_{days}d",
        f"CAST(coalesce(p.returns_{days}d, 0) AS BIGINT) AS returns_{days}d",
    ]


def _complete(measured: pa.Table, as_of: datetime) -> pa.Table:
    """Add the moment, stage and state, and put the columns into the contract's order."""
    n = measured.num_rows
    numbers = {name: measured[name].to_numpy().astype(np.float64) for name in ("x", "t_x_days", "contacts_14d")}
    gap = typical_gap_days(numbers["x"], numbers["t_x_days"])
    standing = Standing(
        **numbers,
        recency_days=measured["recency_days"].to_numpy().astype(np.float64),
        typical_gap_days=np.full(n, gap),
        answered_last=measured["answered_last"].to_numpy(),
        bought_on_discount=measured["bought_on_discount"].to_numpy(),
    )
    stage = stages(standing)
    whole = {
        **{name: measured[name] for name in measured.column_names},
        "as_of": pa.array([as_of] * n, pa.timestamp("us", tz="UTC")),
        "as_of_day": pa.array([as_of.date().isoformat()] * n, pa.string()),
        "stage": pa.array(stage.astype(object), pa.string()),
        "state": states(stage, standing),
    }
    return pa.table({name: whole[name] for name in PROFILES.schema.names}).cast(PROFILES.schema)
