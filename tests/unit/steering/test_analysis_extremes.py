"""`analyze allocation` on files at the edge: very many actions, very few customers, nothing worth doing, no room."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from alamo.domain.action import Limit
from alamo.domain.errors import InputError
from alamo.numerics.hashing import unit_keys
from alamo.steering import AllocationResult, AllocationSpec, analyze_allocation
from alamo.steering.cells import MOST_ACTIONS, Pairs, assemble
from alamo.steering.units import Units
from alamo.store import MemoryHistory


def grid(n: int, k: int, value: np.ndarray) -> pa.Table:
    customer, action = np.repeat(np.arange(n), k), np.tile(np.arange(k), n)
    return pa.table(
        {
            "customer": [f"c{i}" for i in customer],
            "action": [f"a{a}" for a in action],
            "value": value,
            "fee": np.full(n * k, 2.0),
        }
    )


def normal(n: int, k: int, *, positive: bool = False) -> np.ndarray:
    value = np.random.default_rng(1).normal(size=n * k)
    return np.abs(value) + 0.1 if positive else value


def analyzed(table: pa.Table, *limits: Limit) -> AllocationResult:
    return analyze_allocation(table, AllocationSpec("customer", "action", "value", limits), MemoryHistory())


def taken(result: AllocationResult) -> int:
    table = result.assignments_table()
    return table.num_rows - table["action"].null_count


def test_a_customer_with_ten_thousand_actions_takes_its_best():
    value = normal(1, 10_000)
    others = grid(49, 1, np.ones(49))
    ids = pa.array([f"c{i + 1}" for i in range(49)])
    table = pa.concat_tables([grid(1, 10_000, value), others.set_column(0, "customer", ids)])
    result = analyzed(table, Limit("cap", maximum=20), Limit("one", actions=("a7",), maximum=0))
    assert result.feasible
    assert taken(result) == 20
    assert result.value == pytest.approx(np.delete(value, 7).max() + 19.0)


def test_actions_that_limits_tell_apart_are_not_taken_for_one():
    value = np.tile(np.linspace(2.0, 1.0, 600), 3)
    result = analyzed(
        grid(3, 600, value), Limit("best", actions=("a0",), maximum=1), Limit("fee", use="fee", maximum=4)
    )
    assert result.feasible
    assert taken(result) == 2
    assert result.value == pytest.approx(value[0] + value[1])


def test_more_actions_than_are_supported_are_refused_by_customer():
    most = MOST_ACTIONS + 1
    with pytest.raises(InputError, match="customer 'c0' has 32,768 actions"):
        analyzed(grid(1, most, np.ones(most)), Limit("cap", maximum=1))


def test_more_actions_than_one_customer_may_have_are_kept_apart_over_all_customers():
    action = np.array([0, 32_767, 32_768, 39_999])
    units = Units(pa.array(["a", "b"]), unit_keys(["a", "b"]), np.zeros(2, dtype=np.int32), np.zeros(2, dtype=bool))
    pairs = Pairs(np.array([0, 0, 1, 1]), action, np.ones(4), np.zeros(4), np.zeros((4, 0)))
    cells = assemble(units, pairs, (), tuple(f"a{a}" for a in range(40_000)), "s")
    assert sorted(cells.action.tolist()) == action.tolist()


def test_five_customers_and_two_hundred_actions_are_solved_exactly():
    value = normal(5, 200)
    result = analyzed(grid(5, 200, value), Limit("cap", maximum=3))
    assert result.value == pytest.approx(np.sort(value.reshape(5, 200).max(axis=1))[-3:].sum())
    assert result.gap == pytest.approx(0.0, abs=1e-9)


def test_where_every_value_is_negative_everybody_gets_no_action():
    result = analyzed(grid(300, 3, -normal(300, 3, positive=True)), Limit("cap", maximum=30))
    assert (result.value, result.gap, taken(result)) == (0.0, 0.0, 0)


def test_a_minimum_is_met_even_where_every_action_loses():
    value = -normal(300, 3, positive=True)
    result = analyzed(grid(300, 3, value), Limit("least", minimum=30))
    assert result.feasible
    assert taken(result) == 30
    assert result.value == pytest.approx(np.sort(value.reshape(300, 3).max(axis=1))[-30:].sum())
    assert result.records()[0]["price"] < 0


@pytest.mark.parametrize("maximum", [0, 1e-12])
def test_no_room_means_no_action_and_a_finite_price(maximum):
    result = analyzed(grid(300, 3, normal(300, 3, positive=True)), Limit("cap", use="fee", maximum=maximum))
    assert (result.feasible, result.value, taken(result)) == (True, 0.0, 0)
    assert np.isfinite(result.records()[0]["price"])


def test_a_price_that_would_be_infinite_is_an_answer_that_names_the_limits():
    table = grid(300, 3, normal(300, 3, positive=True))
    result = analyzed(table, Limit("cap", maximum=0), Limit("least", minimum=10))
    assert not result.feasible
    assert "least" in {conflict.limit for conflict in result.infeasible_limits}


def test_values_in_billions_are_planned_as_well_as_in_cents():
    value = normal(2_000, 3, positive=True)
    small, large = (analyzed(grid(2_000, 3, value * unit), Limit("cap", maximum=200)) for unit in (1e-2, 1e12))
    assert large.value == pytest.approx(small.value * 1e14, rel=1e-3)
    assert taken(small) == taken(large) == 200


def test_with_hundreds_of_actions_advice_charges_a_new_one_what_the_limits_of_its_channel_charge():
    rng, n, k = np.random.default_rng(5), 40, 300
    action = np.tile(np.arange(k), n)
    table = pa.table(
        {
            "customer": np.repeat(np.arange(n), k),
            "action": [f"a{a}" for a in action],
            "channel": np.where(action % 3 == 0, "post", "email"),
            "value": rng.exponential(1.0, n * k) + 2.0 * (action % 3 == 0),
        }
    )
    spec = AllocationSpec(
        "customer", "action", "value", (Limit("print shop", channels=("post",), maximum=5),), advice=True
    )
    entries = analyze_allocation(table, spec, MemoryHistory()).advice.new_actions
    by_post = {name: row for row in entries for name in row["like"]}
    assert len(by_post) == k
    assert by_post["a3"]["price_of_use_money"] > 0.0 == by_post["a4"]["price_of_use_money"]
    assert {int(name[1:]) % 3 for name in by_post["a3"]["like"]} == {0}
