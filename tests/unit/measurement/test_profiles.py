"""Profiles: netting, windows, margins, permissions, contacts, and who is in them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from alamo.domain.settings import MarginSettings
from alamo.domain.tables import PROFILES
from alamo.measurement import build_profiles

AS_OF = datetime(2010, 6, 1, tzinfo=UTC)


def profiles(history, as_of=AS_OF, margin=None):
    table = build_profiles(history, as_of, margin=margin or MarginSettings(), currency="GBP")
    PROFILES.check(table)
    return {row["customer_id"]: row for row in table.to_pylist()}


def test_a_return_of_the_same_day_undoes_the_purchase_day(bench):
    history = bench.history(
        [
            bench.event("a", "order_line", "2010-05-01T10:00", 1000, order_id="1"),
            bench.event("a", "return_line", "2010-05-01T11:00", -1000, order_id="C1"),
        ]
    )
    row = profiles(history)["a"]
    assert (row["orders"], row["purchase_days"], row["money"]) == (0, 0, 0.0)
    assert row["first_order_at"] is None
    assert row["recency_days"] is None
    assert row["stage"] == "prospect"
    assert row["returns_90d"] == 1


def test_a_later_return_nets_from_money_when_it_occurs_and_the_order_stays(bench):
    history = bench.history(
        [
            bench.event("a", "order_line", "2010-05-01T10:00", 1000, order_id="1"),
            bench.event("a", "return_line", "2010-05-03T11:00", -1000, order_id="C1"),
        ]
    )
    row = profiles(history)["a"]
    assert (row["orders"], row["purchase_days"], row["money"]) == (1, 1, 0.0)
    assert row["last_order_at"] == datetime(2010, 5, 1, 10, tzinfo=UTC)
    before = profiles(history, datetime(2010, 5, 2, tzinfo=UTC))["a"]
    assert before["money"] == 10.0


def test_orders_of_a_day_count_when_their_own_net_is_positive(bench):
    history = bench.history(
        [
            bench.event("a", "order_line", "2010-05-01T10:00", 1000, order_id="1"),
            bench.event("a", "order_line", "2010-05-01T12:00", 500, order_id="2"),
            bench.event("a", "return_line", "2010-05-01T13:00", -500, order_id="2"),
            bench.event("a", "order_line", "2010-05-01T14:00", 0, order_id="3"),
        ]
    )
    row = profiles(history)["a"]
    assert (row["orders"], row["purchase_days"], row["money"]) == (1, 1, 10.0)


def test_the_line_margin_wins_over_the_product_and_the_product_over_the_default(bench):
    history = bench.history(
        [
            bench.event("a", "order_line", "2010-05-01", 1000, order_id="1", product_id="p"),
            bench.event("b", "order_line", "2010-05-01", 1000, order_id="2", product_id="q"),
            bench.event("c", "order_line", "2010-05-01", 1000, order_id="3", product_id="p", margin_minor=777),
            bench.event("d", "order_line", "2010-05-01", 1000, order_id="4"),
        ]
    )
    rows = profiles(history, margin=MarginSettings(rate=0.3, products={"p": 0.5}))
    assert [rows[c]["margin_money"] for c in "abcd"] == [5.0, 3.0, 7.77, 3.0]
    plain = profiles(history)
    assert [plain[c]["margin_money"] for c in "abcd"] == [3.0, 3.0, 7.77, 3.0]


def test_windows_are_half_open_and_nothing_at_as_of_is_read(bench):
    history = bench.history(
        [
            bench.event("a", "order_line", "2010-05-25T00:00", 100, order_id="1"),
            bench.event("a", "order_line", "2010-05-24T23:59", 10, order_id="2"),
            bench.event("a", "order_line", "2010-06-01T00:00", 1, order_id="3"),
        ]
    )
    row = profiles(history)["a"]
    assert (row["money_7d"], row["orders_7d"]) == (1.0, 1)
    assert (row["money_30d"], row["orders_30d"]) == (1.1, 2)
    assert (row["money"], row["margin_90d"]) == (1.1, pytest.approx(0.33))


def test_categories_are_ranked_by_lines_then_name(bench):
    bought = [("x", 1), ("y", 2), ("z", 2), ("w", 1)]
    history = bench.history(
        [
            bench.event("a", "order_line", f"2010-05-0{day + 1}", 100, order_id=c, category=c)
            for c, times in bought
            for day in range(times)
        ]
    )
    row = profiles(history)["a"]
    assert (row["category_1"], row["category_2"], row["categories"]) == ("y", "z", 4)


def test_the_latest_country_counts_and_master_data_fill_the_gap(bench):
    history = bench.history(
        [
            bench.event("a", "order_line", "2010-05-01", 100, order_id="1", country="UK"),
            bench.event("a", "order_line", "2010-05-02", 100, order_id="2", country="France"),
            bench.event("a", "order_line", "2010-06-02", 100, order_id="3", country="Later"),
        ],
        customers=[
            bench.customer("a", "2010-01-01", country="Spain", region="north", time_zone="Europe/Paris"),
            bench.customer("b", "2010-01-01", country="Spain"),
            bench.customer("b", "2010-02-01", country="Italy", source="crm2"),
            bench.customer("late", "2010-07-01"),
            bench.customer("old", "2026-01-01", created="2009-01-01"),
        ],
    )
    rows = profiles(history)
    assert set(rows) == {"a", "b", "old"}
    assert (rows["a"]["country"], rows["a"]["region"], rows["a"]["time_zone"]) == ("France", "north", "Europe/Paris")
    assert rows["b"]["country"] == "Italy"
    assert rows["old"]["stage"] == "prospect"


def test_the_last_word_on_consent_counts_and_all_channels_replaces_earlier_words(bench):
    def said(customer, kind, day, channel):
        return bench.event(customer, kind, f"2010-05-{day:02d}", channel=channel)

    history = bench.history(
        [
            said("a", "consent_granted", 1, "email"),
            said("a", "consent_granted", 1, "post"),
            said("a", "consent_withdrawn", 2, "email"),
            said("b", "consent_withdrawn", 1, "email"),
            said("b", "consent_granted", 2, "email"),
            said("c", "consent_granted", 1, "email"),
            said("c", "consent_withdrawn", 2, "*"),
            said("d", "consent_granted", 1, "*"),
            said("d", "consent_withdrawn", 2, "email"),
            said("e", "consent_granted", 1, "email"),
            said("e", "consent_withdrawn", 1, "email"),
            bench.event("f", "consent_withdrawn", "2010-06-01", channel="email"),
            said("f", "consent_granted", 1, "email"),
        ]
    )
    rows = profiles(history)
    lists = {c: (rows[c]["consent"], rows[c]["withdrawn"]) for c in "abcdef"}
    assert lists == {
        "a": (["post"], ["email"]),
        "b": (["email"], []),
        "c": ([], ["*"]),
        "d": (["*"], ["email"]),
        "e": ([], ["email"]),
        "f": (["email"], []),
    }


def test_bounces_complaints_and_operators_suppress_until_released(bench):
    history = bench.history(
        [
            bench.event("a", "bounced", "2010-05-01", channel="email"),
            bench.event("b", "complained", "2010-05-01", channel="email"),
            bench.event("b", "unsuppressed", "2010-05-02", channel="email"),
            bench.event("c", "suppressed", "2010-05-01"),
        ]
    )
    rows = profiles(history)
    assert [rows[c]["suppressed"] for c in "abc"] == [["email"], [], ["*"]]


def test_contacts_answers_and_purchases_after_a_message(bench):
    history = bench.history(
        [
            bench.event("a", "sent", "2010-05-05"),
            bench.event("a", "sent", "2010-05-20"),
            bench.event("a", "clicked", "2010-05-21"),
            bench.event("b", "sent", "2010-05-30"),
            bench.event("b", "order_line", "2010-05-30T12:00", 100, order_id="1"),
            bench.event("c", "order_line", "2010-05-01", 100, order_id="2"),
            bench.event("c", "sent", "2010-05-02"),
            bench.event("c", "visit", "2010-05-17"),
        ]
    )
    rows = profiles(history)
    assert [rows["a"][f"contacts_{d}d"] for d in (7, 14, 28)] == [0, 1, 2]
    assert [rows[c]["answered_last"] for c in "abc"] == [True, True, False]
    assert [rows[c]["bought_on_discount"] for c in "abc"] == [False, True, False]
    assert rows["b"]["state"] == "new|1 contact|answered|on offer"


def test_money_is_in_major_units_of_the_currency(bench):
    history = bench.history([bench.event("a", "order_line", "2010-05-01", 1000, order_id="1")])
    table = build_profiles(history, AS_OF, margin=MarginSettings(), currency="JPY")
    assert table["money"].to_pylist() == [1000.0]


def test_an_empty_history_gives_no_profiles(bench):
    assert profiles(bench.history()) == {}
