from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from tests.unit.simulation.markets import scenario

from alamo.domain.errors import InsufficientDataError
from alamo.domain.tables import EVENTS
from alamo.simulation.base_orders import OTHER, base_orders_from_events
from alamo.simulation.population import draw_order_values, own_population, resampled_population

START = datetime(2026, 1, 1, tzinfo=UTC)


def events(rows):
    """Rows (customer, days before the start, amount in pence, category)."""
    n = len(rows)
    moments = [START - timedelta(days=days) + timedelta(hours=9) for _, days, _, _ in rows]
    columns = {
        "event_id": [str(i) for i in range(n)],
        "source": ["test"] * n,
        "customer_id": [customer for customer, _, _, _ in rows],
        "kind": ["order_line" if amount > 0 else "return_line" for _, _, amount, _ in rows],
        "occurred_at": moments,
        "received_at": moments,
        "category": [category for _, _, _, category in rows],
        "amount_minor": [amount for _, _, amount, _ in rows],
        "country": ["Spain"] * n,
    }
    table = {c.name: pa.array(columns.get(c.name, [None] * n), c.type) for c in EVENTS.columns}
    return pa.table(table, schema=EVENTS.schema)


def shop(n=60, categories=("tea", "cups")):
    rng = np.random.default_rng(1)
    rows = []
    for i in range(n):
        for days in rng.choice(np.arange(1, 300), size=1 + i % 5, replace=False):
            rows.append((f"k{i:03d}", int(days), int(rng.integers(500, 9000)), categories[i % len(categories)]))
    return rows


def test_lines_of_a_day_are_netted_and_days_at_or_below_zero_are_no_purchase():
    rows = [
        *shop(),
        ("z", 10, 500, "tea"),
        ("z", 10, 300, "tea"),
        ("z", 10, -200, "tea"),
        ("y", 5, 400, None),
        ("y", 5, -400, None),
    ]
    base = base_orders_from_events(events(rows), currency="GBP", start=START)
    z = base.ids.index("z")
    assert base.money[base.customer == z].tolist() == [6.0]
    assert base.day[base.customer == z].tolist() == [-10]
    assert "y" not in base.ids


def test_nothing_from_the_start_on_is_read():
    base = base_orders_from_events(events([*shop(), ("late", 0, 500, "tea")]), currency="GBP", start=START)
    assert "late" not in base.ids
    assert base.day.max() < 0


def test_rare_categories_are_gathered():
    rows = shop(categories=tuple(f"c{i:02d}" for i in range(15)))
    base = base_orders_from_events(events(rows), currency="GBP", start=START)
    assert len(base.categories) == 8
    assert base.categories[-1] == OTHER
    assert base.category.min() >= 0


def test_too_few_customers_are_refused_with_a_cure():
    with pytest.raises(InsufficientDataError) as error:
        base_orders_from_events(events(shop(5)), currency="GBP", start=START)
    assert "synthetic" in error.value.hint


def test_a_resampled_customer_has_a_real_past():
    base = base_orders_from_events(events(shop()), currency="GBP", start=START)
    people = resampled_population(scenario(customers=500, population={"from": "orders"}), base, seed=1)
    pasts = {tuple(zip(base.day[base.customer == i], base.money[base.customer == i], strict=True)) for i in range(60)}
    for i in range(0, 500, 25):
        mine = people.history.customer == i
        assert tuple(zip(people.history.day[mine], people.history.money[mine], strict=True)) in pasts
    assert len(set(people.ids)) == 500
    assert people.countries[0] == "Spain"
    assert not people.known


def test_compression_halves_log_deviations_of_past_and_future():
    base = base_orders_from_events(events(shop()), currency="GBP", start=START)
    market = scenario(customers=4000, population={"from": "orders"}, purchase={"spend_spread": 0.5})
    people = resampled_population(market, base, seed=1)
    plain = resampled_population(scenario(customers=4000, population={"from": "orders"}), base, seed=1)
    spread = np.std(np.log(people.history.money)) / np.std(np.log(plain.history.money))
    assert spread == pytest.approx(0.5)
    assert people.latents.order_noise / plain.latents.order_noise == pytest.approx(0.5)


def test_the_projects_own_customers_keep_ids_and_past():
    base = base_orders_from_events(events(shop()), currency="GBP", start=START)
    people = own_population(scenario(population={"from": "orders"}), base, seed=1)
    assert people.ids == base.ids
    assert people.known
    assert people.history.money.tolist() == base.money.tolist()


def test_order_values_are_drawn_around_what_was_seen():
    base = base_orders_from_events(events(shop(500)), currency="GBP", start=START)
    money, noise = draw_order_values(base, np.random.default_rng(1))
    assert noise > 0
    assert np.log(money).mean() == pytest.approx(np.log(base.money).mean() + noise**2 / 2, abs=0.1)
