"""Micro-segments in the loop: beside what decisions rest on, brought up to date cycle by cycle, and reported."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from tests.typed import answer, typed

from alamo.config import load_project
from alamo.domain.errors import InsufficientDataError, UsageError
from alamo.engine.segmenting import behaviour_at
from alamo.project import Project

FIND = "\n[segments]\nfind = true\nleast = 20\ncycles_ahead = 2\n"


def rows(project: Project, sql: str) -> list[dict]:
    return project.context.history.query(sql).to_pylist()


@pytest.fixture
def finding(folder: Path) -> Path:
    """The project with micro-segments switched on."""
    path = folder / "alamo.toml"
    path.write_text(path.read_text().replace("[simulation]", f"{FIND}[simulation]"))
    return folder


PROPOSED = "SELECT customer_id, action_id, p, value_mean_money FROM proposals ORDER BY customer_id"


def test_switched_on_they_change_no_plan(real, folder, start):
    at = start + timedelta(hours=10)
    with real(at) as project:
        plan = project.run().turns[0].plan
        before, tables = plan.plan_id, rows(project, PROPOSED)
        assert rows(project, "SELECT * FROM micro_segments") == []
        with pytest.raises(InsufficientDataError, match="no micro-segments yet") as refused:
            project.micro_segments()
        assert "[segments]" in refused.value.hint
    (folder / "alamo.toml").write_text((folder / "alamo.toml").read_text() + FIND)
    with real(at) as project:
        turned = project.run().turns[0]
        found = turned.steps[1].detail["micro_segments"]
        assert found["segments"] > 3
        assert found["parent"] is None
        assert turned.plan.plan_id == before
        assert rows(project, PROPOSED) == tables
        known = rows(
            project, "SELECT number, segment, segments_version, count(*) AS n FROM micro_segments GROUP BY ALL"
        )
        assert sum(row["n"] for row in known) == 400
        assert min(row["n"] for row in known) >= 20
        assert {row["segments_version"] for row in known} == {found["version"]}


def test_the_next_cycle_refits_and_the_same_cycle_again_starts_from_the_one_before(finding):
    with Project.open(finding) as project:
        project.import_file("orders", ["orders.csv"])
        first = project.run().turns[0]
        project.approve(by="ann")
        project.launch(by="ann")
        project.enter_next_cycle()
        second = project.run().turns[0]
        details = [turn.steps[1].detail["micro_segments"] for turn in (first, second)]
        assert details[1]["parent"] == details[0]["version"]
        report = project.micro_segments()
        assert report.definition.version == details[1]["version"]
        assert sum(row["customers"] for row in report.records()) == len(report.places)


def test_another_horizon_finds_them_anew_with_numbers_that_go_on(finding):
    with Project.open(finding) as project:
        project.import_file("orders", ["orders.csv"])
        project.run()
        project.approve(by="ann")
        project.launch(by="ann")
        first = project.micro_segments().definition
        project.enter_next_cycle()
    path = finding / "alamo.toml"
    path.write_text(path.read_text().replace("cycles_ahead = 2", "cycles_ahead = 1"))
    with Project.open(finding) as project:
        assert project.micro_segments().to_dict()["days_ahead"] == 2 * first.month_days
        project.run()
        second = project.micro_segments().definition
    assert (second.months, second.parent) == (1, first.version)
    assert min(set(second.numbers) - set(first.numbers), default=first.next_number) >= first.next_number


def test_who_moved_between_any_two_days_is_counted_from_the_events(finding, start):
    with Project.open(finding) as project:
        project.import_file("orders", ["orders.csv"])
        project.run()
        last = (start - timedelta(days=1)).date()
        first = last - timedelta(days=100)
        report = project.micro_segments(first, last)
        assert (report.moves.from_day, report.moves.to_day) == (first.isoformat(), last.isoformat())
        settings = load_project(finding).settings
        then = behaviour_at(
            project.context.history, start - timedelta(days=100), start, currency="EUR", margin=settings.margin
        )
        assert report.moves.counts.sum() == then.num_rows
        with pytest.raises(UsageError, match="no time from"):
            project.micro_segments(last, last)
        with pytest.raises(UsageError, match="nobody was a customer"):
            project.micro_segments(last - timedelta(days=900), last)


def test_the_command_reports_them_and_refuses_days_elsewhere(finding):
    assert typed("import", "orders", "orders.csv", cwd=finding)[0] == 0
    assert typed("run", cwd=finding)[0] == 0
    found = answer("report", "micro-segments", cwd=finding)
    assert found["schema"] == "alamo.segments/1"
    assert found["attribution"] == "Everything here is simulated."
    exit_code, _, err = typed("report", "value", "--from", "2025-11-01", cwd=finding)
    assert exit_code == 1
    assert "alamo report micro-segments" in err
