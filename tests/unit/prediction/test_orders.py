"""Ordering as the low-noise part of an outcome."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from alamo.prediction.inputs import EffectInputs
from alamo.prediction.orders import OrderLog

N = 40_000
LIFT = 0.03


def inputs_of(segment):
    empty = np.zeros((len(segment), 0), dtype=np.float32)
    return EffectInputs(empty, empty, segment, np.full(len(segment), 10.0))


@pytest.fixture(scope="module")
def world():
    """Two segments that order at different rates; a mail adds 3 points; an order is worth five times the scale."""
    rng = np.random.default_rng(3)
    segment = rng.integers(0, 2, N)
    mail = rng.random(N) < 0.3
    ordered = rng.random(N) < np.array([0.1, 0.4])[segment] + LIFT * mail
    outcome = 7.0 * segment + 50.0 * ordered * rng.lognormal(-0.5, 1.0, N)
    table = pa.table(
        {
            "action_id": np.where(mail, "mail", "none"),
            "orders_window": ordered.astype(np.int64),
            "outcome_money": outcome,
        }
    )
    return table, inputs_of(segment), rng.integers(0, 5, N)


def test_an_order_is_worth_what_it_brings_within_segments(world):
    log = OrderLog.of(*world)
    assert log.worth == pytest.approx(5.0, abs=5 * 50.0 * 1.3 / 10.0 / np.sqrt(0.25 * N))


def test_the_expected_share_is_that_of_the_segment_on_the_other_folds(world):
    table, inputs, folds = world
    log = OrderLog.of(table, inputs, folds)
    ordered = table["orders_window"].to_numpy()
    elsewhere = (folds != folds[0]) & (inputs.segment == inputs.segment[0])
    assert log.expected[0] == pytest.approx(ordered[elsewhere].mean(), abs=1e-3)


def test_the_score_is_unbiased_for_the_effect_on_ordering(world):
    table, inputs, folds = world
    log = OrderLog.of(table, inputs, folds)
    everybody = np.arange(N)
    rows = log.rows_of(table["action_id"], "mail", everybody, np.full(N, 0.3), np.full(N, 0.7))
    error = rows.score.std() / np.sqrt(N)
    assert rows.score.mean() == pytest.approx(LIFT, abs=4 * error)
    assert rows.noise.mean() == pytest.approx(rows.score.var(), rel=0.1)


def test_without_orders_or_with_too_few_nothing_is_said(world):
    table, inputs, folds = world
    assert OrderLog.of(table.drop_columns(["orders_window"]), inputs, folds) is None
    nobody = table.set_column(1, "orders_window", pa.array(np.zeros(N, dtype=np.int64)))
    assert OrderLog.of(nobody, inputs, folds) is None
