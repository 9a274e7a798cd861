from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from alamo.domain.errors import StateError
from alamo.domain.settings import OutcomeSettings
from alamo.domain.tables import LONG_OBSERVATIONS
from alamo.inference import Estimate, PermissionPrice, Prices, value_long_outcomes, value_outcomes

SHORT_END = datetime(2026, 2, 2, tzinfo=UTC)
OUTCOME = OutcomeSettings(window_days=28, residual_horizon_days=254, long_days=182, discount_rate_per_year=0.1)


@dataclass(frozen=True)
class PerDay:
    """Every customer is worth `rate` a day for as long as is looked ahead."""

    version: str
    rate: float = 1.0
    horizon_days: int = 254
    discount_rate_per_year: float = 0.1

    def residual_value_money(self, x, t_x_days, t_days, repeat_money):
        return np.full(len(x), self.rate * self.horizon_days)

    def over(self, horizon_days):
        return replace(self, horizon_days=horizon_days)


def long_rows(n: int = 2, elapsed: int = 154, **columns) -> pa.Table:
    values = {
        "decision_id": [f"d{i}" for i in range(n)],
        "cycle": [1 + i % 2 for i in range(n)],
        "long_days": [182] * n,
        "short_end": [SHORT_END] * n,
        "long_end": [SHORT_END + timedelta(days=elapsed)] * n,
        "matured_at": [SHORT_END + timedelta(days=elapsed)] * n,
        "margin_money": [30.0] * n,
        "cost_money": [2.0] * n,
        "permission_lost": [i % 2 == 1 for i in range(n)],
        "x_end": [3] * n,
        "t_x_end_days": [100.0] * n,
        "t_end_days": [200.0] * n,
        "repeat_money_end": [20.0] * n,
    } | columns
    return LONG_OBSERVATIONS.check(pa.table(values, schema=LONG_OBSERVATIONS.schema))


def price(gain: float = 2.0, se: float = 0.1, p_lost: float = 0.0) -> PermissionPrice:
    found = Estimate(gain, se, gain - 1.96 * se, gain + 1.96 * se, 1000)
    return PermissionPrice(found, p_lost, 0.0, 28, 0.0, 0.95)


def test_the_residual_is_what_is_left_of_the_horizon_discounted_to_the_end_of_the_short_window():
    table = value_long_outcomes(long_rows(), {1: PerDay("v1"), 2: PerDay("v2", 2.0)}, OUTCOME)
    discount = np.exp(-0.1 * 154 / 365)
    assert table["residual_value_money"].to_pylist() == pytest.approx([100 * discount, 200 * discount])
    assert table["outcome_money"].to_pylist() == pytest.approx([28 + 100 * discount, 28 + 200 * discount])
    assert table["value_version"].to_pylist() == ["v1", "v2"]
    assert table["permission_money"].null_count == 2


def test_a_long_window_beyond_the_horizon_leaves_nothing_to_expect():
    table = value_long_outcomes(long_rows(elapsed=300), {1: PerDay("v"), 2: PerDay("v")}, OUTCOME)
    assert table["residual_value_money"].to_pylist() == [0.0, 0.0]


def test_the_residual_is_that_of_the_frozen_model_whatever_the_settings_are_today():
    frozen = {1: PerDay("a", horizon_days=200, discount_rate_per_year=0.0), 2: PerDay("b")}
    today = replace(OUTCOME, residual_horizon_days=365, discount_rate_per_year=0.5)
    residual = value_long_outcomes(long_rows(), frozen, today)["residual_value_money"].to_pylist()
    assert residual == pytest.approx([46.0, 100 * np.exp(-0.1 * 154 / 365)])


def test_a_permission_lost_is_charged_over_what_is_left_of_the_horizon():
    prices = Prices({1: price(), 2: price()}, 254)
    table = value_long_outcomes(long_rows(), {1: PerDay("v", 0.0), 2: PerDay("v", 0.0)}, OUTCOME, prices)
    left = 2.0 * 100 / 28 * np.exp(-0.1 * 154 / 365)
    assert table["permission_money"].to_pylist() == pytest.approx([0.0, left])
    assert table["outcome_money"].to_pylist() == pytest.approx([28.0, 28.0 - left])


def test_a_cycle_without_a_value_model_is_refused():
    with pytest.raises(StateError, match="cycle 2 has no value model"):
        value_long_outcomes(long_rows(), {1: PerDay("v")}, OUTCOME)


def test_no_rows_are_no_outcomes():
    assert value_long_outcomes(long_rows().slice(0, 0), {}, OUTCOME).num_rows == 0


def test_a_short_outcome_is_charged_over_the_whole_horizon_where_permissions_are_priced():
    rows = pa.table(
        {
            "decision_id": ["a", "b", "c"],
            "cycle": [1, 1, 2],
            "margin_money": [10.0, 10.0, 10.0],
            "cost_money": [1.0, 1.0, 1.0],
            "permission_lost": [False, True, True],
            **{name: [1.0] * 3 for name in ("x_end", "t_x_end_days", "t_end_days", "repeat_money_end")},
        }
    )
    models = {1: PerDay("v", 0.0), 2: PerDay("v", 0.0)}
    priced = value_outcomes(rows, models, Prices({1: price(), 2: None}, 280))
    assert priced["permission_money"].to_pylist() == pytest.approx([0.0, 20.0, 0.0])
    assert priced["outcome_money"].to_pylist() == pytest.approx([9.0, -11.0, 9.0])
    plain = value_outcomes(rows, models)
    assert plain["permission_money"].null_count == 3
    assert plain["outcome_money"].to_pylist() == [9.0, 9.0, 9.0]
