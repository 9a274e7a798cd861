"""Several actions per customer: exact on tiny files, certified on large ones, refused where sets are too many."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pyarrow as pa
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from alamo.domain.action import Limit
from alamo.domain.errors import ConfigError, UsageError
from alamo.steering import AllocationResult, AllocationSpec, analyze_allocation
from alamo.store import MemoryHistory

ACTIONS = tuple("abcdef")


def analyzed(table: pa.Table, *limits: Limit, **more: object) -> AllocationResult:
    return analyze_allocation(table, AllocationSpec("customer", "action", "value", limits, **more), MemoryHistory())


def market(rng: np.random.Generator, n: int, n_actions: int = 6) -> pa.Table:
    """Some of the actions for each customer; region goes by customer, slot by row, cost and stock by row."""
    customer, action = np.nonzero((rng.random((n, n_actions)) < 0.8) | (np.arange(n) == 0)[:, None])
    size = len(customer)
    return pa.table(
        {
            "customer": [f"c{i}" for i in customer],
            "action": [ACTIONS[a] for a in action],
            "value": rng.normal(0.4, 1.0, size).round(3),
            "cost": rng.exponential(1.0, size).round(2),
            "region": np.where(rng.random(n) < 0.4, "north", "south")[customer],
            "slot": rng.choice(["am", "pm"], size),
        }
    )


def best_value(table: pa.Table, rows: list[tuple[np.ndarray, float]], most: int, exclusive: tuple) -> float | None:
    """Return the exact optimum over single actions: rows Σ use ≤ bound, exclusions; None if none fits."""
    customer = np.asarray(table["customer"].to_pylist())
    action = np.asarray(table["action"].to_pylist())
    for name in np.unique(customer):
        mine = customer == name
        rows = [*rows, (mine * 1.0, most), *((mine * np.isin(action, names), 1.0) for names in exclusive)]
    matrix, bound = np.array([use for use, _ in rows]), np.array([bound for _, bound in rows])
    value = np.asarray(table["value"])
    found = milp(
        -value,
        integrality=np.ones(len(value)),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(matrix, -np.inf, bound),
    )
    return None if found.x is None else float(-found.fun)


def taken(table: pa.Table, result: AllocationResult) -> list[dict[str, object]]:
    """Return the rows of the file that the plan took."""
    return table.join(result.assignments_table(), ["customer", "action"], join_type="inner").to_pylist()


def check_together(rows: list[dict[str, object]], most: int, exclusive: tuple) -> None:
    for customer in {row["customer"] for row in rows}:
        got = [row["action"] for row in rows if row["customer"] == customer]
        assert len(got) == len(set(got)) <= most
        assert all(len(set(got) & set(names)) <= 1 for names in exclusive)


@pytest.mark.parametrize("most", [2, 3])
def test_tiny_plans_are_the_exact_integer_optimum_of_single_actions(most):
    exclusive, several = (("a", "b"), ("c", "d", "e")), 0
    for seed in range(25):
        rng = np.random.default_rng((most, seed))
        table = market(rng, int(rng.integers(2, 9)))
        cost, is_a, north, am = (
            np.asarray(column, dtype=float)
            for column in (
                table["cost"],
                np.asarray(table["action"].to_pylist()) == "a",
                np.asarray(table["region"].to_pylist()) == "north",
                np.asarray(table["slot"].to_pylist()) == "am",
            )
        )
        budget, many = float(rng.uniform(0.2, 0.9) * most * len(set(table["customer"].to_pylist()))), float(seed % 3)
        limits = (
            Limit("budget", use="cost", maximum=budget),
            Limit("some a", actions=("a",), minimum=many),
            Limit("north", where="region = 'north'", use="cost", maximum=budget / 2),
            Limit("mornings", where="slot = 'am'", maximum=4),
            Limit("not all of it c", actions=("c",), maximum_share=0.5),
        )
        is_c = np.asarray(table["action"].to_pylist()) == "c"
        rows = [(cost, budget), (-is_a, -many), (north * cost, budget / 2), (am, 4.0), (is_c - 0.5, 0.0)]
        optimum = best_value(table, rows, most, exclusive)
        result = analyzed(table, *limits, max_actions=most, exclusive=exclusive)
        assert result.feasible == (optimum is not None), seed
        if optimum is None:
            continue
        got = taken(table, result)
        check_together(got, most, exclusive)
        assert result.value == pytest.approx(optimum, abs=1e-9), seed
        assert sum(row["value"] for row in got) == pytest.approx(optimum, abs=1e-9)
        assert result.dual_bound >= result.value - 1e-9
        used = {row["limit"]: row["used"] for row in result.rows}
        assert used["budget"] == pytest.approx(sum(row["cost"] for row in got))
        assert used["mornings"] == sum(row["slot"] == "am" for row in got)
        several += len(got) > len({row["customer"] for row in got})
    assert several > 15  # customers did get more than one


def test_a_large_plan_keeps_every_limit_and_comes_close_to_its_bound():
    table, exclusive = market(np.random.default_rng(7), 4_000), (("a", "b"), ("a", "c"))
    limits = (
        Limit("budget", use="cost", maximum=1_500),
        Limit("b", actions=("b",), minimum=1_200, maximum=1_300),
        Limit("north", where="region = 'north'", maximum=900),
        Limit("mornings", where="slot = 'am'", maximum=1_000),
    )
    result = analyzed(table, *limits, max_actions=3, exclusive=exclusive)
    got = taken(table, result)
    check_together(got, 3, exclusive)
    assert result.feasible
    assert result.gap < 1e-4
    assert result.value == pytest.approx(sum(row["value"] for row in got))
    assert sum(row["cost"] for row in got) <= 1_500 + 1e-9
    assert 1_200 <= sum(row["action"] == "b" for row in got) <= 1_300
    assert sum(row["region"] == "north" for row in got) == 900  # a whole number, used up
    alone = analyzed(table, *limits)
    assert result.value > 1.05 * alone.value


def test_a_draw_of_sets_keeps_the_limits():
    table = market(np.random.default_rng(3), 3_000)
    result = analyzed(
        table, Limit("budget", use="cost", maximum=900), max_actions=2, exclusive=(("a", "b"),), temperature_money=0.2
    )
    got = taken(table, result)
    check_together(got, 2, (("a", "b"),))
    assert 800 < sum(row["cost"] for row in got) <= 900


def test_customers_stand_in_the_files_order_with_a_row_for_each_action_or_one_for_none():
    table = pa.table(
        {
            "customer": [7, 7, 3, 9, 7, 3],
            "action": ["letter", "mail", "mail", "mail", "call", "letter"],
            "value": [1.0, 2.0, 1.0, -1.0, 5.0, 4.0],
        }
    )
    both = analyzed(table, max_actions=2).assignments_table()
    assert both.to_pylist() == [
        {"customer": 7, "action": "mail"},
        {"customer": 7, "action": "call"},
        {"customer": 3, "action": "mail"},
        {"customer": 3, "action": "letter"},
        {"customer": 9, "action": None},
    ]
    apart = analyzed(table, max_actions=9, exclusive=(("call", "mail"), ("letter", "mail")))
    assert apart.value == pytest.approx(6.0 + 4.0)


def test_a_minimum_may_ask_for_actions_that_lose_money():
    table = pa.table({"customer": [1, 1, 2, 2], "action": ["a", "b"] * 2, "value": [1.0, -1.0, 1.0, -3.0]})
    result = analyzed(table, Limit("b", actions=("b",), minimum=1), max_actions=2)
    assert result.value == pytest.approx(1.0)
    assert result.rows[0]["used"] == 1


@pytest.mark.parametrize(("most", "n_actions", "keep"), [(2, 40, 31), (3, 20, 14), (1_000, 600, 8)])
def test_more_than_five_hundred_sets_of_a_customer_are_refused_with_what_to_do(most, n_actions, keep):
    names = [f"a{a}" for a in range(n_actions)]
    table = pa.table({"customer": ["x"] * n_actions, "action": names, "value": [1.0] * n_actions})
    with pytest.raises(UsageError, match=f"'x' may get up to {most} of {n_actions}") as refused:
        analyzed(table, max_actions=most)
    assert f"keep the best {keep} actions" in refused.value.hint
    pairs = tuple(combinations(names, 2))
    if len(pairs) < 1_000:  # exclusions leave few enough
        assert analyzed(table, max_actions=most, exclusive=pairs).value == pytest.approx(1.0)


def test_an_exclusion_of_an_action_that_the_file_does_not_have_is_refused():
    table = market(np.random.default_rng(1), 5)
    with pytest.raises(ConfigError, match=r"an exclusion in l\.toml names action 'z'"):
        analyzed(table, max_actions=2, exclusive=(("a", "z"),), limits_file="l.toml")


def test_advice_values_more_of_a_limit_as_a_plan_with_more_of_it_does():
    table, exclusive = market(np.random.default_rng(11), 3_000), (("a", "b"),)

    def planned(maximum: float, **more: object) -> AllocationResult:
        budget = Limit("budget", use="cost", maximum=maximum)
        return analyzed(table, budget, max_actions=2, exclusive=exclusive, **more)

    result = planned(1_000.0, advice=True)
    (row,) = result.advice.limits
    assert row["step"] == 100.0
    gain = planned(1_100.0).value - result.value
    assert row["worth_money"] == pytest.approx(gain, rel=0.02)  # the curve is that of a softmax of 3 % of the values
    assert row["price"] == pytest.approx(result.rows[0]["price"], rel=0.05)


def test_a_new_action_has_to_beat_what_it_takes_the_place_of():
    names, n = ["a", "b", "c"], 400
    table = pa.table(
        {
            "customer": np.repeat(np.arange(n), 3),
            "action": names * n,
            "value": np.stack([np.full(n, 5.0), np.linspace(1.0, 2.0, n), np.full(n, -1.0)], axis=1).ravel(),
        }
    )
    wide = Limit("as many as there are", maximum=10.0 * n)
    wanted = {most: analyzed(table, wide, max_actions=most, advice=True).advice.new_actions[0] for most in (1, 2, 3)}
    assert wanted[1]["half_money"] == pytest.approx(5.0)  # it takes the place of the best
    assert wanted[2]["half_money"] == pytest.approx(1.5, abs=0.01)  # of the second best
    assert wanted[2]["first_money"] == pytest.approx(1.1, abs=0.01)
    assert wanted[3]["half_money"] == 0.0  # of nothing
    assert wanted[2]["like"] == names


@pytest.mark.parametrize(
    "more", [{"max_actions": 0}, {"max_actions": 2, "advice": True, "limits": (Limit("part", maximum_share=0.5),)}]
)
def test_what_cannot_be_asked_together_is_refused(more):
    with pytest.raises(UsageError, match=r"max_actions|advice"):
        AllocationSpec(**{"customer": "customer", "action": "action", "value": "value", "limits": (), **more})
