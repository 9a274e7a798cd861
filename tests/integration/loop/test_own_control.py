"""A control of one action: never open to them, other actions are; the log is honest and every carrier agrees."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from alamo.engine.context import Context
from alamo.engine.explain import explain
from alamo.engine.loop import pass_gate, turn
from alamo.engine.report import report
from alamo.numerics.hashing import unit_keys
from alamo.prediction.learners import boosted_outcome
from alamo.simulation.builtin import builtin_scenario
from alamo.simulation.run import Equipment, build_world, engine_context
from alamo.steering.control import in_own_control
from alamo.store import memory_stores

MAIL, SHARE = "bundle-mail", 0.3


@pytest.fixture(scope="module")
def turned() -> Context:
    """Three turns of which two were launched; a control of the mail of three in ten."""
    scenario = builtin_scenario("synthetic")
    actions = tuple(replace(one, control=SHARE if one.id == MAIL else 0.0) for one in scenario.actions)
    scenario = replace(scenario, customers=700, actions=actions)
    world, stores = build_world(scenario, None, 2), memory_stores()
    context = engine_context(
        world, Equipment(stores.history, stores.state, stores.shelf, boosted_outcome()), policy="uniform"
    )
    for _ in range(2):
        pass_gate(context, turn(context).plan.plan_id, by="tests")
        world.advance()
    turn(context)
    return context


def decisions(context: Context) -> list[dict[str, object]]:
    rows = context.history.query("SELECT * FROM decisions ORDER BY cycle, customer_id").to_pylist()
    held = in_own_control(unit_keys([row["customer_id"] for row in rows]), context.settings.salt, MAIL, SHARE)
    return [{**row, "held": bool(one)} for row, one in zip(rows, held, strict=True)]


def test_the_action_is_open_to_nobody_in_its_control_and_others_are(turned):
    rows = decisions(turned)
    held = [row for row in rows if row["held"]]
    assert abs(len(held) / len(rows) - SHARE) < 4 * np.sqrt(SHARE * (1 - SHARE) / 700)
    assert not any(MAIL in row["eligible"] for row in held)
    assert any(MAIL in row["eligible"] for row in rows if not row["held"])
    assert {row["action_id"] for row in held} >= {"none", "newsletter"}
    assert all(sum(row["p"]) == pytest.approx(1.0) for row in held)


def test_it_is_the_same_customers_in_every_cycle_and_independent_of_other_controls(turned):
    by_cycle = [{row["customer_id"] for row in decisions(turned) if row["held"] and row["cycle"] == c} for c in (1, 2)]
    assert by_cycle[0] == by_cycle[1]
    keys = unit_keys(f"c{i}" for i in range(100_000))
    mail, text = (in_own_control(keys, "s", name, 0.2) for name in ("mail", "text"))
    assert abs((mail & text).mean() - 0.04) < 4 * np.sqrt(0.04 * 0.96 / 100_000)
    assert (in_own_control(keys, "s", "mail", 0.3) >= mail).all()


def test_the_plan_and_an_explanation_say_why(turned):
    plan = turned.state.plans.all()[-1].summary
    (mail,) = [row for row in plan["eligibility"]["actions"] if row["action"] == MAIL]
    assert mail["excluded"]["in the action's own control"] > 0
    some = next(row for row in decisions(turned) if row["held"] and "newsletter" in row["eligible"])
    told = {row["action_id"]: row["reason"] for row in explain(turned, some["decision_id"]).to_dict()["ineligible"]}
    assert told[MAIL] == "in the action's own control"


def test_what_it_adds_is_reported_by_customer(turned):
    (row,) = report(turned, "effects").to_dict()["own_controls"]
    assert (row["action"], row["since_cycle"]) == (MAIL, 1)
    assert row["lower"] < row["mean_money"] < row["upper"]
    matured = [one for one in decisions(turned) if not one["universal_control"]]
    assert row["n_control"] == len({one["customer_id"] for one in matured if one["held"]})
    assert row["n"] == len({one["customer_id"] for one in matured if not one["held"]})


def test_a_control_of_too_few_is_refused_with_a_cure(turned):
    few = tuple(replace(one, control_share=0.01 if one.id == MAIL else 0.0) for one in turned.actions)
    step = turn(replace(turned, actions=few)).steps[1]
    assert step.detail["own_controls"] == []
    (refusal,) = [one for one in step.detail["refusals"] if one["what"].startswith(MAIL)]
    assert "larger control" in refusal["cure"]
