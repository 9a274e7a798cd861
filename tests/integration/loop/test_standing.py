"""Automatic launches stay within what a person let pass, and are logged with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from alamo.domain.errors import StateError, UsageError
from alamo.engine import standing
from alamo.engine.standing import StandingApproval

START = datetime(2026, 1, 5, 10, tzinfo=UTC)
WIDE = StandingApproval("", "ann", START, START + timedelta(days=60), most_money=1_000.0, most_contacts=400)


@pytest.fixture
def planned(real):
    with real(START) as project:
        return project.run().turns[0].plan


def why_not(project, plan: str) -> str:
    with pytest.raises(StateError) as caught:
        project.launch_standing(plan)
    assert caught.value.code == "standing.not_covered"
    assert f"alamo plan approve {plan}" in caught.value.hint
    assert not project.context.state.ledger.rows(plan)
    return caught.value.message


def test_a_plan_within_the_limits_is_launched_and_logged_under_the_approval(real, planned):
    with real(START) as project:
        assert "there is none" in why_not(project, planned.plan_id)
        made = project.grant_standing(WIDE)
        assert (made.id, made.granted_at) == ("standing-1", START)
        assert set(project.launch_standing().deliveries) == {"sent"}
        acts = [(act.act, act.by, act.detail.get("standing")) for act in project.plan_log(planned.plan_id)][1:3]
        assert acts == [("approved", "ann", "standing-1"), ("launching", "ann", "standing-1")]
    with real(START) as project:
        assert list(project.standing_approvals()) == [made]


def test_every_limit_keeps_a_plan_waiting_and_is_named(real, planned):
    cost, contacts = planned.summary["cost_money"], planned.summary["contacted"]
    cases = {
        "above": replace(WIDE, most_money=cost - 0.01),
        "customers, above": replace(WIDE, most_contacts=contacts - 1),
        "all its launches would cost": replace(WIDE, total_money=cost - 0.01),
        "channel 'post' of the plan is none of its own": replace(WIDE, channels=("email",)),
        "action 'letter' of the plan is none of its own": replace(WIDE, actions=("mail",)),
    }
    with real(START) as project:
        for wanted in cases.values():
            project.grant_standing(wanted)
        said = why_not(project, planned.plan_id)
        assert [words for words in cases if words not in said] == []
        tight = replace(WIDE, most_money=cost, most_contacts=contacts, total_money=cost, channels=("email", "post"))
        project.grant_standing(tight)
        project.launch_standing()
        assert project.plan_log(planned.plan_id)[1].detail["standing"] == "standing-6"


def test_what_all_launches_cost_together_is_counted_over_the_cycles(real, planned):
    with real(START) as project:
        project.grant_standing(replace(WIDE, total_money=planned.summary["cost_money"] + 0.01))
        project.launch_standing()
    with real(START + timedelta(days=28)) as project:
        later = project.run().turns[0].plan
        assert later.summary["cost_money"] > 0.01
        assert "all its launches would cost" in why_not(project, later.plan_id)


def test_an_approval_that_is_over_or_revoked_covers_nothing(real, folder, planned):
    with real(START) as project:
        project.grant_standing(replace(WIDE, until=START + timedelta(hours=1)))
        project.grant_standing(WIDE)
        project.revoke_standing("standing-2", by="bob", reason="season is over")
        assert project.revoke_standing("standing-2", by="eve").revoked_by == "bob"
    with real(START + timedelta(hours=1)) as project:
        said = why_not(project, planned.plan_id)
        assert "standing-1: ended on 2026-01-05T11:00" in said
        assert "standing-2: revoked by bob" in said
        with pytest.raises(StateError) as caught:
            project.revoke_standing("standing-9", by="bob")
        assert caught.value.code == "standing.unknown"


def test_what_two_people_say_at_once_of_standing_approvals_is_not_lost(real, monkeypatch):
    """Between reading and writing nobody else writes: a second grant does not overwrite, a revocation is not undone."""
    monkeypatch.setattr(standing, "_PATIENCE_SECONDS", 0.0)
    kept, refused = standing._kept, []

    def beside(act):
        def meanwhile(context, approval):
            monkeypatch.setattr(standing, "_kept", kept)
            with real(START) as other, pytest.raises(StateError) as caught:
                act(other)
            refused.append(caught.value.code)
            return kept(context, approval)

        monkeypatch.setattr(standing, "_kept", meanwhile)

    with real(START) as project:
        beside(lambda other: other.grant_standing(replace(WIDE, by="eve")))
        project.grant_standing(WIDE)
        beside(lambda other: other.revoke_standing("standing-1", by="eve"))
        project.second_standing("standing-1", by="bob")
        assert refused == ["store.locked", "store.locked"]
        assert project.grant_standing(replace(WIDE, by="eve")).id == "standing-2"
        assert [(one.by, one.second) for one in project.standing_approvals()] == [("ann", "bob"), ("eve", None)]


def test_a_stale_plan_and_one_in_somebody_s_hands_wait_for_a_person(real, folder, planned):
    limits = folder / "limits.toml"
    with real(START) as project:
        project.grant_standing(WIDE)
    before = limits.read_text()
    limits.write_text(before.replace("maximum = 60", "maximum = 50"))
    with real(START) as project:
        assert "the plan is stale" in why_not(project, planned.plan_id)
    limits.write_text(before)
    with real(START) as project:
        project.approve(planned.plan_id, by="bob")
        assert "the plan is approved" in why_not(project, planned.plan_id)
        project.launch(planned.plan_id, by="bob")


def test_above_the_limit_of_one_person_an_approval_takes_a_second(real, folder, planned):
    toml = folder / "alamo.toml"
    toml.write_text(toml.read_text() + "[approval]\nsecond_person_above_contacts = 20\n")
    with real(START) as project:
        project.grant_standing(WIDE)
        assert "takes a second person" in why_not(project, planned.plan_id)
        with pytest.raises(StateError) as caught:
            project.second_standing("standing-1", by="Ann")
        assert caught.value.code == "plan.same_person"
        project.second_standing("standing-1", by="bob")
        assert set(project.launch_standing().deliveries) == {"sent"}
        acts = [(act.act, act.by) for act in project.plan_log(planned.plan_id)][1:4]
        assert acts == [("approved", "ann"), ("approved", "bob"), ("launching", "ann")]


@pytest.mark.parametrize(
    "wrong",
    [
        {"most_money": 0.0},
        {"most_money": float("nan")},
        {"most_contacts": -1},
        {"total_money": float("inf")},
        {"until": START},
        {"channels": ("sms",)},
        {"actions": ("spring",)},
        {"by": " "},
    ],
)
def test_an_approval_that_makes_no_sense_is_not_granted(real, wrong):
    with real(START) as project:
        with pytest.raises(UsageError):
            project.grant_standing(replace(WIDE, **wrong))
        assert not project.standing_approvals()
