"""Long observations: when a long window closes, what is in it, and that it holds its own short window."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from alamo.domain.settings import MarginSettings, OutcomeSettings
from alamo.domain.tables import LONG_OBSERVATIONS
from alamo.measurement import LongWindow, mature_long_observations, mature_observations

OUTCOME = OutcomeSettings(window_days=28, long_days=100, discount_rate_per_year=0.0)
LATE = datetime(2011, 1, 1, tzinfo=UTC)


def observed(history, as_of=LATE):
    """Write the observations that have matured, as the engine does before it looks at long windows."""
    table = mature_observations(history, as_of, outcome=OUTCOME, margin=MarginSettings(), currency="GBP")
    history.append("observations", table, batch=f"observations {as_of}")
    return history


def matured(history, as_of=LATE, outcome=OUTCOME, known_until=None, discounts=None, **margin):
    table = mature_long_observations(
        history,
        as_of,
        window=LongWindow(outcome.long_days, outcome.discount_rate_per_year, discounts or {}),
        margin=MarginSettings(**margin),
        currency="GBP",
        known_until=known_until,
    )
    return {row["decision_id"]: row for row in LONG_OBSERVATIONS.check(table).to_pylist()}


def test_a_decision_matures_again_when_its_long_window_has_closed(bench):
    history = observed(bench.history(decisions=[bench.decision("d", "a", "2010-06-01")]))
    end = datetime(2010, 9, 9, tzinfo=UTC)
    assert matured(history, datetime(2010, 9, 8, 23, tzinfo=UTC)) == {}
    row = matured(history, end)["d"]
    assert row["long_end"] == row["matured_at"] == end
    assert row["short_end"] == datetime(2010, 6, 29, tzinfo=UTC)
    assert (row["long_days"], row["margin_money"], row["permission_lost"]) == (100, 0.0, False)


def test_a_window_waits_until_its_orders_are_known(bench):
    history = observed(bench.history(decisions=[bench.decision("d", "a", "2010-06-01")]))
    assert matured(history, known_until=datetime(2010, 9, 8, tzinfo=UTC)) == {}
    assert matured(history, known_until=datetime(2010, 9, 9, tzinfo=UTC))["d"]["matured_at"] == LATE


def test_a_decision_that_has_not_been_observed_yet_waits(bench):
    history = bench.history(decisions=[bench.decision("d", "a", "2010-06-01")])
    assert matured(history) == {}


def test_later_decisions_are_part_of_it_with_what_they_brought_and_cost(bench):
    days = ("2010-05-20", "2010-06-10", "2010-07-20", "2010-09-08T23:59", "2010-09-09")
    decisions = [
        bench.decision("d1", "a", "2010-06-01", "mail", cycle=1),
        bench.decision("d2", "a", "2010-06-29", "mail", cycle=2),
        bench.decision("d3", "a", "2010-07-27", "mail", cycle=3),
        bench.decision("d4", "a", "2010-09-09", "mail", cycle=4),
    ]
    states = (("d1", "sent"), ("d2", "unknown"), ("d3", "failed"), ("d4", "sent"))
    history = observed(
        bench.history(
            [bench.event("a", "order_line", day, 1000, order_id=day) for day in days],
            decisions=decisions,
            deliveries=[bench.delivery(name, "a", state) for name, state in states],
        )
    )
    row = matured(history)["d1"]
    assert row["margin_money"] == pytest.approx(9.0)  # three orders of 10 within, at 30 %
    assert row["cost_money"] == pytest.approx(0.8)  # one sent and one as far as anybody knows
    assert (row["x_end"], row["t_x_end_days"], row["repeat_money_end"]) == (3, 111.0, 10.0)
    assert row["t_end_days"] == 112.0
    others = matured(history)
    assert set(others) == {"d1", "d2", "d3", "d4"}
    assert others["d2"]["margin_money"] == pytest.approx(9.0)
    assert others["d4"]["cost_money"] == pytest.approx(0.4)


def test_margin_is_discounted_to_the_end_of_the_short_window_and_not_before_it(bench):
    days = ("2010-06-10", "2010-08-29")
    history = observed(
        bench.history(
            [bench.event("a", "order_line", day, 1000, order_id=day) for day in days],
            decisions=[bench.decision("d", "a", "2010-06-01")],
        )
    )
    row = matured(history, outcome=replace(OUTCOME, discount_rate_per_year=0.365))["d"]
    assert row["margin_money"] == pytest.approx(3.0 + 3.0 * np.exp(-0.001 * 61), abs=1e-6)


def test_margin_is_discounted_at_the_rate_of_the_cycle_whatever_it_is_today(bench):
    """The short outcome was valued at that rate, and the two are compared."""
    history = observed(
        bench.history(
            [bench.event(name, "order_line", "2010-08-29", 1000, order_id=name) for name in ("a", "b")],
            decisions=[
                bench.decision("d1", "a", "2010-06-01", cycle=1),
                bench.decision("d2", "b", "2010-06-01", cycle=2),
            ],
        )
    )
    rows = matured(history, outcome=replace(OUTCOME, discount_rate_per_year=0.365), discounts={1: 0.73})
    assert rows["d1"]["margin_money"] == pytest.approx(3.0 * np.exp(-0.002 * 61), abs=1e-6)
    assert rows["d2"]["margin_money"] == pytest.approx(3.0 * np.exp(-0.001 * 61), abs=1e-6)


def test_returns_are_netted_and_a_margin_on_the_line_wins(bench):
    history = observed(
        bench.history(
            [
                bench.event("a", "order_line", "2010-06-10", 1000, order_id="1", margin_minor=900),
                bench.event("a", "order_line", "2010-07-10", 1000, order_id="2", product_id="p"),
                bench.event("a", "return_line", "2010-08-10", -500, order_id="2", product_id="p"),
            ],
            decisions=[bench.decision("d", "a", "2010-06-01")],
        )
    )
    assert matured(history, products={"p": 0.5})["d"]["margin_money"] == pytest.approx(9.0 + 5.0 - 2.5)


def test_it_starts_where_the_short_window_started(bench):
    """A decision planned before, and launched after, an earlier window was measured: neither counts an order twice."""
    events = [bench.event("a", "order_line", day, 1000, order_id=day) for day in ("2010-06-26", "2010-07-02")]
    history = bench.history(events, decisions=[bench.decision("d1", "a", "2010-06-01")])
    observed(history, datetime(2010, 7, 1, tzinfo=UTC))  # up to the 29th
    planned = bench.decision("d2", "a", "2010-06-25", cycle=2)
    schema = history.query("SELECT * FROM decisions LIMIT 0").schema
    history.append("decisions", pa.Table.from_pylist([planned], schema=schema), batch="second")
    row = matured(observed(history))["d2"]
    assert row["long_end"] == datetime(2010, 10, 7, tzinfo=UTC)
    assert row["margin_money"] == pytest.approx(3.0)


def test_a_permission_lost_later_is_lost(bench):
    history = observed(
        bench.history(
            [
                bench.event("a", "consent_withdrawn", "2010-08-01", channel="email"),
                bench.event("b", "complained", "2010-09-10", channel="email"),
            ],
            decisions=[bench.decision("d1", "a", "2010-06-01"), bench.decision("d2", "b", "2010-06-01")],
        )
    )
    rows = matured(history)
    assert [rows[name]["permission_lost"] for name in ("d1", "d2")] == [True, False]
    assert [rows[name]["channels_lost"] for name in ("d1", "d2")] == [["email"], []]


def test_what_was_measured_is_not_measured_again_but_another_length_is(bench):
    history = observed(bench.history(decisions=[bench.decision("d", "a", "2010-06-01")]))
    table = mature_long_observations(
        history, LATE, window=LongWindow(100, 0.0), margin=MarginSettings(), currency="GBP"
    )
    history.append("long_observations", table, batch="first")
    assert matured(history) == {}
    assert matured(history, outcome=replace(OUTCOME, long_days=60))["d"]["long_end"] == datetime(
        2010, 7, 31, tzinfo=UTC
    )


def test_imported_experiments_have_no_long_window(bench):
    history = observed(bench.history(decisions=[bench.decision("x", "a", "2010-06-01", cycle=0)]))
    assert matured(history) == {}
