"""Which profile columns describe a customer to a model; observations carry them as of the decision."""

from __future__ import annotations

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
