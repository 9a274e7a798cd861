"""The universal control is handed over in the loop: nobody who waits is counted, and every carrier knows who waits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from alamo.domain.reasons import DecisionReason
from alamo.domain.settings import ControlSettings
from alamo.engine.batch import Stamp
from alamo.engine.context import Context
from alamo.engine.explain import explain
from alamo.engine.infer import profiles_as_of
from alamo.engine.loop import pass_gate, turn
from alamo.engine.realtime import terms_of
from alamo.engine.replay import replay
from alamo.prediction.learners import boosted_outcome
from alamo.simulation.builtin import builtin_scenario
from alamo.simulation.run import Equipment, build_world, engine_context
from alamo.steering.candidates import gather
from alamo.steering.eligibility import Gatekeeper
from alamo.store import memory_stores
from alamo.store.shelf import policy_from_dict, policy_to_dict

WAITS = DecisionReason.WASHOUT.value


@pytest.fixture(scope="module")
def turned() -> Context:
    """Five turns with a control of a fifth that is handed over in cycles 3 and 5; four have been launched."""
    control = ControlSettings(share=0.2, universal_share=0.2, universal_cycles=2)
    scenario = replace(builtin_scenario("synthetic"), customers=500, control=control)
    world, stores = build_world(scenario, None, 2), memory_stores()
    equipment = Equipment(stores.history, stores.state, stores.shelf, boosted_outcome())
    context = engine_context(world, equipment, "uniform")
    for _ in range(4):
        pass_gate(context, turn(context).plan.plan_id, by="tests")
        world.advance()
    turn(context)
    return context


def who(context: Context, cycle: int, condition: str) -> set[str]:
    sql = f"SELECT customer_id FROM decisions WHERE cycle = $cycle AND {condition}"
    return set(context.history.query(sql, {"cycle": cycle})["customer_id"].to_pylist())


def test_who_waited_is_the_next_control_and_who_left_is_open_to_actions(turned):
    control = [who(turned, cycle, "universal_control") for cycle in (1, 2, 3, 4)]
    waited = [who(turned, cycle, f"reason = '{WAITS}'") for cycle in (1, 2, 3, 4)]
    assert control[0] == control[1] == control[2]
    assert (waited[0], waited[1], waited[3]) == (set(), set(), set())
    assert waited[2] == control[3]
    assert waited[2]
    assert not control[0] & control[3]
    acted = who(turned, 3, "action_id <> 'none'")
    assert not acted & (control[2] | waited[2])
    assert who(turned, 4, "action_id <> 'none'") & control[0]


def test_those_who_wait_have_one_choice_and_their_reason(turned):
    some = sorted(who(turned, 3, f"reason = '{WAITS}'"))[0]
    row = turned.history.query("SELECT * FROM decisions WHERE cycle = 3 AND customer_id = $c", {"c": some}).to_pylist()[
        0
    ]
    assert (row["action_id"], row["p_action"], row["eligible"], row["universal_control"]) == (
        "none",
        1.0,
        ["none"],
        False,
    )
    assert explain(turned, row["decision_id"]).to_dict()["reason"] == WAITS


def test_the_plan_counts_both_groups(turned):
    plans = {plan.cycle: plan.summary for plan in turned.state.plans.all()}
    assert plans[2]["washout"] == 0
    assert plans[3]["washout"] == len(who(turned, 3, f"reason = '{WAITS}'"))
    assert plans[3]["universal_control"] == len(who(turned, 3, "universal_control"))
    assert (
        sum(plans[3][key] for key in ("contacted", "control", "universal_control", "washout")) == plans[3]["customers"]
    )


def test_the_programme_is_compared_without_those_who_wait(turned):
    (row,) = turned.history.query(
        "SELECT * FROM effects WHERE action_id = '*' AND as_of = (SELECT max(as_of) FROM effects)"
    ).to_pylist()
    observed = turned.history.query("SELECT cycle, unit_id, universal_control FROM observations").to_pylist()
    waited = who(turned, 3, f"reason = '{WAITS}'")
    rest = {one["unit_id"] for one in observed if not one["universal_control"]}
    assert waited <= rest  # they were open in other cycles
    assert row["n"] == len(rest)
    assert row["n_control"] == len({one["unit_id"] for one in observed if one["universal_control"]})


def test_a_hand_over_is_replayed_bit_for_bit(turned):
    plan = [plan for plan in turned.state.plans.all() if plan.cycle == 3][-1]
    policy = turned.shelf.get(plan.policy_version)
    assert policy.universal_waiting == pytest.approx(0.2)
    again = policy_from_dict(policy_to_dict(policy))
    assert (again, again.version) == (policy, plan.policy_version)
    old = {
        key: value
        for key, value in policy_to_dict(policy).items()
        if key not in ("universal_start", "universal_waiting")
    }
    before = policy_from_dict(old)  # a snapshot of the version before
    assert (before.universal_start, before.universal_waiting) == (0.0, None)
    assert before.version == replace(policy, universal_start=0.0, universal_waiting=None).version
    logged = turned.history.query("SELECT * FROM decisions WHERE plan_id = $plan", {"plan": plan.plan_id})
    decided_at = logged["decided_at"][0].as_py()
    scores = turned.history.query("SELECT * FROM scores WHERE as_of_day = $day", {"day": decided_at.date().isoformat()})
    terms = terms_of(policy, Gatekeeper(turned.actions, turned.contact, decided_at))
    candidates = gather(turned.history, profiles_as_of(turned, decided_at), scores, terms)
    stamp = Stamp(plan.plan_id, policy.version, 3, decided_at, plan.valid_until)
    found = replay(policy, candidates.cells, candidates.tables, logged, stamp)
    assert found.identical, (found.different, found.missing)
    assert np.isin(candidates.cells.units.waiting, [True, False]).all()
