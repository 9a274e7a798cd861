from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from benchmarks.uplift_worlds import ACTIONS, IDS, START, log, score_matrix, shop
from hypothesis import given, settings
from hypothesis import strategies as st

from alamo.numerics.q_aggregation import minimise_on_simplex
from alamo.prediction import fit_uplift_model

N = 1500


@pytest.fixture(scope="module")
def world():
    return shop("smooth", N, 3)


@pytest.fixture(scope="module")
def tables(world):
    return log(world, 1, 4, explored=0.8)


@pytest.fixture(scope="module")
def unmoved(world, tables):
    return scores_of(world, tables)


def scores_of(world, tables):
    segments = pa.table({"customer_id": world.profiles["customer_id"], "segment": world.segment})
    return score_matrix(fit_uplift_model(*tables, actions=ACTIONS, salt="p").score(world.profiles, segments, START))


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_order_of_the_rows_is_irrelevant(world, tables, unmoved, seed):
    rng = np.random.default_rng(seed)
    observations, dr_scores = tables
    turned = (
        observations.take(pa.array(rng.permutation(observations.num_rows))),
        dr_scores.take(pa.array(rng.permutation(dr_scores.num_rows))),
    )
    assert scores_of(world, turned) == pytest.approx(unmoved, abs=1e-9)


@settings(max_examples=5, deadline=None)
@given(shift=st.floats(-100.0, 100.0))
def test_adding_a_constant_to_every_outcome_changes_no_score(world, tables, unmoved, shift):
    observations, dr_scores = tables
    moved = dr_scores
    for name in ("mu_money", "gamma_money"):
        place = moved.column_names.index(name)
        moved = moved.set_column(place, name, pa.array(np.asarray(moved[name]) + shift))
    assert scores_of(world, (observations, moved)) == pytest.approx(unmoved, abs=1e-6)


@settings(max_examples=4, deadline=None)
@given(factor=st.sampled_from([0.01, 0.5, 3.0, 100.0]))
def test_values_scale_with_the_currency(world, tables, factor):
    observations, dr_scores = tables
    moved = dr_scores
    for name in ("mu_money", "gamma_money"):
        place = moved.column_names.index(name)
        moved = moved.set_column(place, name, pa.array(np.asarray(moved[name]) * factor))
    place = observations.column_names.index("outcome_money")
    in_cents = observations.set_column(
        place, "outcome_money", pa.array(np.asarray(observations["outcome_money"]) * factor)
    )
    free = [type(a)(a.id, a.name, a.channel, a.level, 0.0) for a in ACTIONS]
    segments = pa.table({"customer_id": world.profiles["customer_id"], "segment": world.segment})

    def values(log, scores):
        model = fit_uplift_model(log, scores, actions=free, salt="p")
        return score_matrix(model.score(world.profiles, segments, START))

    assert values(in_cents, moved) == pytest.approx(
        factor * values(observations, dr_scores), rel=1e-6, abs=1e-6 * factor
    )
    assert len(IDS) == values(observations, dr_scores).shape[1]


@given(st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_weights_lie_on_the_simplex_and_satisfy_the_optimality_conditions(k, seed):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(k, k))
    H, c = root.T @ root, rng.normal(size=k)
    w = minimise_on_simplex(H, c)
    gradient = H @ w + c
    assert (w >= 0.0).all()
    assert w.sum() == pytest.approx(1.0)
    level = float(w @ gradient)
    assert (gradient >= level - 1e-6 * (1.0 + np.abs(gradient).max())).all()
