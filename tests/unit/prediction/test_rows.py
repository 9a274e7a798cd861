from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from alamo.prediction.inputs import EffectInputs, OrderScale
from alamo.prediction.rows import DecisionLog, decision_folds


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
    rows = DecisionLog.of(OBSERVATIONS, SCORES, inputs_of(2), decision_folds(OBSERVATIONS, "s")).rows_of("mail", 0.25)
    assert rows.score == pytest.approx([6.0 - 1.0 + 0.25, 2.0 - 3.0 + 0.25])
    assert (rows.drawn, rows.drawn_none) == (1, 1)


def test_rows_weigh_by_the_precision_of_their_propensities():
    rows = DecisionLog.of(OBSERVATIONS, SCORES, inputs_of(2), decision_folds(OBSERVATIONS, "s")).rows_of("mail", 0.0)
    assert rows.weight[0] / rows.weight[1] == pytest.approx((1 / 0.1 + 1 / 0.9) / (1 / 0.5 + 1 / 0.5))


def test_rows_at_which_the_action_had_no_chance_are_left_out():
    log = DecisionLog.of(OBSERVATIONS, SCORES, inputs_of(2), decision_folds(OBSERVATIONS, "s"))
    assert len(log.rows_of("post", 0.0)) == 0
    assert len(log.rows_of("never heard of", 0.0)) == 0


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
