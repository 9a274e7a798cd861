from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from benchmarks.uplift_worlds import ACTIONS, COSTS, IDS, START, log, score_matrix, shop

from alamo.domain.action import Action
from alamo.domain.tables import SCORES
from alamo.prediction import UpliftModel, fit_uplift_model, opening_scores

N = 3000


@pytest.fixture(scope="module")
def world():
    return shop("mixed", N, 1)


@pytest.fixture(scope="module")
def tables(world):
    return log(world, 2, 2, explored=0.6)


@pytest.fixture(scope="module")
def model(tables):
    return fit_uplift_model(*tables, actions=ACTIONS, salt="test")


@pytest.fixture(scope="module")
def segments(world):
    return pa.table({"customer_id": world.profiles["customer_id"], "segment": world.segment})


def test_scores_pass_their_contract_with_one_row_per_customer_and_action(model, world, segments):
    scores = SCORES.check(model.score(world.profiles, segments, START))
    assert scores.num_rows == N * len(ACTIONS)
    assert set(scores["model_version"].to_pylist()) == {model.version}
    assert min(scores["value_sd_money"].to_pylist()) > 0.0
    shared, whole = score_matrix(scores, "shared_sd_money"), score_matrix(scores, "value_sd_money")
    assert ((shared > 0.0) & (shared <= whole)).all()


def test_a_customer_alone_gets_the_same_bits_as_in_a_batch(model, world, segments):
    batch = model.score(world.profiles, segments, START)
    for i in range(0, N, 97):
        alone = model.score(world.profiles.slice(i, 1), segments, START)
        for column in ("value_mean_money", "value_sd_money", "shared_sd_money"):
            assert np.array_equal(score_matrix(alone, column)[0], score_matrix(batch, column)[i])


def test_the_state_survives_json_bit_for_bit(model, world, segments):
    read = UpliftModel.from_dict(json.loads(json.dumps(model.to_dict())))
    assert read.version == model.version
    assert read.score(world.profiles, segments, START).equals(model.score(world.profiles, segments, START))


def test_the_same_data_give_the_same_model(model, tables):
    assert fit_uplift_model(*tables, actions=ACTIONS, salt="test").version == model.version


def test_weights_of_an_action_sum_to_one_and_every_learner_has_a_loss(model):
    for action in IDS:
        assert sum(model.weights[action].values()) == pytest.approx(1.0)
        assert set(model.weights[action]) == {"zero", "one effect", "segments", "ridge", "boosting"}
        assert all(np.isfinite(loss) for loss in model.dr_loss[action].values())


def test_the_cost_is_taken_off_exactly(tables, world, segments):
    dearer = [Action(a.id, a.name, a.channel, a.level, a.cost_money + 1.0) for a in ACTIONS]
    observations, scores = tables
    # outcomes are net of cost: at a higher price every drawn row brings that much less
    p, drawn = np.asarray(scores["p"]), np.asarray(scores["action_id"])
    gamma = pa.array(np.asarray(scores["gamma_money"]) - np.where(drawn == "none", 0.0, 1.0))
    assert (p > 0).all()
    moved = scores.set_column(scores.column_names.index("gamma_money"), "gamma_money", gamma)
    moved = moved.set_column(
        moved.column_names.index("mu_money"),
        "mu_money",
        pa.array(np.asarray(scores["mu_money"]) - np.where(drawn == "none", 0.0, 1.0)),
    )
    cheap = score_matrix(fit_uplift_model(*tables, actions=ACTIONS, salt="t").score(world.profiles, segments, START))
    model = fit_uplift_model(observations, moved, actions=dearer, salt="t")
    assert score_matrix(model.score(world.profiles, segments, START)) == pytest.approx(cheap - 1.0, abs=1e-6)


def test_an_action_never_decided_is_zero_with_a_wide_uncertainty(tables, world, segments, model):
    fresh = Action("fresh", "fresh", "email", "upsell", 0.5)
    fitted = fit_uplift_model(*tables, actions=[*ACTIONS, fresh], salt="test")
    scores = fitted.score(world.profiles, segments, START)
    mine = scores.filter(pc.equal(scores["action_id"], "fresh"))
    assert set(mine["value_mean_money"].to_pylist()) == {-0.5}
    known = score_matrix(model.score(world.profiles, segments, START), "value_sd_money")
    assert np.median(mine["value_sd_money"].to_numpy()) > 1.5 * np.median(known)
    assert fitted.weights["fresh"] == {"zero": 1.0}


def test_an_action_with_few_draws_falls_back_to_zero(tables, world):
    observations, scores = tables
    voucher = np.flatnonzero(np.asarray(pc.equal(observations["action_id"], "voucher")))[10:]
    keep = np.setdiff1d(np.arange(observations.num_rows), voucher)
    fitted = fit_uplift_model(observations.take(pa.array(keep)), scores, actions=ACTIONS, salt="test")
    assert fitted.weights["voucher"] == {"zero": 1.0}
    assert fitted.weights["mail"] != {"zero": 1.0}


def test_a_customer_in_no_known_segment_is_scored(model, world, segments):
    nobody = segments.slice(0, 0)
    scores = SCORES.check(model.score(world.profiles.slice(0, 50), nobody, START))
    assert scores.num_rows == 50 * len(ACTIONS)


def test_opening_scores_are_minus_the_cost(world):
    scores = SCORES.check(opening_scores(world.profiles, ACTIONS, START, 2.5))
    assert score_matrix(scores)[:3] == pytest.approx(np.tile(-COSTS, (3, 1)))
    assert set(scores["value_sd_money"].to_pylist()) == {2.5}


def test_without_a_money_scale_effects_are_fitted_in_money(tables, world, segments):
    observations, scores = tables
    plain = observations.drop_columns(["money"])
    fitted = fit_uplift_model(plain, scores, actions=ACTIONS, salt="test")
    assert fitted.encoder.scale is None
    assert not any(candidate.unit != "money" for action in fitted.actions for candidate in action.stack.candidates)
    assert fitted.score(world.profiles, segments, START).num_rows == N * len(ACTIONS)


def test_constant_features_and_one_segment_are_no_obstacle(tables, world, segments):
    observations, scores = tables
    flat = observations.select(["decision_id", "unit_id", "decided_at", "action_id", "cycle"])
    flat = flat.append_column("recency_days", pa.array(np.full(flat.num_rows, 3.0)))
    flat = flat.append_column("segment", pa.array(["everybody"] * flat.num_rows))
    fitted = fit_uplift_model(flat, scores, actions=ACTIONS, salt="test")
    values = score_matrix(fitted.score(world.profiles, segments, START))
    assert (values == values[0]).all()


def test_scores_of_one_wholesale_customer_stay_finite(tables, world, segments):
    observations, scores = tables
    gamma = np.asarray(scores["gamma_money"]).copy()
    gamma[100] = 1e9
    wild = scores.set_column(scores.column_names.index("gamma_money"), "gamma_money", pa.array(gamma))
    fitted = fit_uplift_model(observations, wild, actions=ACTIONS, salt="test")
    SCORES.check(fitted.score(world.profiles, segments, START))


def test_a_column_of_an_imported_experiment_is_a_feature_and_may_be_missing_later(tables, world, segments):
    observations, scores = tables
    taste = pa.array(np.random.default_rng(0).choice(["a", "b"], observations.num_rows))
    fitted = fit_uplift_model(observations.append_column("zip_area", taste), scores, actions=ACTIONS, salt="test")
    assert any(column.name == "zip_area" for column in fitted.encoder.tree.columns)
    SCORES.check(fitted.score(world.profiles, segments, START))
