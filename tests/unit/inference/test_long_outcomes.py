from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from alamo.domain.errors import StateError
from alamo.domain.tables import LONG_OBSERVATIONS
from alamo.inference import Estimate, PermissionPrice, PermissionPrices, Prices, value_long_outcomes, value_outcomes

SHORT_END = datetime(2026, 2, 2, tzinfo=UTC)


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
        "channels_lost": [["email"] if i % 2 == 1 else [] for i in range(n)],
    } | columns
    return LONG_OBSERVATIONS.check(pa.table(values, schema=LONG_OBSERVATIONS.schema))


def price(gain: float = 2.0, rate: float = 0.0) -> PermissionPrice:
    found = Estimate(gain, 0.1, gain - 0.196, gain + 0.196, 1000)
    return PermissionPrice(found, 0.0, 0.0, 28, rate, 0.95)


def prices(gain: float = 2.0, rate: float = 0.0, **channels: float) -> PermissionPrices:
    return PermissionPrices(price(gain, rate), {name: price(its, rate) for name, its in channels.items()})


def test_the_residual_is_what_is_left_of_the_horizon_discounted_to_the_end_of_the_short_window():
    table = value_long_outcomes(long_rows(), {1: PerDay("v1"), 2: PerDay("v2", 2.0)})
    discount = np.exp(-0.1 * 154 / 365)
    assert table["residual_value_money"].to_pylist() == pytest.approx([100 * discount, 200 * discount])
    assert table["outcome_money"].to_pylist() == pytest.approx([28 + 100 * discount, 28 + 200 * discount])
    assert table["value_version"].to_pylist() == ["v1", "v2"]
    assert table["permission_money"].null_count == 2


def test_a_long_window_beyond_the_horizon_leaves_nothing_to_expect():
    table = value_long_outcomes(long_rows(elapsed=300), {1: PerDay("v"), 2: PerDay("v")})
    assert table["residual_value_money"].to_pylist() == [0.0, 0.0]


def test_the_residual_is_that_of_the_frozen_model_with_its_own_horizon_and_rate():
    frozen = {1: PerDay("a", horizon_days=200, discount_rate_per_year=0.0), 2: PerDay("b")}
    residual = value_long_outcomes(long_rows(), frozen)["residual_value_money"].to_pylist()
    assert residual == pytest.approx([46.0, 100 * np.exp(-0.1 * 154 / 365)])


def test_a_permission_lost_is_charged_over_what_is_left_of_the_horizon():
    frozen = Prices({1: prices(email=1.5), 2: prices(rate=0.2, email=1.5)}, 254)
    table = value_long_outcomes(long_rows(), {1: PerDay("v", 0.0), 2: PerDay("v", 0.0)}, frozen)
    ahead = (1 - np.exp(-0.2 * 100 / 365)) / (0.2 / 365)  # at the rate of the price, frozen with it
    left = 1.5 * ahead / 28 * np.exp(-0.2 * 154 / 365)
    assert table["permission_money"].to_pylist() == pytest.approx([0.0, left])
    assert table["outcome_money"].to_pylist() == pytest.approx([28.0, 28.0 - left])


def test_short_and_longer_outcome_charge_over_the_horizon_frozen_before_their_cycle():
    frozen = Prices({1: prices(), 2: prices()}, 154, {1: 364})
    rows = pa.table({"cycle": [1, 2], "permission_lost": [True, True]})
    assert frozen.charge(rows).tolist() == pytest.approx([26.0, 11.0])
    assert frozen.charge(rows, np.array([154.0, 154.0])).tolist() == pytest.approx([15.0, 0.0])


def test_a_cycle_without_a_value_model_is_refused():
    with pytest.raises(StateError, match="cycle 2 has no value model"):
        value_long_outcomes(long_rows(), {1: PerDay("v")})


def test_no_rows_are_no_outcomes():
    assert value_long_outcomes(long_rows().slice(0, 0), {}).num_rows == 0


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
    priced = value_outcomes(rows, models, Prices({1: prices(), 2: None}, 280))
    assert priced["permission_money"].to_pylist() == pytest.approx([0.0, 20.0, 0.0])
    assert priced["outcome_money"].to_pylist() == pytest.approx([9.0, -11.0, 9.0])
    plain = value_outcomes(rows, models)
    assert plain["permission_money"].null_count == 3
    assert plain["outcome_money"].to_pylist() == [9.0, 9.0, 9.0]


@pytest.mark.parametrize(
    ("lost", "charged"),
    [
        (["email"], 15.0),
        (["sms"], 2.5),
        (["email", "sms"], 17.5),
        (["post"], 0.0),  # nothing goes out through it
        (["*"], 20.0),
        (["*", "email"], 20.0),
        (None, 20.0),  # observed before channels were recorded
    ],
)
def test_a_channel_lost_is_charged_what_it_brings_and_every_channel_what_a_reachable_customer_brings(lost, charged):
    found = Prices({1: prices(2.0, email=1.5, sms=0.25)}, 280)
    rows = pa.table(
        {
            "cycle": [1],
            "permission_lost": [True],
            "channels_lost": pa.array([lost], pa.list_(pa.string())),
        }
    )
    assert found.charge(rows).tolist() == pytest.approx([charged])
    assert found.charge(rows.drop(["channels_lost"])).tolist() == pytest.approx([20.0])
    assert found.charge(rows, np.array([140.0])).tolist() == pytest.approx([charged / 2])


def test_everything_costs_no_less_than_a_channel_where_the_gain_of_all_is_not_found():
    unsure = PermissionPrice(Estimate(1.0, 1.0, -0.96, 2.96, 1000), 0.0, 0.0, 28, 0.0, 0.95)
    found = PermissionPrices(unsure, {"email": price(1.5), "letter": price(-1.0)})
    assert found.charge_money(["*"], 280) == found.charge_money(["email", "letter"], 280) == pytest.approx(15.0)
    assert found.found
    assert not PermissionPrices(unsure, {"letter": price(-1.0)}).found
    assert PermissionPrices(unsure).charge_money(["*"], 280) == 0.0


def test_prices_frozen_before_channels_were_told_apart_charge_the_whole():
    before = PermissionPrices.from_dict({"price": price().to_dict()})
    assert before.charge_money(["sms"], 280) == pytest.approx(20.0)
    assert before.charge_money([], 280) == 0.0
    assert PermissionPrices.from_dict(before.to_dict()) == before
    assert PermissionPrices.from_dict(prices(email=1.5).to_dict()) == prices(email=1.5)
