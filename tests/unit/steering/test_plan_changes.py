"""Who moves between two plans, and what that brings, by hand."""

from __future__ import annotations

import pyarrow as pa
import pytest

from alamo.steering.plan_changes import ABSENT, changes

Z = 1.959963984540054


def decided(**actions: str) -> pa.Table:
    return pa.table({"customer_id": list(actions), "action_id": list(actions.values())})


def scored(*rows: tuple[str, str, float]) -> pa.Table:
    columns = zip(*rows, strict=True)
    customer, action, value = (list(column) for column in columns)
    n = len(rows)
    return pa.table(
        {
            "customer_id": customer,
            "action_id": action,
            "value_mean_money": value,
            "value_sd_money": [0.5] * n,
            "shared_sd_money": [0.3] * n,
            "cost_money": [0.1 if name == "mail" else 0.8 for name in action],
        }
    )


SCORES = scored(
    ("a", "mail", 2.0), ("a", "letter", 3.0), ("b", "mail", 1.0), ("b", "letter", 0.5), ("c", "mail", 4.0)
)  # fmt: skip


def test_moves_are_counted_and_valued_by_pair_of_actions():
    found = changes(decided(a="mail", b="none", c="mail"), decided(a="letter", b="mail", c="mail"), SCORES, level=0.95)
    assert found.same == 1
    rows = {(row["from"], row["to"]): row for row in found.moves}
    assert set(rows) == {("mail", "letter"), ("none", "mail")}
    assert rows["mail", "letter"]["gain_money"] == pytest.approx(1.0)
    assert rows["mail", "letter"]["cost_money"] == pytest.approx(0.7)
    assert rows["none", "mail"]["gain_money"] == pytest.approx(1.0)
    assert found.gain is not None
    assert found.gain.mean == pytest.approx(2.0)
    assert found.cost_money == pytest.approx(0.8)


def test_an_error_that_customers_share_cancels_where_as_many_come_as_leave():
    swapped = changes(decided(a="mail", b="none"), decided(a="none", b="mail"), SCORES, level=0.95)
    own = 2 * (0.5**2 - 0.3**2)
    assert swapped.gain is not None
    assert swapped.gain.upper - swapped.gain.mean == pytest.approx(Z * own**0.5)
    both = changes(decided(a="none", b="none"), decided(a="mail", b="mail"), SCORES, level=0.95)
    assert both.gain is not None
    assert both.gain.upper - both.gain.mean == pytest.approx(Z * (own + 0.6**2) ** 0.5)


def test_what_has_no_score_is_counted_and_not_valued():
    found = changes(decided(a="mail", c="mail"), decided(a="none", c="letter"), SCORES, level=0.95)
    assert found.unscored == 1
    rows = {row["to"]: row["gain_money"] for row in found.moves}
    assert rows == {"none": pytest.approx(-2.0), "letter": None}
    assert found.gain is not None
    assert found.gain.mean == pytest.approx(-2.0)


def test_a_customer_of_one_plan_only_moves_from_or_to_nowhere():
    found = changes(decided(a="mail"), decided(b="mail"), SCORES, level=0.95)
    assert {(row["from"], row["to"]) for row in found.moves} == {("mail", ABSENT), (ABSENT, "mail")}
    assert found.gain is None
    assert found.unscored == 2


def test_two_equal_plans_move_nobody():
    found = changes(decided(a="mail", b="none"), decided(b="none", a="mail"), SCORES, level=0.95)
    assert (found.moves, found.same, found.gain, found.cost_money) == ((), 2, None, 0.0)
