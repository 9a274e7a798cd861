from __future__ import annotations

from datetime import timedelta

import pyarrow as pa
from tests.unit.steering.worlds import NOW, profiles

from alamo.domain.action import Action, Limit
from alamo.domain.tables import DELIVERIES
from alamo.steering.periods import left_of_periods
from alamo.store import MemoryHistory


def history(*rows: tuple[str, str, str, float, int]) -> MemoryHistory:
    """Hold deliveries: customer, action, state, days ago, cost in minor units; letters go by post."""
    made = MemoryHistory()
    data = [
        {
            "decision_id": f"d{i}",
            "plan_id": "p",
            "customer_id": customer,
            "action_id": action,
            "channel": "post" if action == "letter" else "email",
            "state": state,
            "provider_id": None,
            "attempted_at": NOW - timedelta(days=days),
            "cost_minor": cost,
        }
        for i, (customer, action, state, days, cost) in enumerate(rows)
    ]
    made.append("deliveries", pa.Table.from_pylist(data, schema=DELIVERIES.schema), batch="b")
    return made


def test_what_was_sent_within_the_period_counts_and_failures_do_not():
    sent = history(
        ("c0", "mail", "sent", 3, 50), ("c1", "mail", "unknown", 6, 50), ("c2", "mail", "failed", 1, 50),
        ("c3", "mail", "sent", 8, 50), ("c1", "letter", "sent", 2, 200),
    )  # fmt: skip
    limits = (
        Limit("cycle", maximum=10),
        Limit("week", maximum=10, minimum=4, period="week"),
        Limit("mail a month", actions=("mail",), maximum=10, period="month"),
        Limit("money", use="cost", maximum=2.5, period="week"),
        Limit("north", where="region = 'north'", maximum=10, period="month"),
    )
    customers = profiles(4, region=["north", "south", "north", "north"])
    left = {limit.name: limit for limit in left_of_periods(sent, customers, limits, (), NOW, 100)}
    assert left["cycle"] == limits[0]
    assert (left["week"].maximum, left["week"].minimum) == (7.0, 1.0)
    assert left["mail a month"].maximum == 7.0
    assert left["money"].maximum == 0.0
    assert left["north"].maximum == 8.0


def test_nothing_is_left_of_a_period_that_is_used_up():
    sent = history(*[(f"c{i}", "mail", "sent", 0.5, 1) for i in range(5)])
    (left,) = left_of_periods(sent, profiles(1), (Limit("day", maximum=3, minimum=2, period="day"),), (), NOW, 100)
    assert (left.maximum, left.minimum) == (0.0, 0.0)


def test_only_what_a_limit_counts_uses_it_up():
    sent = history(
        ("c0", "mail", "sent", 1, 10), ("c1", "letter", "sent", 1, 80), ("c2", "gone", "sent", 1, 10),
    )  # fmt: skip
    actions = (Action("mail", "Mail", "email", "upsell"), Action("letter", "Letter", "post", "customer service"))
    limits = (
        Limit("post", channels=("post",), maximum=10, period="week"),
        Limit("e-mail spend", use="cost", channels=("email",), maximum=10, period="week"),
        Limit("upsell", levels=("upsell",), maximum=10, minimum=2, period="week"),
    )
    left = {limit.name: limit for limit in left_of_periods(sent, profiles(3), limits, actions, NOW, 100)}
    assert left["post"].maximum == 9.0
    assert left["e-mail spend"].maximum == 10 - 0.2
    assert (left["upsell"].maximum, left["upsell"].minimum) == (8.0, 0.0)
