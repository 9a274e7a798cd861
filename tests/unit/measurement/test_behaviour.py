"""Behaviour: profiles of past months, with money by category to date, and nothing later."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

from alamo.domain.settings import MarginSettings
from alamo.measurement import build_behaviour, build_profiles, main_categories, months_back

UNTIL = datetime(2010, 6, 1, tzinfo=UTC)


def shop(bench):
    return bench.history(
        [
            bench.event("a", "order_line", "2010-01-05T10:00", 1000, order_id="1", category="toys"),
            bench.event("a", "order_line", "2010-05-05T10:00", 500, order_id="2", category="garden"),
            bench.event("b", "order_line", "2010-03-05T10:00", 700, order_id="3", category="toys"),
            bench.event("b", "return_line", "2010-03-06T10:00", -700, order_id="4", category="toys"),
            bench.event("c", "order_line", "2010-05-20T10:00", 300, order_id="5"),
        ]
    )


def behaviour(history, as_of, categories=("toys", "garden")):
    table = build_behaviour(history, as_of, categories, margin=MarginSettings(), currency="GBP")
    return {row["customer_id"]: row for row in table.to_pylist()}


def test_money_by_category_is_that_of_order_lines_so_far(bench):
    history = shop(bench)
    rows = behaviour(history, UNTIL)
    assert (rows["a"]["money_in:toys"], rows["a"]["money_in:garden"]) == (10.0, 5.0)
    assert rows["b"]["money_in:toys"] == 7.0  # a return nets from `money`, not from what was liked
    assert rows["c"]["money_in:toys"] == 0.0
    before = behaviour(history, datetime(2010, 5, 1, tzinfo=UTC))
    assert before["a"]["money_in:garden"] == 0.0
    assert "c" not in before


def test_the_rest_is_the_profile_as_it_is(bench):
    history = shop(bench)
    plain = build_profiles(history, UNTIL, margin=MarginSettings(), currency="GBP")
    whole = build_behaviour(history, UNTIL, ("toys",), margin=MarginSettings(), currency="GBP")
    assert whole.select(plain.column_names).equals(plain)
    assert build_behaviour(history, UNTIL, (), margin=MarginSettings(), currency="GBP").equals(plain)


def test_categories_come_by_the_customers_who_bought_them(bench):
    assert main_categories(shop(bench), UNTIL) == ("toys", "garden")
    assert main_categories(shop(bench), datetime(2010, 2, 1, tzinfo=UTC)) == ("toys",)


def test_months_reach_back_to_a_month_after_the_first_order(bench):
    found = months_back(shop(bench), UNTIL, 30, 36)
    assert found[-1] == UNTIL
    assert {(late - early).days for early, late in pairwise(found)} == {30}
    assert found[0] >= datetime(2010, 2, 4, tzinfo=UTC)
    assert len(months_back(shop(bench), UNTIL, 30, 2)) == 2
    assert months_back(bench.history([]), UNTIL, 30, 36) == ()
