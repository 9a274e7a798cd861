"""`analyze allocation` on files as people have them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from alamo.domain.action import Limit
from alamo.domain.errors import ConfigError, InfeasibleError, InputError, UsageError
from alamo.steering import AllocationResult, AllocationSpec, analyze_allocation
from alamo.store import MemoryHistory


def spec(*limits: Limit, **more: object) -> AllocationSpec:
    return AllocationSpec("customer", "action", "value", limits, **more)


def analyzed(table: pa.Table, *limits: Limit, **more: object) -> AllocationResult:
    return analyze_allocation(table, spec(*limits, **more), MemoryHistory())


def small() -> pa.Table:
    rows = [
        (7, "mail", 1.0, 0.5, "north"), (7, "letter", 3.0, 2.0, "north"), (3, "mail", 2.0, 0.5, "south"),
        (3, "letter", 2.5, 2.0, "south"), (9, "mail", -1.0, 0.5, "south"), (9, "letter", -2.0, 2.0, "south"),
        (5, "mail", 0.5, 0.5, "north"), (5, "letter", 4.0, 2.0, "north"),
    ]  # fmt: skip
    columns = ("customer", "action", "value", "cost", "region")
    return pa.table(dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True)))


def large(n: int = 4000, k: int = 4, seed: int = 0) -> pa.Table:
    rng = np.random.default_rng(seed)
    customer, action = np.repeat(np.arange(n), k), np.tile(np.arange(k), n)
    return pa.table(
        {
            "customer": [f"c{i}" for i in customer],
            "action": [f"a{a}" for a in action],
            "value": rng.normal(0.3, 1.0, n * k),
            "cost": rng.exponential(1.0, n * k),
            "region": np.where(rng.random(n) < 0.3, "north", "south")[customer],
            "slot": rng.choice(["am", "pm"], n * k),
        }
    )


def chosen(result: AllocationResult) -> dict[object, str | None]:
    table = result.assignments_table()
    return dict(zip(*(column.to_pylist() for column in table.columns), strict=True))


def given(table: pa.Table, result: AllocationResult) -> list[dict[str, object]]:
    """Return the rows of the file that the plan took."""
    return table.join(result.assignments_table(), ["customer", "action"], join_type="inner").to_pylist()


def test_a_small_plan_is_the_exact_optimum_in_the_files_own_words():
    result = analyzed(small(), Limit("budget", use="cost", maximum=4.5))
    assert chosen(result) == {7: "letter", 3: "mail", 9: None, 5: "letter"}
    assert result.value == pytest.approx(9.0)
    assert result.feasible
    assert result.dual_bound >= result.value
    assert [(row["limit"], row["bound"], row["used"]) for row in result.rows] == [("budget", 4.5, 4.5)]
    assert result.assignments_table().column_names == ["customer", "action"]
    assert result.assignments_table()["customer"].type == pa.int64()
    assert result.assignments_table()["customer"].to_pylist() == [7, 3, 9, 5]


def test_who_gets_what_is_told_action_by_action_in_customers_value_and_use():
    table = large()
    limits = (Limit("budget", use="cost", maximum=500), Limit("some", where="cost > 1", minimum=10))
    found = analyzed(table, *limits)
    plan = found.assignments_table()
    rows = {row["action"]: row for row in found.to_dict()["actions"]}
    assert list(rows) == [*dict.fromkeys(table["action"].to_pylist()), "none"]
    names = plan["action"].to_pylist()
    assert {name: row["customers"] for name, row in rows.items() if row["customers"]} == {
        name or "none": names.count(name) for name in set(names)
    }
    assert sum(row["value"] for row in rows.values()) == pytest.approx(found.value)
    assert sum(row["uses"]["cost"] for row in rows.values()) == pytest.approx(found.rows[0]["used"])


def test_prices_are_positive_for_maxima_and_negative_for_minima():
    table = large()
    result = analyzed(
        table,
        Limit("budget", use="cost", maximum=500),
        Limit("letters", actions=("a3",), minimum=1500, maximum=1600),
    )
    rows = {(row["limit"], row["bound"]): row for row in result.rows}
    assert set(rows) == {("budget", 500.0), ("letters", 1600.0), ("letters", 1500.0)}
    assert rows["budget", 500.0]["price"] > 0
    assert rows["letters", 1600.0]["price"] == 0
    assert rows["letters", 1500.0]["price"] < 0
    assert rows["letters", 1500.0]["used"] >= 1500
    assert rows["budget", 500.0]["used"] <= 500
    assert result.gap < 1e-3


def test_the_certificate_can_be_recounted_from_the_assignments():
    table = large()
    result = analyzed(table, Limit("north", use="cost", where="region = 'north'", maximum=100))
    taken = given(table, result)
    assert len(taken) <= 4000
    assert sum(row["value"] for row in taken) == pytest.approx(result.value)
    assert sum(row["cost"] for row in taken if row["region"] == "north") == pytest.approx(result.rows[0]["used"])
    assert result.rows[0]["used"] <= 100


def test_a_predicate_may_differ_between_the_rows_of_a_customer():
    table = large()
    result = analyzed(table, Limit("mornings", where="slot = 'am'", maximum=300), Limit("all", maximum=2000))
    taken = given(table, result)
    assert sum(row["slot"] == "am" for row in taken) == result.rows[0]["used"] <= 300
    assert len(taken) == result.rows[1]["used"] <= 2000
    assert result.gap < 1e-3


def test_channels_are_a_column_of_the_file():
    table = large().rename_columns(["customer", "action", "value", "cost", "region", "channel"])
    result = analyzed(table, Limit("am", channels=("am",), maximum=10))
    assert result.rows[0]["used"] <= 10
    with pytest.raises(ConfigError, match="no column 'channel'"):
        analyzed(large(), Limit("am", channels=("am",), maximum=10))


def test_with_a_temperature_the_plan_is_drawn_and_still_keeps_the_limits():
    budget = Limit("budget", use="cost", maximum=500)
    drawn = analyzed(large(), budget, temperature_money=0.2)
    again = analyzed(large(), budget, temperature_money=0.2)
    best = analyzed(large(), budget)
    assert drawn.rows[0]["used"] <= 500
    assert drawn.value < best.value
    assert chosen(drawn) == chosen(again)
    assert drawn.feasible


def test_limits_that_cannot_be_met_are_an_answer_with_the_least_relaxation():
    result = analyzed(small(), Limit("letters", actions=("letter",), minimum=5))
    assert not result.feasible
    assert result.value is None
    assert result.to_dict()["infeasible_limits"] == [{"limit": "letters", "relax_by": pytest.approx(1.0)}]
    assert result.to_dict()["rows"] == [
        {"limit": "letters", "side": "minimum", "bound": 5.0, "used": None, "price": None}
    ]
    assert isinstance(result.error(), InfeasibleError)
    assert "'letters'" in str(result.error())


def test_limits_in_conflict_are_all_named():
    result = analyzed(
        large(), Limit("many", actions=("a0",), minimum=3000), Limit("few", actions=("a0", "a1"), maximum=2000)
    )
    assert not result.feasible
    assert {item["limit"]: round(item["relax_by"]) for item in result.to_dict()["infeasible_limits"]} == {
        "many": 1000,
        "few": 1000,
    }


def test_whole_customers_may_be_infeasible_where_fractions_are_not():
    table = pa.table({"customer": [1, 2], "action": ["a", "a"], "value": [1.0, 1.0], "cost": [3.0, 3.0]})
    result = analyzed(table, Limit("about four", use="cost", minimum=4, maximum=5))
    assert not result.feasible
    assert {conflict.limit for conflict in result.infeasible_limits} == {"about four"}


def test_the_json_object_has_every_key():
    result = analyzed(small(), Limit("budget", use="cost", maximum=4.5))
    assert set(result.to_dict()) == {
        "schema", "rows", "value", "dual_bound", "gap", "feasible", "infeasible_limits", "relaxation", "seconds",
        "refusals", "out", "advice", "actions",
    }  # fmt: skip
    assert result.to_dict()["schema"] == "alamo.allocation/1"
    assert set(result.to_dict()["rows"][0]) == {"limit", "side", "bound", "used", "price"}


def test_rows_of_no_action_may_stand_in_the_file_at_value_zero():
    none = pa.table(
        {"customer": [7, 11], "action": ["none"] * 2, "value": [0.0] * 2, "cost": [0.0] * 2, "region": [""] * 2}
    )
    result = analyzed(pa.concat_tables([small(), none]))
    assert chosen(result) == {7: "letter", 3: "letter", 9: None, 5: "letter", 11: None}
    worth = none.set_column(2, "value", pa.array([0.0, 1.0]))
    with pytest.raises(InputError, match="row 10"):
        analyzed(pa.concat_tables([small(), worth]))


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda t: t.rename_columns(["customer", "action", "valeu", "cost", "region"]), UsageError, "'value'.*--value"),
        (lambda t: t.slice(0, 0), InputError, "no rows"),
        (lambda t: pa.concat_tables([t, t.slice(2, 1)]), InputError, "row 9.*'3'.*'mail' twice"),
        (lambda t: t.set_column(2, "value", pa.array([1.0, None] + [1.0] * 6)), InputError, "'value'.*row 2"),
        (lambda t: t.set_column(2, "value", pa.array(["x"] * 8)), InputError, "'value' holds string"),
        (lambda t: t.set_column(0, "customer", pa.array([7, 7, None, 3, 9, 9, 5, 5])), InputError, "'customer'.*row 3"),
    ],
)
def test_a_bad_file_is_refused_with_its_row_or_column(change, error, words):
    with pytest.raises(error, match=words):
        analyzed(change(small()), Limit("budget", use="cost", maximum=4.5))


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        (Limit("points", use="points", maximum=1), "limit 'points' uses 'points'"),
        (Limit("post", actions=("lettre",), maximum=1), "limit 'post' names action 'lettre'"),
        (Limit("south", where="regoin = 'south'", maximum=1), "limit 'south'.*regoin"),
    ],
)
def test_a_bad_limit_is_refused_by_name(limit, words):
    with pytest.raises(ConfigError, match=words):
        analyzed(small(), limit)


def test_fifty_thousand_customers_are_allocated_with_a_tiny_gap():
    result = analyzed(
        large(50_000, 5), Limit("budget", use="cost", maximum=8000), Limit("a0", actions=("a0",), minimum=9000)
    )
    assert result.feasible
    assert result.gap < 6e-5
