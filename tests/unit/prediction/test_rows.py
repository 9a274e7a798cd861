from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from alamo.prediction.inputs import EffectInputs, OrderScale
from alamo.prediction.rows import DecisionLog, NoiseModel


def inputs_of(n):
    empty = np.zeros((n, 0), dtype=np.float32)
    return EffectInputs(empty, empty, np.zeros(n, dtype=np.int64), np.ones(n))


def scores_of(rows):
    names = ("decision_id", "action_id", "p", "mu_money", "gamma_money")
    return pa.table({name: [row[i] for row in rows] for i, name in enumerate(names)})


OBSERVATIONS = pa.table({"decision_id": ["d1", "d2"], "unit_id": ["u1", "u2"], "action_id": ["mail", "none"]})
SCORES = scores_of(
    [
        ("d1", "mail", 0.5, 2.0, 6.0),
        ("d1", "none", 0.5, 1.0, 1.0),
        ("d2", "mail", 0.1, 2.0, 2.0),
        ("d2", "none", 0.9, 1.0, 3.0),
        ("d2", "post", 0.0, 1.0, 1.0),
        ("d9", "mail", 0.5, 1.0, 1.0),
    ]
)


def test_the_gross_score_is_the_difference_plus_the_cost():
    rows = DecisionLog.of(OBSERVATIONS, SCORES, inputs_of(2), "s").rows_of("mail", 0.25)
    assert rows.score == pytest.approx([6.0 - 1.0 + 0.25, 2.0 - 3.0 + 0.25])
    assert (rows.drawn, rows.drawn_none) == (1, 1)


def test_rows_weigh_by_the_precision_of_their_propensities():
    rows = DecisionLog.of(OBSERVATIONS, SCORES, inputs_of(2), "s").rows_of("mail", 0.0)
    assert rows.weight[0] / rows.weight[1] == pytest.approx((1 / 0.1 + 1 / 0.9) / (1 / 0.5 + 1 / 0.5))


def test_rows_at_which_the_action_had_no_chance_are_left_out():
    log = DecisionLog.of(OBSERVATIONS, SCORES, inputs_of(2), "s")
    assert len(log.rows_of("post", 0.0)) == 0
    assert len(log.rows_of("never heard of", 0.0)) == 0


def test_the_noise_follows_the_money_scale():
    rng = np.random.default_rng(0)
    scale = np.exp(rng.normal(3.0, 1.0, 20_000))
    model = NoiseModel.fit(scale, scale**0.75 * rng.normal(size=20_000))
    assert model.power == pytest.approx(1.5, abs=0.1)
    assert model.variance(np.array([20.0]))[0] == pytest.approx(20.0**1.5, rel=0.15)


def test_few_residuals_give_one_variance_for_all():
    model = NoiseModel.fit(np.array([1.0, 100.0]), np.array([2.0, -2.0]))
    assert model.variance(np.array([1.0, 100.0])).tolist() == [4.0, 4.0]


def test_the_order_scale_draws_few_orders_towards_the_mean():
    scale = OrderScale.fit(pa.table({"money": [100.0, 300.0, 0.0], "purchase_days": [1, 1, 0]}))
    assert scale is not None
    assert scale.mean_money == 200.0
    assert scale.of(pa.table({"money": [0.0, 400.0, -50.0], "purchase_days": [0, 1, 3]})).tolist() == [
        200.0,
        300.0,
        50.0,
    ]


def test_without_purchases_there_is_no_order_scale():
    assert OrderScale.fit(pa.table({"money": [0.0], "purchase_days": [0]})) is None
    assert OrderScale.fit(pa.table({"x": [1]})) is None
