"""The loop on a project on disk: it turns, it waits at the gate, and doing a thing twice changes nothing."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from alamo.domain.errors import InsufficientDataError, StateError, UsageError
from alamo.engine.batch import Stamp
from alamo.engine.explain import candidates_of
from alamo.engine.realtime import terms_of
from alamo.engine.replay import replay
from alamo.project import Project
from alamo.steering.candidates import gather
from alamo.steering.eligibility import Gatekeeper


def count(project, table, where="TRUE"):
    return project.context.history.query(f"SELECT count(*) AS n FROM {table} WHERE {where}")["n"][0].as_py()


def test_the_first_turn_ends_with_a_plan_that_waits(project):
    turned = project.run().turns[0]
    assert [step.step for step in turned.steps] == ["measure", "infer", "predict", "steer"]
    assert turned.cycle == 1
    assert turned.plan.state == "proposed"
    assert count(project, "decisions") == 0
    assert count(project, "proposals") == count(project, "profiles") == 400


def test_a_repeated_turn_changes_nothing(project):
    first = project.run().turns[0]
    versions = {t: project.context.history.snapshot_version(t) for t in ("profiles", "scores", "proposals", "events")}
    again = project.run().turns[0]
    assert [step.changed for step in again.steps] == [False] * 4
    assert again.plan.plan_id == first.plan.plan_id
    assert versions == {t: project.context.history.snapshot_version(t) for t in versions}


def test_approving_and_launching_are_two_acts(project):
    plan = project.run().turns[0].plan
    with pytest.raises(StateError):
        project.launch(plan.plan_id, by="ann")
    assert project.approve(plan.plan_id, by="ann").approved_by == "ann"
    assert count(project, "decisions") == 0
    launched = project.launch(plan.plan_id, by="bob")
    assert launched.decisions == 400
    assert launched.deliveries == {"sent": count(project, "decisions", "action_id <> 'none'")}
    assert project.launch(plan.plan_id, by="bob").deliveries == launched.deliveries
    with pytest.raises(StateError):
        project.cancel(plan.plan_id, by="ann")


def test_a_cancelled_plan_cannot_be_launched_and_another_can_be_made(project):
    plan = project.run().turns[0].plan
    project.cancel(plan.plan_id, by="ann")
    with pytest.raises(StateError):
        project.approve(plan.plan_id, by="ann")


def test_several_cycles_of_a_simulated_project_need_somebody_who_approves(project, start):
    with pytest.raises(UsageError, match="approves"):
        project.run(until=start + timedelta(days=60))


def test_every_decision_has_its_probabilities_and_controls_are_decisions(seasoned):
    decisions = seasoned.context.history.query("SELECT * FROM decisions").to_pylist()
    assert len(decisions) == 3 * 400
    for row in decisions:
        assert row["eligible"][-1] == "none"
        assert abs(sum(row["p"]) - 1) < 1e-9
        assert row["p"][row["eligible"].index(row["action_id"])] == row["p_action"]
    assert any(row["action_id"] == "none" and not row["universal_control"] for row in decisions)


def test_limits_consent_and_caps_hold_in_every_cycle(seasoned):
    history = seasoned.context.history
    cost = history.query("SELECT cycle, sum(cost_money) AS cost FROM decisions GROUP BY cycle")["cost"].to_pylist()
    assert max(cost) <= 60 + 1e-9
    without_consent = history.query(
        """
        SELECT count(*) AS n
        FROM decisions d JOIN profiles p ON p.customer_id = d.customer_id AND p.as_of = d.decided_at
        WHERE (d.action_id = 'mail' AND NOT list_contains(p.consent, 'email'))
           OR (d.action_id = 'letter' AND NOT list_contains(p.consent, 'post'))
        """
    )
    assert without_consent["n"][0].as_py() == 0


def test_observations_mature_once_with_the_value_model_frozen_before_their_cycle(seasoned):
    history = seasoned.context.history
    assert count(seasoned, "observations") == count(seasoned, "outcomes") == 3 * 400
    versions = history.query("SELECT cycle, count(DISTINCT value_version) AS n FROM outcomes GROUP BY cycle")
    assert set(versions["n"].to_pylist()) == {1}
    outcomes = history.query(
        "SELECT margin_money + residual_value_money - cost_money - outcome_money AS rest FROM outcomes"
    )
    assert np.abs(outcomes["rest"].to_numpy()).max() < 1e-6


def test_a_launched_cycle_replays_bit_for_bit_from_its_snapshot(seasoned):
    context = seasoned.context
    plan = next(plan for plan in seasoned.plans() if plan.cycle == 2)
    policy = context.shelf.get(plan.policy_version)
    day = {"day": policy.scores_as_of[:10]}
    profiles = context.history.query("SELECT * FROM profiles WHERE as_of_day = $day", day)
    scores = context.history.query("SELECT * FROM scores WHERE as_of_day = $day", day)
    logged = context.history.query("SELECT * FROM decisions WHERE plan_id = $plan", {"plan": plan.plan_id})
    decided_at = logged["decided_at"][0].as_py()
    one = candidates_of(context, policy, logged["customer_id"][0].as_py(), decided_at)
    terms = terms_of(policy, Gatekeeper(context.actions, context.contact, decided_at))
    candidates = gather(context.history, profiles, scores, terms)
    stamp = Stamp(plan.plan_id, plan.policy_version, 2, decided_at, plan.valid_until)
    again = replay(policy, candidates.cells, candidates.tables, logged, stamp)
    assert again.identical, again
    assert again.decisions == 400
    assert one.cells.n == 1


def test_reports_status_and_doctor_say_where_the_loop_stands(seasoned):
    loop = seasoned.report("loop").to_dict()
    assert [row["cycle"] for row in loop["rows"]] == [1, 2, 3]
    assert all(row["gain_lower"] <= row["gain_money"] <= row["gain_upper"] for row in loop["rows"])
    effects = seasoned.report("effects").to_dict()
    pooled = {row["action"]: row for row in effects["rows"] if row["segment"] is None}
    assert {"mail", "letter"} <= set(pooled)
    assert pooled["mail"]["anytime_lower"] < pooled["mail"]["mean"] < pooled["mail"]["anytime_upper"]
    assert sum(row["customers"] for row in seasoned.report("segments").to_dict()["rows"]) == 400
    value = seasoned.report("value").to_dict()
    assert abs(sum(row["share_of_value"] for row in value["rows"]) - 1) < 1e-9
    assert seasoned.report("policy").to_dict()["state"] == "proposed"
    status = seasoned.status().to_dict()
    assert status["cycle"]["number"] == 4
    assert status["cycle"]["matured"] == [1, 2, 3]
    assert seasoned.doctor().to_dict()["findings"] == []


def test_a_decision_is_explained_down_to_its_numbers(seasoned):
    history = seasoned.context.history
    row = history.query("SELECT * FROM decisions WHERE action_id = 'mail' AND cycle = 3 LIMIT 1").to_pylist()[0]
    told = seasoned.explain(row["decision_id"]).to_dict()
    mail = next(option for option in told["options"] if option["action_id"] == "mail")
    assert mail["p"] == row["p_action"]
    assert mail["value_mean_money"] == row["value_mean_money"]
    assert mail["net_money"] == row["net_money"]
    assert 0 <= told["draw"] < 1
    assert {price["limit"] for price in told["prices"]} == {"budget"}
    with pytest.raises(StateError, match="no decision 'nope'"):
        seasoned.explain("nope")


def test_a_decision_asked_for_again_in_its_cycle_is_the_same_and_after_it_nothing(project, seasoned):
    plan = project.run().turns[0].plan.plan_id
    project.approve(plan, by="ann")
    project.launch(plan, by="bob")
    row = project.context.history.query("SELECT * FROM decisions WHERE action_id = 'mail' LIMIT 1").to_pylist()[0]
    asked = project.decide(row["customer_id"])
    assert (asked.action_id, asked.decision_id) == ("mail", row["decision_id"])
    with pytest.raises(UsageError, match="no profile column"):
        project.decide(row["customer_id"], {"shoe_size": 43})
    row = seasoned.context.history.query("SELECT * FROM decisions WHERE action_id = 'mail' LIMIT 1").to_pylist()[0]
    late = seasoned.decide(row["customer_id"])
    assert (late.action_id, late.decision_id, late.logged) == ("none", None, False)
    assert late.reason == "the plan of cycle 3 is over, and none of this cycle has been launched"


def test_an_unknown_customer_gets_no_action_and_never_an_error(seasoned):
    asked = seasoned.decide("nobody-knows-me")
    assert asked.action_id == "none"


def test_before_anything_is_known_reports_say_which_command_brings_it_about(folder):
    with Project.open(folder) as empty:
        with pytest.raises(InsufficientDataError, match="nothing to report on effects"):
            empty.report("effects")
        with pytest.raises(InsufficientDataError, match="nothing to report on loop"):
            empty.report("loop")
        with pytest.raises(StateError, match="no plan yet"):
            empty.approve(by="ann")
        assert empty.status().to_dict()["next"] == "alamo import orders FILE"


def test_the_deliveries_of_a_plan_that_is_through_are_not_read_again(project, monkeypatch):
    plan = project.run().turns[0].plan
    project.approve(plan.plan_id, by="ann")
    project.launch(plan.plan_id, by="ann")
    before = count(project, "deliveries", f"plan_id = '{plan.plan_id}'")
    read: list[str] = []
    rows = project.context.state.ledger.rows
    monkeypatch.setattr(project.context.state.ledger, "rows", lambda plan_id: read.append(plan_id) or rows(plan_id))
    project.measure()
    assert count(project, "deliveries", f"plan_id = '{plan.plan_id}'") > before == 0
    project.measure()
    assert read == [plan.plan_id]
    assert count(project, "events", f"source = 'deliveries:{plan.plan_id}'") > 0
