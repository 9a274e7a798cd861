"""Observations: which decisions mature, what their window holds, and the state at its end."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from alamo.domain.features import FEATURES
from alamo.domain.settings import MarginSettings, OutcomeSettings
from alamo.domain.tables import DECISIONS, OBSERVATIONS
from alamo.measurement import build_profiles, mature_observations, orders_known_by_source, waiting_windows

AS_OF = datetime(2010, 7, 1, tzinfo=UTC)


OUTCOME = OutcomeSettings(window_days=28)


def matured(history, as_of=AS_OF, known_until=None, **margin):
    table = mature_observations(
        history, as_of, outcome=OUTCOME, margin=MarginSettings(**margin), currency="GBP", known_until=known_until
    )
    return {row["decision_id"]: row for row in OBSERVATIONS.check(table).to_pylist()}


def with_profiles(history, *days: datetime):
    for day in days:
        table = build_profiles(history, day, margin=MarginSettings(), currency="GBP")
        history.append("profiles", table, batch=f"profiles {day}")
    return history


def test_a_decision_matures_when_its_window_has_closed(bench):
    history = bench.history(decisions=[bench.decision("d", "a", "2010-06-03")])
    assert matured(history, datetime(2010, 6, 30, 23, 59, tzinfo=UTC)) == {}
    row = matured(history, datetime(2010, 7, 1, tzinfo=UTC))["d"]
    assert row["window_end"] == row["matured_at"] == datetime(2010, 7, 1, tzinfo=UTC)
    assert row["state"] == "unknown"


def test_the_next_decision_of_the_customer_closes_the_window(bench):
    history = bench.history(
        [bench.event("a", "order_line", day, 1000, order_id=day) for day in ("2010-06-05", "2010-06-12")],
        decisions=[bench.decision("d1", "a", "2010-06-01"), bench.decision("d2", "a", "2010-06-10")],
    )
    rows = matured(history, datetime(2010, 6, 20, tzinfo=UTC))
    assert set(rows) == {"d1"}
    assert rows["d1"]["window_end"] == datetime(2010, 6, 10, tzinfo=UTC)
    assert rows["d1"]["margin_money"] == 3.0
    both = matured(history, datetime(2010, 7, 20, tzinfo=UTC))
    assert both["d1"]["margin_money"] == both["d2"]["margin_money"] == 3.0
    assert both["d1"]["window_end"] == datetime(2010, 6, 10, tzinfo=UTC)


def test_a_window_starts_where_the_one_before_was_measured_to_so_no_order_counts_twice(bench):
    days = ("2010-06-05", "2010-06-27", "2010-07-02")
    history = bench.history(
        [bench.event("a", "order_line", day, 1000, order_id=day) for day in days],
        decisions=[bench.decision("d1", "a", "2010-06-01")],
    )
    with_profiles(history, datetime(2010, 6, 20, tzinfo=UTC), datetime(2010, 6, 28, tzinfo=UTC))
    table = mature_observations(history, AS_OF, outcome=OUTCOME, margin=MarginSettings(), currency="GBP")
    history.append("observations", table, batch="first")  # up to the 29th
    planned = bench.decision("d2", "a", "2010-06-25", cycle=2)  # and launched after that
    history.append("decisions", pa.Table.from_pylist([planned], schema=DECISIONS.schema), batch="second")
    rows = matured(history, datetime(2010, 7, 27, tzinfo=UTC))
    assert set(rows) == {"d2"}
    assert table["margin_money"].to_pylist() == [6.0]
    assert rows["d2"]["margin_money"] == 3.0
    assert rows["d2"]["window_end"] == datetime(2010, 7, 27, tzinfo=UTC)
    features = mature_observations(
        history, datetime(2010, 7, 27, tzinfo=UTC), outcome=OUTCOME, margin=MarginSettings(), currency="GBP"
    )
    assert features["orders"].to_pylist() == [1]  # what was known when it was decided


def test_a_window_that_was_measured_past_the_next_decision_too_leaves_an_empty_one(bench):
    history = bench.history(
        [bench.event("a", "order_line", "2010-06-28", 1000, order_id="1")],
        decisions=[bench.decision("d1", "a", "2010-06-01")],
    )
    table = mature_observations(history, AS_OF, outcome=OUTCOME, margin=MarginSettings(), currency="GBP")
    history.append("observations", table, batch="first")  # up to the 29th
    later = [bench.decision("d2", "a", "2010-06-25", cycle=2), bench.decision("d3", "a", "2010-06-27", cycle=3)]
    history.append("decisions", pa.Table.from_pylist(later, schema=DECISIONS.schema), batch="second")
    rows = matured(history, datetime(2010, 7, 27, tzinfo=UTC))
    assert rows["d2"]["window_end"] == datetime(2010, 6, 29, tzinfo=UTC)
    assert rows["d3"]["window_end"] == datetime(2010, 7, 27, tzinfo=UTC)
    assert [rows[name]["margin_money"] for name in ("d2", "d3")] == [0.0, 0.0]


def test_an_imported_experiment_closes_no_window(bench):
    history = bench.history(
        decisions=[bench.decision("d", "a", "2010-06-01"), bench.decision("x", "a", "2010-06-10", cycle=0)]
    )
    rows = matured(history)
    assert set(rows) == {"d"}
    assert rows["d"]["window_end"] == datetime(2010, 6, 29, tzinfo=UTC)


def test_what_is_observed_already_is_not_measured_again(bench):
    history = bench.history(decisions=[bench.decision("d", "a", "2010-06-01")])
    table = mature_observations(history, AS_OF, outcome=OutcomeSettings(), margin=MarginSettings(), currency="GBP")
    history.append("observations", table, batch="first")
    assert matured(history) == {}


def test_the_window_is_half_open_and_nets_returns(bench):
    history = bench.history(
        [
            bench.event("a", "order_line", "2010-06-01T08:59", 100_000, order_id="before"),
            bench.event("a", "order_line", "2010-06-01T09:00", 1000, order_id="1"),
            bench.event("a", "order_line", "2010-06-10T09:00", 2000, order_id="2"),
            bench.event("a", "return_line", "2010-06-11T09:00", -500, order_id="C"),
            bench.event("a", "order_line", "2010-06-12T09:00", 500, order_id="3"),
            bench.event("a", "return_line", "2010-06-12T10:00", -500, order_id="3"),
            bench.event("a", "order_line", "2010-06-29T09:00", 100_000, order_id="after"),
        ],
        decisions=[bench.decision("d", "a", "2010-06-01T09:00")],
    )
    row = matured(history)["d"]
    assert row["margin_money"] == pytest.approx(0.3 * 25.0)
    assert row["orders_window"] == 2
    rates = {"rate": 0.3, "products": {"p": 0.5}}
    assert matured(history, **rates)["d"]["margin_money"] == pytest.approx(7.5)


def test_cost_counts_when_the_delivery_was_sent_or_nobody_knows(bench):
    history = bench.history(
        decisions=[bench.decision(f"d{i}", f"c{i}", "2010-06-01", "mail") for i in range(4)],
        deliveries=[
            bench.delivery("d0", "c0", "sent"),
            bench.delivery("d1", "c1", "failed"),
            bench.delivery("d2", "c2", "unknown"),
        ],
    )
    rows = matured(history)
    assert [rows[f"d{i}"]["cost_money"] for i in range(4)] == [0.4, 0.0, 0.4, 0.0]


def test_permission_is_lost_by_a_withdrawal_or_a_complaint_in_the_window(bench):
    history = bench.history(
        [
            bench.event("a", "consent_withdrawn", "2010-06-02", channel="email"),
            bench.event("b", "complained", "2010-06-28", channel="email"),
            bench.event("b", "consent_withdrawn", "2010-06-03"),
            bench.event("b", "consent_withdrawn", "2010-06-03", channel="email"),
            bench.event("c", "consent_withdrawn", "2010-05-31", channel="email"),
            bench.event("d", "consent_withdrawn", "2010-06-29", channel="email"),
            bench.event("e", "bounced", "2010-06-02", channel="email"),
        ],
        decisions=[bench.decision(c, c, "2010-06-01") for c in "abcde"],
    )
    rows = matured(history)
    assert [rows[c]["permission_lost"] for c in "abcde"] == [True, True, False, False, False]
    assert [rows[c]["channels_lost"] for c in "abcde"] == [["email"], ["*", "email"], [], [], []]
    assert [rows[c]["complained_window"] for c in "abcde"] == [False, True, False, False, False]


def test_a_return_counts_in_the_window_in_which_it_comes_whenever_its_order_was(bench):
    history = bench.history(
        [
            *(bench.event(c, "order_line", "2010-05-20", 1000, order_id=c) for c in "abc"),
            bench.event("a", "return_line", "2010-06-02", -1000, order_id="a"),
            bench.event("b", "return_line", "2010-05-31", -1000, order_id="b"),
            bench.event("c", "return_line", "2010-06-29", -1000, order_id="c"),
        ],
        decisions=[bench.decision(c, c, "2010-06-01") for c in "abcd"],
    )
    rows = matured(history)
    assert [rows[c]["returned_window"] for c in "abcd"] == [True, False, False, False]
    assert not any(rows[c]["complained_window"] for c in "abcd")


def test_features_are_those_of_the_newest_profile_at_the_decision(bench):
    history = bench.history(
        [bench.event("a", "order_line", f"2010-05-{day:02d}", 1000, order_id=str(day)) for day in (1, 10, 20)],
        decisions=[bench.decision("d", "a", "2010-05-15T09:00")],
    )
    with_profiles(history, *(datetime(2010, 5, day, tzinfo=UTC) for day in (5, 15, 25)))
    row = matured(history)["d"]
    assert (row["orders"], row["money"], row["x"], row["recency_days"]) == (2, 20.0, 1, 5.0)
    assert row["state"] == "active|0 contacts|unanswered|unprompted"
    assert set(FEATURES) <= set(row)


def test_the_state_at_the_end_equals_a_profile_at_that_moment(bench):
    events = [
        bench.event("a", "order_line", "2010-05-01T10:00", 1000, order_id="1"),
        bench.event("a", "order_line", "2010-05-11T10:00", 3000, order_id="2"),
        bench.event("a", "return_line", "2010-05-11T11:00", -500, order_id="C2"),
        bench.event("a", "sent", "2010-06-01T09:30", channel="email"),
        bench.event("a", "visit", "2010-06-03T10:00"),
        bench.event("a", "order_line", "2010-06-05T10:00", 700, order_id="3"),
        bench.event("a", "order_line", "2010-06-29T08:00", 800, order_id="4"),
        bench.event("a", "order_line", "2010-06-29T10:00", 900, order_id="5"),
        bench.event("b", "order_line", "2009-12-01T10:00", 1000, order_id="6"),
        bench.event("b", "sent", "2010-06-20T09:30", channel="email"),
    ]
    decisions = [bench.decision(f"d-{c}", c, "2010-06-01T09:00") for c in "abz"]
    history = with_profiles(bench.history(events, decisions=decisions), datetime(2010, 6, 1, tzinfo=UTC))
    rows = matured(history)
    end = datetime(2010, 6, 29, 9, tzinfo=UTC)
    profiles = build_profiles(history, end, margin=MarginSettings(), currency="GBP").to_pylist()
    for profile in profiles:
        row = rows[f"d-{profile['customer_id']}"]
        assert row["window_end"] == end
        assert row["x_end"] == profile["x"]
        assert row["t_x_end_days"] == profile["t_x_days"]
        assert row["t_end_days"] == profile["t_days"]
        assert row["repeat_money_end"] == profile["repeat_money"]
        assert row["state_end"].split("|")[1:] == profile["state"].split("|")[1:]
    assert rows["d-a"]["state_end"] == "active|0 contacts|answered|unprompted"
    assert rows["d-z"]["state_end"] == "prospect|0 contacts|unanswered|unprompted"


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_closed_window_waits_until_the_orders_in_it_are_known(bench):
    history = bench.history(
        [bench.event("a", "order_line", "2010-06-28T10:00", 1000, order_id="1")],
        decisions=[bench.decision("d1", "a", "2010-06-01"), bench.decision("d2", "b", "2010-06-02")],
    )
    known = day("2010-06-29")
    rows = matured(history, known_until=known)
    assert set(rows) == {"d1"}
    assert (rows["d1"]["window_end"], rows["d1"]["matured_at"]) == (known, AS_OF)
    assert rows["d1"]["margin_money"] == 3.0
    waiting = waiting_windows(history, AS_OF, known, OUTCOME)
    assert (waiting.decisions, waiting.until) == (1, day("2010-06-30"))
    assert waiting_windows(history, AS_OF, day("2010-06-30"), OUTCOME) is None
    assert waiting_windows(history, day("2010-06-29"), known, OUTCOME) is None
    assert matured(history, known_until=day("2010-06-30")) == matured(history)


def test_a_window_that_the_next_decision_closes_waits_for_orders_until_then_only(bench):
    history = bench.history(
        decisions=[bench.decision("d1", "a", "2010-06-01"), bench.decision("d2", "a", "2010-06-10")]
    )
    assert set(matured(history, known_until=day("2010-06-10"))) == {"d1"}
    assert waiting_windows(history, AS_OF, day("2010-06-09"), OUTCOME).until == day("2010-06-10")


@pytest.mark.parametrize(
    ("occurred", "received", "known"),
    [
        ("2010-06-28T10:00", "2010-07-03T09:00", "2010-06-29"),
        ("2010-06-28T00:00", "2010-07-03T09:00", "2010-06-29"),
        ("2010-06-28T10:00", "2010-06-28T11:30", "2010-06-28T11:30"),
    ],
)
def test_orders_are_known_to_the_end_of_the_newest_day_but_not_beyond_the_import(bench, occurred, received, known):
    newest = bench.event("a", "order_line", occurred, 1000, order_id="1") | {"received_at": day(received)}
    older = bench.event("a", "order_line", "2010-01-01", 1000, order_id="0") | {"received_at": day("2010-07-05")}
    visit = bench.event("a", "visit", "2010-07-04")
    assert set(orders_known_by_source(bench.history([newest, older, visit])).values()) == {day(known)}


def test_a_return_says_nothing_about_orders(bench):
    order = bench.event("a", "order_line", "2010-06-01", 1000, order_id="1") | {"received_at": day("2010-07-05")}
    back = bench.event("a", "return_line", "2010-06-28", -1000, order_id="1") | {"received_at": day("2010-07-05")}
    assert set(orders_known_by_source(bench.history([order, back])).values()) == {day("2010-06-02")}


def test_orders_are_known_by_source(bench):
    rows = [
        bench.event("a", "order_line", date, 1000, order_id=date) | {"received_at": day("2010-07-05"), "source": source}
        for source, date in (("till", "2010-05-01"), ("shop", "2010-06-01"), ("till", "2010-05-20"))
    ]
    assert orders_known_by_source(bench.history(rows)) == {"shop": day("2010-06-02"), "till": day("2010-05-21")}


def test_without_orders_nothing_is_known_of_them(bench):
    assert orders_known_by_source(bench.history([bench.event("a", "visit", "2010-07-04")])) == {}


def test_nothing_after_as_of_changes_an_observation(bench):
    events = [bench.event("a", "order_line", "2010-06-05", 1000, order_id="1")]
    later = [
        bench.event("a", "order_line", "2010-07-02", 9000, order_id="2"),
        bench.event("a", "complained", "2010-07-02", channel="email"),
    ]
    decisions = [bench.decision("d", "a", "2010-06-01")]
    cut, whole = bench.history(events, decisions=decisions), bench.history(events + later, decisions=decisions)
    assert matured(cut) == matured(whole)
