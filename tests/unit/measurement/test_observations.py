"""Observations: which decisions mature, what their window holds, and the state at its end."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from alamo.domain.features import FEATURES
from alamo.domain.settings import MarginSettings, OutcomeSettings
from alamo.domain.tables import OBSERVATIONS
from alamo.measurement import build_profiles, mature_observations

AS_OF = datetime(2010, 7, 1, tzinfo=UTC)


def matured(history, as_of=AS_OF, **margin):
    table = mature_observations(
        history, as_of, outcome=OutcomeSettings(window_days=28), margin=MarginSettings(**margin), currency="GBP"
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


def test_cost_counts_only_when_the_delivery_was_sent(bench):
    history = bench.history(
        decisions=[bench.decision(f"d{i}", f"c{i}", "2010-06-01", "mail") for i in range(4)],
        deliveries=[
            bench.delivery("d0", "c0", "sent"),
            bench.delivery("d1", "c1", "failed"),
            bench.delivery("d2", "c2", "unknown"),
        ],
    )
    rows = matured(history)
    assert [rows[f"d{i}"]["cost_money"] for i in range(4)] == [0.4, 0.0, 0.0, 0.0]


def test_permission_is_lost_by_a_withdrawal_or_a_complaint_in_the_window(bench):
    history = bench.history(
        [
            bench.event("a", "consent_withdrawn", "2010-06-02", channel="email"),
            bench.event("b", "complained", "2010-06-28", channel="email"),
            bench.event("c", "consent_withdrawn", "2010-05-31", channel="email"),
            bench.event("d", "consent_withdrawn", "2010-06-29", channel="email"),
            bench.event("e", "bounced", "2010-06-02", channel="email"),
        ],
        decisions=[bench.decision(c, c, "2010-06-01") for c in "abcde"],
    )
    rows = matured(history)
    assert [rows[c]["permission_lost"] for c in "abcde"] == [True, True, False, False, False]


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


def test_nothing_after_as_of_changes_an_observation(bench):
    events = [bench.event("a", "order_line", "2010-06-05", 1000, order_id="1")]
    later = [
        bench.event("a", "order_line", "2010-07-02", 9000, order_id="2"),
        bench.event("a", "complained", "2010-07-02", channel="email"),
    ]
    decisions = [bench.decision("d", "a", "2010-06-01")]
    cut, whole = bench.history(events, decisions=decisions), bench.history(events + later, decisions=decisions)
    assert matured(cut) == matured(whole)
