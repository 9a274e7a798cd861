from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest

from alamo.domain.errors import StateError
from alamo.inference.outcomes import residual_values, value_outcomes


@dataclass(frozen=True)
class PerPurchase:
    """Ten units of money per repeat purchase."""

    version: str
    money: float = 10.0

    def residual_value_money(self, x, t_x_days, t_days, repeat_money):
        return self.money * x


def _observations() -> pa.Table:
    return pa.table(
        {
            "decision_id": ["a", "b"],
            "cycle": [1, 2],
            "margin_money": [5.0, 0.0],
            "cost_money": [1.0, 0.5],
            "x": [0, 1],
            "t_x_days": [0.0, 1.0],
            "t_days": [9.0, 9.0],
            "repeat_money": [0.0, 3.0],
            "x_end": [1, 1],
            "t_x_end_days": [1.0, 1.0],
            "t_end_days": [10.0, 10.0],
            "repeat_money_end": [3.0, 3.0],
        }
    )


def test_an_outcome_is_margin_plus_residual_value_less_cost_under_the_model_of_its_cycle():
    outcomes = value_outcomes(_observations(), {1: PerPurchase("v1"), 2: PerPurchase("v2", 20.0)})
    assert outcomes["outcome_money"].to_pylist() == [14.0, 19.5]
    assert outcomes["value_version"].to_pylist() == ["v1", "v2"]


def test_a_cycle_without_a_value_model_is_an_error_that_names_it():
    with pytest.raises(StateError, match="cycle 2"):
        value_outcomes(_observations(), {1: PerPurchase("v1")})


def test_no_observations_give_no_outcomes():
    assert value_outcomes(_observations().slice(0, 0), {}).num_rows == 0


def test_the_residual_value_at_the_decision_uses_the_state_at_the_decision():
    models = {1: PerPurchase("v1"), 2: PerPurchase("v2")}
    assert np.array_equal(residual_values(_observations(), models), [0.0, 10.0])
