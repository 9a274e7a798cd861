from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from alamo.inference.dr_scores import cycle_dr_scores


def test_every_eligible_action_of_positive_probability_is_scored(loop_log, ridge):
    log = loop_log(200, 2, 1, universal=0.1)
    scores = cycle_dr_scores(log, 2, ridge, salt="s")
    now = log.filter(pc.and_(pc.equal(log["cycle"], 2), pc.invert(log["universal_control"])))
    assert scores.num_rows == 3 * now.num_rows
    assert set(scores["decision_id"].to_pylist()) == set(now["decision_id"].to_pylist())
    assert set(scores["action_id"].to_pylist()) == {"none", "mail", "post"}


def test_only_the_drawn_action_differs_from_the_outcome_model_and_by_the_weighted_residual(loop_log, ridge):
    log = loop_log(150, 1, 2)
    scores = cycle_dr_scores(log, 1, ridge, salt="s")
    of_decision = log["decision_id"].to_pylist().index
    rows = [(row, of_decision(row["decision_id"])) for row in scores.to_pylist()]
    drawn, outcome = log["action_id"].to_pylist(), log["outcome_money"].to_pylist()
    assert sum(row["action_id"] == drawn[at] for row, at in rows) == 150
    for row, at in rows:
        residual = (outcome[at] - row["mu_money"]) / row["p"] if row["action_id"] == drawn[at] else 0.0
        assert row["gamma_money"] == pytest.approx(row["mu_money"] + residual)


def test_an_action_of_probability_zero_is_not_in_the_set(loop_log, ridge):
    log = loop_log(60, 1, 3)
    p = [[0.5, 0.5, 0.0]] * 60
    arms = ["none", "mail"] * 30
    log = log.set_column(log.column_names.index("p"), "p", pa.array(p))
    log = log.set_column(log.column_names.index("action_id"), "action_id", pa.array(arms))
    log = log.set_column(log.column_names.index("p_action"), "p_action", pa.array([0.5] * 60))
    assert set(cycle_dr_scores(log, 1, ridge, salt="s")["action_id"].to_pylist()) == {"none", "mail"}


def test_a_cycle_is_scored_by_models_of_earlier_cycles_alone(loop_log, ridge):
    log = loop_log(300, 3, 4)
    whole = cycle_dr_scores(log, 2, ridge, salt="s")
    without_future = cycle_dr_scores(log.filter(pc.less(log["cycle"], 3)), 2, ridge, salt="s")
    assert whole.equals(without_future)
    shifted = pc.if_else(pc.equal(log["cycle"], 2), pc.add(log["outcome_money"], 1000.0), log["outcome_money"])
    other = log.set_column(log.column_names.index("outcome_money"), "outcome_money", shifted)
    assert cycle_dr_scores(other, 2, ridge, salt="s")["mu_money"].equals(whole["mu_money"])


def test_in_the_first_cycle_no_unit_is_scored_by_a_model_that_saw_it(loop_log, ridge):
    log = loop_log(200, 1, 5)
    outcome = log["outcome_money"].to_numpy().copy()
    outcome[0] += 10_000.0
    other = log.set_column(log.column_names.index("outcome_money"), "outcome_money", pa.array(outcome))
    before, after = (cycle_dr_scores(table, 1, ridge, salt="s") for table in (log, other))
    of_unit = np.asarray(pc.equal(before["unit_id"], "u000000"))
    assert np.allclose(before["mu_money"].to_numpy()[of_unit], after["mu_money"].to_numpy()[of_unit])
    assert not np.allclose(before["mu_money"].to_numpy()[~of_unit], after["mu_money"].to_numpy()[~of_unit])


def test_the_order_of_rows_does_not_matter(loop_log, ridge):
    log = loop_log(120, 2, 6)
    shuffled = log.take(pa.array(np.random.default_rng(1).permutation(log.num_rows)))
    first = cycle_dr_scores(log, 2, ridge, salt="s").sort_by([("decision_id", "ascending"), ("action_id", "ascending")])
    second = cycle_dr_scores(shuffled, 2, ridge, salt="s").sort_by(
        [("decision_id", "ascending"), ("action_id", "ascending")]
    )
    assert np.allclose(first["gamma_money"].to_numpy(), second["gamma_money"].to_numpy())


def test_a_cycle_of_universal_control_alone_has_no_scores(loop_log, ridge):
    assert cycle_dr_scores(loop_log(20, 1, 7, universal=1.0), 1, ridge, salt="s").num_rows == 0


def test_what_was_expected_of_the_customer_leaves_little_to_the_noise(loop_log, ridge):
    log = loop_log(2000, 2, 8)
    scores = cycle_dr_scores(log, 2, ridge, salt="s")
    none = scores.filter(pc.equal(scores["action_id"], "none"))
    outcome = log.filter(pc.equal(log["cycle"], 2))["outcome_money"].to_numpy()
    left = np.var(outcome - none["mu_money"].to_numpy())
    assert left < 0.5 * np.var(outcome)
    assert left == pytest.approx(20.0**2 * 0.12 * 0.88, rel=0.4)  # what the coin of the order leaves
