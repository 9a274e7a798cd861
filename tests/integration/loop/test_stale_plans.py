"""A plan that no longer fits says what has changed; it goes on only with a reason, which is written down."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from alamo.domain.errors import StateError

START = datetime(2026, 1, 5, 10, tzinfo=UTC)
LATER = START + timedelta(hours=3)
EDITS = {
    "limits.toml": ("maximum = 60", "maximum = 30", "limit 'budget': maximum 60 → 30"),
    "limits.toml ": ("days = 14", "days = 28", "contact policy: caps"),
    "limits.toml  ": ("[contact]", '[[limit]]\nname = "more"\nmaximum = 9\n[contact]', "limit 'more' is new"),
    "actions/mail.toml": ("cost = 0.1", "cost = 0.4", "action 'mail': cost_money 0.1 → 0.4"),
    "actions/letter.toml": ("cost = 0.8", 'cost = 0.8\neligible = "orders >= 2"', "eligible nothing → orders >= 2"),
    "alamo.toml ": ('currency = "EUR"', 'currency = "USD"', "setting currency EUR → USD"),
    "alamo.toml  ": ("[cycle]", "[realtime]\nreserve_share = 0.2\n[cycle]", "setting reserve_share 0 → 0.2"),
    "alamo.toml": ("[exploration]", "[control]\nshare = 0.3\n[exploration]", "setting share 0.1 → 0.3"),
}


@pytest.fixture
def planned(real):
    with real(START) as project:
        plan = project.run().turns[0].plan.plan_id
    return plan


def refused(project, verb: str, plan: str) -> StateError:
    with pytest.raises(StateError) as caught:
        getattr(project, verb)(plan, by="ann")
    assert caught.value.code == "plan.changed_since"
    assert '--anyway "REASON"' in caught.value.hint
    return caught.value


def test_every_change_of_the_project_is_named_and_what_is_put_back_is_no_change(real, folder, planned):
    for name, (old, new, said) in EDITS.items():
        file = folder / name.strip()
        before = file.read_text()
        assert old in before
        file.write_text(before.replace(old, new, 1))
        with real(LATER) as project:
            assert said in refused(project, "approve", planned).message
            assert [change.said for change in project.plan_at_gate(planned).changes] != []
        file.write_text(before)
    with real(LATER) as project:
        assert project.plan_at_gate(planned).changes == ()
        assert project.approve(planned, by="ann").state == "approved"
        assert [(act.act, act.by, act.reason, act.detail) for act in project.plan_log()[1:]] == [
            ("approved", "ann", "", {})
        ]


def test_orders_that_came_in_make_a_plan_stale_and_a_consent_does_not(real, folder, planned):
    with real(LATER) as project:
        project.import_file("consent", [folder / "consent.csv"])
        (folder / "left.csv").write_text("customer_id,channel,state,date\nk001,*,withdrawn,2026-01-05\n")
        project.import_file("consent", [folder / "left.csv"])
        project.approve(planned, by="ann")
    (folder / "more.csv").write_text((folder / "orders.csv").read_text().replace("o1,", "new,", 1))
    with real(LATER + timedelta(hours=1)) as project:
        project.import_file("orders", [folder / "more.csv"])
        assert "more.csv (orders) was imported on 2026-01-05T14:00" in refused(project, "launch", planned).message
        assert f"alamo plan cancel {planned}" in project.status().next_command
        assert any("more.csv" in line.reason for line in project.status().support)
        assert any("more.csv" in finding.what for finding in project.doctor().findings)
        project.run()  # an approved plan stands, and is not made fresh by measuring again
        refused(project, "launch", planned)


def test_a_reason_overrules_and_is_written_down_with_what_had_changed(real, folder, planned):
    (folder / "limits.toml").write_text((folder / "limits.toml").read_text().replace("maximum = 60", "maximum = 30"))
    with real(LATER) as project:
        refused(project, "approve", planned)
        with pytest.raises(StateError):
            project.approve(planned, by="ann", anyway="  ")
        project.approve(planned, by="ann", anyway="budget is cut from next month on")
        refused(project, "launch", planned)
        assert set(project.launch(planned, by="bob", anyway="as agreed").deliveries) == {"sent"}
        acts = [(act.act, act.by, act.reason) for act in project.plan_log(planned)[1:]]
        assert acts == [
            ("approved", "ann", "budget is cut from next month on"),
            ("launching", "bob", "as agreed"),
            ("launched", "bob", ""),
        ]
        change = {"what": "limits", "said": "limit 'budget': maximum 60 → 30"}
        assert [act.detail for act in project.plan_log(planned)[1:]] == [{"stale": [change]}, {"stale": [change]}, {}]


def test_what_nothing_overrules(real, folder, planned):
    mail = folder / "actions" / "mail.toml"
    mail.write_text(mail.read_text() + '[content]\nsubject = "Everything must go"\n')
    with real(LATER) as project, pytest.raises(StateError) as caught:
        project.approve(planned, by="ann", anyway="please")
    assert caught.value.code == "plan.action_changed"
    with real(START + timedelta(days=8)) as project, pytest.raises(StateError) as caught:
        project.approve(planned, by="ann", anyway="please")
    assert caught.value.code == "plan.stale"


def test_a_plan_of_the_cycle_before_is_stale(real):
    with real(START + timedelta(days=26)) as project:
        plan = project.run().turns[0].plan.plan_id
    with real(START + timedelta(days=28)) as project:
        assert "it is of cycle 1, and today falls into cycle 2" in refused(project, "approve", plan).message


def test_a_plan_of_an_earlier_version_says_what_is_known_and_is_launched(real, folder, planned):
    """Plans made before staleness was known hold nothing of what they were made from."""
    with real(LATER) as project:
        record = project.plan(planned)
        summary = {key: value for key, value in record.summary.items() if key != "made_from"}
        project.context.state.plans.save(replace(record, summary=summary))
    (folder / "limits.toml").write_text((folder / "limits.toml").read_text().replace("maximum = 60", "maximum = 30"))
    with real(LATER) as project:
        assert project.plan_at_gate(planned).changes == ()
        project.approve(planned, by="ann")
        assert set(project.launch(planned, by="bob").deliveries) == {"sent"}
