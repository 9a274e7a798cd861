"""An action added later gets one wide look in the first plan that holds it, although others are known already."""

from __future__ import annotations

from dataclasses import replace

import pytest

from alamo.domain.action import NO_ACTION
from alamo.domain.settings import ExplorationSettings
from alamo.engine.loop import pass_gate, turn
from alamo.prediction.learners import boosted_outcome
from alamo.simulation.builtin import builtin_scenario
from alamo.simulation.run import Equipment, build_world, engine_context
from alamo.store import memory_stores

OPENING = 0.4


@pytest.fixture(scope="module")
def plans():
    """The summaries of four plans; the newsletter is there from the third on."""
    exploration = ExplorationSettings(opening_share=OPENING, opening_cycles=1, floor_minimum=0.02)
    scenario = replace(builtin_scenario("synthetic"), customers=900, limits=(), exploration=exploration)
    world, stores = build_world(scenario, None, 3), memory_stores()
    equipment = Equipment(stores.history, stores.state, stores.shelf, boosted_outcome())
    context = engine_context(world, equipment, "engine")
    found = []
    for cycle in range(1, 5):
        known = replace(context, actions=context.actions[: 2 if cycle < 3 else 3])
        found.append(turn(known).plan.summary)
        pass_gate(known, turn(known).plan.plan_id, by="tests")
        world.advance()
    return found


def share(summary, action: str) -> float:
    """Expected share of an action among the customers it is open to."""
    (row,) = [row for row in summary["actions"] if row["action"] == action]
    (able,) = [row for row in summary["eligibility"]["actions"] if row["action"] == action]
    return row["expected_customers"] / able["customers"]


def test_the_first_plan_with_a_new_action_says_that_it_gets_a_start(plans):
    phases = [(one["exploration"]["phase"], one["exploration"]["set_by"]) for one in plans]
    assert phases[0] == ("opening", "opening share")
    assert phases[2] == ("running", "start of a new action")
    assert phases[1][0] == phases[3][0] == "running"
    assert "start of a new action" not in (phases[1][1], phases[3][1])


def test_it_is_drawn_as_in_an_opening_and_those_known_before_are_not(plans):
    assert share(plans[2], "newsletter") > 0.9 * OPENING / 4
    others = [row["action"] for row in plans[2]["actions"] if row["action"] not in ("newsletter", NO_ACTION)]
    assert min(share(plans[2], action) for action in others) < 0.5 * OPENING / 4
