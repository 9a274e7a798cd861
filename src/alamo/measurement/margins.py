"""Margin of an order line in SQL: a margin on the line wins over the product's rate, which wins over the default.

Margins are added up in millionths of a minor unit: integers, so a sum does not depend on the order of the rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from alamo.domain.settings import MarginSettings

MICRO = 1_000_000


@dataclass(frozen=True, slots=True)
class MarginSql:
    """Fragments of SQL over ``events AS e`` and what they need bound.

    Attributes
    ----------
    rate
        Expression of the rate in millionths of a line without a margin of its own.
    join
        Join to the product rates; empty where no product has its own.
    parameters, relations
        To bind.
    """

    rate: str
    join: str
    parameters: Mapping[str, Any]
    relations: Mapping[str, pa.Table]


def margin_sql(margin: MarginSettings) -> MarginSql:
    """Return the fragments for these settings."""
    parameters = {"default_rate": round(margin.rate * MICRO)}
    if not margin.products:
        return MarginSql("$default_rate", "", parameters, {})
    rates = pa.table(
        {
            "product_id": pa.array(margin.products.keys(), pa.string()),
            "rate": pa.array([round(rate * MICRO) for rate in margin.products.values()], pa.int64()),
        }
    )
    join = "LEFT JOIN product_rates AS rates ON rates.product_id = e.product_id"
    return MarginSql("coalesce(rates.rate, $default_rate)", join, parameters, {"product_rates": rates})
