"""Which profile columns describe a customer to a model; observations carry them as of the decision."""

from __future__ import annotations

import pyarrow as pa

from alamo.domain.tables import OBSERVATIONS

NUMERIC_FEATURES = (
    "recency_days",
    "tenure_days",
    "orders",
    "purchase_days",
    "money",
    "x",
    "t_x_days",
    "t_days",
    "repeat_money",
    *(f"{name}_{days}d" for days in (7, 30, 90, 365) for name in ("orders", "money", "margin", "returns")),
    "categories",
    "contacts_7d",
    "contacts_14d",
    "contacts_28d",
)
FLAG_FEATURES = ("answered_last", "bought_on_discount")
TEXT_FEATURES = ("category_1", "category_2", "country", "region", "stage")

FEATURES = (*NUMERIC_FEATURES, *FLAG_FEATURES, *TEXT_FEATURES)
"""All of them; names are those of the profiles contract."""

_JOINED = frozenset({"outcome_money", "residual_value_money", "segment"})


def feature_columns(observations: pa.Table) -> tuple[str, ...]:
    """Return the columns of joined observations that describe the customer: `FEATURES`, then those of experiments.

    An imported experiment brings columns of its own; rows that lack one hold nulls there.
    """
    named = {column.name for column in OBSERVATIONS.columns} | _JOINED
    free = [name for name in observations.column_names if name not in named]
    own = sorted(set(free) - set(FEATURES))
    return (*(name for name in FEATURES if name in free), *own)
