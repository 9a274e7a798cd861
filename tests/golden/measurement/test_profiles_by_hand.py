"""One customer whose every number was worked out with pencil and paper.

Orders of Ann (GBP), profile as of 1 July 2010, margin 30 %, product ``tea`` 50 %:

    day      line                         net of the day
    1 Jan    order 1: 2 × 10.00 tea        20.00
    11 Jan   order 2: 1 × 30.00, 1 × 5.55  35.55
    11 Jan   return of 5.55                −5.55   → 30.00
    2 Mar    order 3: 3 × 3.333            10.00   (9.999 rounds to 10.00)
    3 Mar    return of 4.00                −4.00   → a day, but no purchase day
    20 Jun   order 4: 40.00, margin 9.00   40.00
    20 Jun   order 5: 15.00 cancelled       0.00   → its own net is not positive
    25 Jun   a mail is sent, 26 Jun a visit
"""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest

from alamo.connectors.sources import open_rows
from alamo.domain.settings import MarginSettings
from alamo.measurement import ImportContext, build_profiles, import_rows, normalise, resolve_mapping
from alamo.store import MemoryHistory

ORDERS = """invoice,date,customer,product,category,quantity,price,margin,country
1,2010-01-01 10:00,ann,tea,drinks,2,10.00,,UK
2,2010-01-11 09:00,ann,cup,china,1,30.00,,UK
2,2010-01-11 09:00,ann,mug,china,1,5.55,,UK
C2,2010-01-11 18:00,ann,mug,china,-1,5.55,,UK
3,2010-03-02 12:00,ann,jam,food,3,3.333,,France
C3,2010-03-03 12:00,ann,jam,food,-1,4.00,,France
4,2010-06-20 08:00,ann,pot,china,1,40.00,9.00,UK
5,2010-06-20 09:00,ann,jam,food,1,15.00,,UK
5,2010-06-20 10:00,ann,jam,food,-1,15.00,,UK
"""
MESSAGES = """customer,event,time,channel
ann,sent,2010-06-25 10:00,email
ann,visit,2010-06-26 10:00,
"""
EXPECTED = {
    "customer_id": "ann",
    "as_of_day": "2010-07-01",
    "first_order_at": datetime(2010, 1, 1, 10, tzinfo=UTC),
    "last_order_at": datetime(2010, 6, 20, 9, tzinfo=UTC),
    "recency_days": 10 + 15 / 24,
    "tenure_days": 180 + 14 / 24,
    "orders": 4,
    "purchase_days": 4,
    "money": 96.0,
    # tea 20 × .5, cup 30 × .3, jam (10 − 4) × .3, pot 9 as given, the rest cancels
    "margin_money": 10.0 + 9.0 + 1.8 + 9.0,
    "x": 3,
    "t_x_days": 170.0,
    "t_days": 181.0,
    "repeat_money": (30.0 + 10.0 + 40.0) / 3,
    "orders_7d": 0,
    "money_7d": 0.0,
    "orders_30d": 1,
    "money_30d": 40.0,
    "margin_30d": 9.0,
    "returns_30d": 1,
    "orders_90d": 1,
    "orders_365d": 4,
    "money_365d": 96.0,
    "returns_365d": 3,
    "category_1": "china",
    "category_2": "food",
    "categories": 3,
    "country": "UK",
    "contacts_7d": 1,
    "contacts_14d": 1,
    "contacts_28d": 1,
    "answered_last": True,
    "bought_on_discount": False,
    # rhythm (170 + 2 · 170/3) / 5 = 56.7 days
    "stage": "active",
    "state": "active|1 contact|answered|unprompted",
}


def brought_in(history: MemoryHistory, kind: str, text: str) -> None:
    stream = open_rows("-", stdin=io.BytesIO(text.encode()))
    context = ImportContext(f"{kind}:golden", "GBP", "UTC", datetime(2010, 7, 1, tzinfo=UTC))
    mapping = resolve_mapping(kind, stream.header)
    rows = import_rows(normalise(kind, stream, mapping, context), "golden", kind, lambda _: None)
    history.replace(rows.table, rows.reader, where={"source": context.source}, batch=stream.content_hash())


def test_every_number_of_ann():
    history = MemoryHistory()
    brought_in(history, "orders", ORDERS)
    brought_in(history, "events", MESSAGES)
    margin = MarginSettings(rate=0.3, products={"tea": 0.5})
    (row,) = build_profiles(history, datetime(2010, 7, 1, tzinfo=UTC), margin=margin, currency="GBP").to_pylist()
    for name, value in EXPECTED.items():
        assert row[name] == (pytest.approx(value, rel=1e-12) if isinstance(value, float) else value), name
