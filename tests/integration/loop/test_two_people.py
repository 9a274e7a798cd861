"""Above a limit it takes two people: one who approves, and another who approves as well or launches."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime

import pytest

from alamo.domain.errors import StateError, UsageError

START = datetime(2026, 1, 5, 10, tzinfo=UTC)


def above(folder, text: str) -> None:
    toml = folder / "alamo.toml"
    toml.write_text(toml.read_text() + f"[approval]\n{text}\n")


@pytest.fixture
def planned(real):
    with real(START) as project:
        return project.run().turns[0].plan


@pytest.mark.parametrize("limit", ["second_person_above_money = 5", "second_person_above_contacts = 20"])
def test_who_has_approved_alone_cannot_launch_and_another_can(real, folder, planned, limit):
    above(folder, limit)
    plan = planned.plan_id
    with real(START) as project:
        assert project.plan_at_gate(plan).lacks_person
        assert project.approve(plan, by="Ann").state == "approved"
        for name in ("ann", " ANN "):
            with pytest.raises(StateError) as caught:
                project.launch(plan, by=name)
            assert caught.value.code == "plan.second_person"
            assert f"alamo plan launch {plan} --by NAME" in caught.value.hint
            with pytest.raises(StateError, match="Ann has approved") as caught:
                project.approve(plan, by=name)
            assert caught.value.code == "plan.same_person"
        assert not project.context.state.ledger.rows(plan)
        assert "somebody else than Ann" in project.status().next_command
        assert set(project.launch(plan, by="bob").deliveries) == {"sent"}
        assert project.plan_at_gate(plan).lacks_person == ""
        words = project.plan_log(plan)[1].detail["takes_two"]
        assert str(planned.summary["contacted"]) in words or f"{planned.summary['cost_money']:.10g}" in words


def test_a_second_approval_lets_the_first_person_launch_and_a_third_is_refused(real, folder, planned):
    above(folder, "second_person_above_contacts = 20")
    plan = planned.plan_id
    with real(START) as project:
        project.approve(plan, by="ann")
        project.approve(plan, by="bob")
        with pytest.raises(StateError) as caught:
            project.approve(plan, by="eve")
        assert (caught.value.code, caught.value.details["approved_by"]) == ("plan.approved_already", ["ann", "bob"])
        assert project.plan(plan).approved_by == "ann"
        project.launch(plan, by="ann")


def test_a_limit_that_is_not_passed_asks_for_one_person_and_refuses_a_second(real, folder, planned):
    above(folder, f"second_person_above_contacts = {planned.summary['contacted']}\nsecond_person_above_money = 1e6")
    with real(START) as project:
        project.approve(planned.plan_id, by="ann")
        with pytest.raises(StateError) as caught:
            project.approve(planned.plan_id, by="bob")
        assert caught.value.code == "plan.approved_already"
        assert set(project.launch(planned.plan_id, by="ann").deliveries) == {"sent"}


def test_a_limit_lowered_after_the_approval_counts_at_the_launch(real, folder, planned):
    with real(START) as project:
        project.approve(planned.plan_id, by="ann")
    above(folder, "second_person_above_contacts = 20")
    with real(START) as project, pytest.raises(StateError, match="takes two people"):
        project.launch(planned.plan_id, by="ann")


def test_strangers_may_do_nothing_and_names_go_on_record_as_the_project_spells_them(real, folder, planned):
    above(folder, 'people = ["Ann Lee", "bob"]')
    plan = planned.plan_id
    with real(START) as project:
        for verb in (project.approve, project.launch, project.cancel):
            for name in ("eve", ""):
                with pytest.raises(UsageError) as caught:
                    verb(plan, by=name)
                assert "--by NAME" in caught.value.hint
        assert project.approve(plan, by="ann  lee").approved_by == "Ann Lee"


_APPROVER = """
import sys
from pathlib import Path
from alamo.config import load_project
from alamo.connectors.clocks import FixedClock
from alamo.domain.errors import StateError
from alamo.project import Project
from alamo.store import open_stores
from datetime import datetime
files = load_project(Path(sys.argv[1]))
clock = FixedClock(datetime.fromisoformat(sys.argv[4]))
with Project(files, open_stores(files.root, files.settings), clock) as project:
    sys.stdin.readline()
    try:
        project.approve(sys.argv[2], by=sys.argv[3])
        sys.stdout.write("approved")
    except StateError as error:
        sys.stdout.write(error.code)
"""


def test_of_four_processes_in_which_two_people_approve_at_once_each_person_counts_once(real, folder, planned):
    above(folder, "second_person_above_contacts = 20")
    words = [sys.executable, "-c", _APPROVER, str(folder), planned.plan_id]
    runs = [
        subprocess.Popen([*words, who, START.isoformat()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for who in ("ann", "bob", "ann", "bob")
    ]
    for run in runs:
        run.stdin.write("go\n")
        run.stdin.flush()
    said = [run.communicate(timeout=120)[0] for run in runs]
    assert sorted(said[::2]) == sorted(said[1::2]) == ["approved", "plan.same_person"]
    with real(START) as project:
        approvals = [act.by for act in project.plan_log(planned.plan_id) if act.act == "approved"]
        assert sorted(approvals) == ["ann", "bob"]
