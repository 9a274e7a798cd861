"""Guardrails in the loop: a harmful action is paused, says why, and comes back when a person says so."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from alamo.cli.main import run
from alamo.domain.errors import StateError, UsageError
from alamo.domain.settings import GuardrailSettings
from alamo.engine.actions import action_states, pause_action, resume_action
from alamo.engine.context import Context
from alamo.engine.decide import decide_now
from alamo.engine.explain import explain
from alamo.engine.guard import BY, paused, watches
from alamo.engine.infer import infer
from alamo.engine.loop import pass_gate, turn
from alamo.engine.measure import measure
from alamo.engine.status import status
from alamo.prediction.learners import boosted_outcome
from alamo.simulation.builtin import builtin_scenario
from alamo.simulation.run import Equipment, build_world, engine_context
from alamo.store import memory_stores

START = datetime(2026, 1, 5, 10, tzinfo=UTC)
TEXT, MAIL = "pushy-text", "helpful-mail"


@pytest.fixture(scope="module")
def harmed() -> Context:
    """The scenario `harmful` after two launched cycles, both matured; the third turn has not begun."""
    scenario = replace(builtin_scenario("harmful"), customers=2500)
    world, stores = build_world(scenario, None, 1), memory_stores()
    equipment = Equipment(stores.history, stores.state, stores.shelf, boosted_outcome())
    context = engine_context(world, equipment, "engine")
    for _ in range(2):
        pass_gate(context, turn(context).plan.plan_id, by="tests")
        world.advance()
    return context


@pytest.fixture(scope="module")
def stopped(harmed: Context) -> Context:
    """The third turn, first without pausing, then with it."""
    watching = replace(harmed, settings=replace(harmed.settings, guardrail=GuardrailSettings(pause=False)))
    measure(watching, 3)
    crossed = [row for row in infer(watching, 3).detail["guardrails"] if row["crossed"]]
    assert [(row["action"], row["metric"]) for row in crossed] == [(TEXT, "unsubscribes")]
    assert not paused(watching)
    _killed_after_the_pause(harmed)
    before = paused(harmed)
    turn(harmed)
    assert paused(harmed) == before
    return harmed


def _killed_after_the_pause(context: Context) -> None:
    """Infer up to the moment at which the step would be put on record, and no further."""
    steps = type(context.state.steps)
    finish = steps.finish

    def fails(self, record):
        if record.key.endswith("/infer"):
            raise OSError("gone")
        finish(self, record)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(steps, "finish", fails)
        with pytest.raises(OSError, match="gone"):
            infer(context, 3)


def test_all_actions_start_to_be_watched_together_before_anything_is_seen(stopped):
    found = watches(stopped)
    assert {action: (one.wave, one.share, one.since_cycle) for action, one in found.items()} == {
        MAIL: (1, 0.25, 1),
        TEXT: (1, 0.25, 1),
    }


def test_the_action_that_drives_permissions_away_is_paused_with_the_reason(stopped):
    (why,) = paused(stopped).values()
    assert (why.by, why.cycle) == (BY, 3)
    assert why.reason.startswith("unsubscribes: ")
    assert why.evidence["bound"] > why.evidence["tolerated"] == 0.01
    told = {row["action"]: (row["state"], row["reason"]) for row in action_states(stopped).to_dict()["rows"]}
    assert told == {MAIL: ("active", ""), TEXT: ("paused", why.reason)}
    (line,) = [one for one in status(stopped).support if one.what == f"action {TEXT}"]
    assert f"alamo actions resume {TEXT}" in line.reason


def test_the_plan_gives_it_to_nobody_and_says_so(stopped):
    plan = stopped.state.plans.all()[-1]
    assert [row["action"] for row in plan.summary["paused"]] == [TEXT]
    assert {row["action"]: row["customers"] > 0 for row in plan.summary["actions"]} == {
        MAIL: True,
        TEXT: False,
        "none": True,
    }
    (funnel,) = [row for row in plan.summary["eligibility"]["actions"] if row["action"] == TEXT]
    assert funnel == {"action": TEXT, "customers": 0, "excluded": {"action paused": plan.summary["customers"]}}
    chances = stopped.history.query(
        "SELECT count(*) AS n FROM proposals WHERE plan_id = $plan AND list_contains(eligible, $text)",
        {"plan": plan.plan_id, "text": TEXT},
    )
    assert chances["n"][0].as_py() == 0


def test_what_was_drawn_before_stays_explained(stopped):
    drawn = stopped.history.query(
        "SELECT decision_id FROM decisions WHERE action_id = $text ORDER BY decision_id LIMIT 1", {"text": TEXT}
    )["decision_id"][0].as_py()
    told = explain(stopped, drawn).to_dict()
    assert [row["action_id"] for row in told["options"] if row["p"] > 0].count(TEXT) == 1
    assert TEXT not in {row["action_id"] for row in told["ineligible"]}


def test_inferring_again_changes_neither_the_pause_nor_the_plan(stopped):
    before, plans = paused(stopped), len(stopped.state.plans.all())
    again = turn(stopped)
    assert not any(step.changed for step in again.steps)
    watching = replace(stopped, settings=replace(stopped.settings, guardrail=GuardrailSettings(error_rate=0.04)))
    assert infer(watching, 3).changed
    assert paused(stopped) == before
    assert len(stopped.state.plans.all()) == plans


def test_a_resumed_action_begins_anew_and_comes_back_into_the_plan(stopped):
    """Last: it changes what the tests above look at."""
    with pytest.raises(UsageError, match="nobody says why"):
        resume_action(stopped, TEXT, by="ann", reason=" ")
    resume_action(stopped, TEXT, by="ann", reason="new text")
    watch = watches(stopped)[TEXT]
    assert (watch.wave, watch.since_cycle, watch.by, watch.reason, watch.pause) == (2, 3, "ann", "new text", None)
    assert watch.share == pytest.approx(1 / 6)
    planned = turn(stopped)
    assert planned.plan.summary["paused"] == []
    assert {row["action"]: row["customers"] > 0 for row in planned.plan.summary["actions"]}[TEXT]
    infer(replace(stopped, settings=replace(stopped.settings, guardrail=GuardrailSettings(error_rate=0.06))), 3)
    assert not paused(stopped)  # what was seen before it was resumed does not count again
    rows = [row for row in action_states(stopped).guardrails if row["action"] == TEXT]
    assert {row["n"] for row in rows} == {0}
    with pytest.raises(StateError, match="is not paused") as caught:
        resume_action(stopped, TEXT, by="ann", reason="once more")
    assert caught.value.code == "action.not_paused"


def test_an_unknown_action_is_named_with_the_near_ones(stopped):
    with pytest.raises(UsageError, match="there is no action 'pushy-txt'") as caught:
        pause_action(stopped, "pushy-txt", by="ann", reason="typo")
    assert TEXT in caught.value.hint


def test_a_plan_made_before_a_pause_is_neither_approved_nor_launched(real):
    with real(START) as project:
        plan = project.run().turns[0].plan.plan_id
        project.pause_action("mail", by="ann", reason="wrong price")
        with pytest.raises(StateError, match="'mail' \\(wrong price\\)") as caught:
            project.approve(plan, by="ann")
        assert caught.value.code == "plan.action_paused"
        project.resume_action("mail", by="ann", reason="price corrected")
        project.approve(plan, by="ann")
        project.pause_action("mail", by="bob", reason="wrong again")
        with pytest.raises(StateError, match="wrong again"):
            project.launch(plan, by="bob")
        assert project.plan(plan).state == "approved"
        assert not project.context.state.ledger.rows(plan)
        project.cancel(plan, by="ann")
        other = project.run().turns[0].plan
        project.approve(other.plan_id, by="ann")
        assert project.launch(other.plan_id, by="bob").deliveries.keys() == {"sent"}
        assert {row.action_id for row in project.context.state.ledger.rows(other.plan_id)} == {"letter"}


def test_a_launch_that_was_killed_sends_nothing_of_what_was_paused_meanwhile(real, monkeypatch):
    with real(START) as project:
        plan = project.run().turns[0].plan.plan_id
        project.approve(plan, by="ann")
        with monkeypatch.context() as patched:
            patched.setattr(type(project.context.channels["email"]), "deliver", _fails)
            with pytest.raises(OSError, match="gone"):
                project.launch(plan, by="bob")
        project.pause_action("mail", by="ann", reason="wrong price")
        project.launch(plan, by="bob")
        states = {(row.action_id, row.state) for row in project.context.state.ledger.rows(plan)}
    assert states == {("mail", "dropped"), ("letter", "sent")}


def _fails(*_):
    raise OSError("gone")


def test_over_the_counter_a_paused_action_is_not_given(real):
    with real(START) as project:
        plan = project.run().turns[0].plan.plan_id
        project.approve(plan, by="ann")
        project.launch(plan, by="bob")
        decided = project.context.history.query("SELECT customer_id FROM decisions WHERE action_id = 'mail' LIMIT 1")
        customer = decided["customer_id"][0].as_py()
        assert decide_now(project.context, customer, {}).action_id == "mail"
        project.pause_action("mail", by="ann", reason="wrong price")
        told = decide_now(project.context, customer, {})
        assert (told.action_id, dict(told.excluded)) == ("none", {"mail": "action paused"})


def test_the_command_line_pauses_lists_and_resumes(folder, real, capsys):
    words = ["-C", str(folder), "actions"]
    assert run([*words, "pause", "mail", "--by", "ann", "--reason", "wrong price", "--json"]) == 0
    capsys.readouterr()
    assert run([*words, "list"]) == 0
    shown = capsys.readouterr().out
    assert "wrong price" in shown
    assert "alamo actions resume mail --reason" in shown
    assert run([*words, "resume", "mail", "--by", "ann", "--reason", "corrected", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["schema"] == "alamo.actions/1"
    assert {row["action"]: (row["state"], row["reason"]) for row in told["rows"]}["mail"] == ("active", "corrected")
    assert run([*words, "resume", "mail", "--reason", "again"]) == 1
