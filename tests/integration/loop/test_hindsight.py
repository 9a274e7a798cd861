"""A replay of history sees nothing later than its day, and never writes over what a person's plan was made from."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alamo.domain.errors import StateError, UsageError
from alamo.project import Project

START = datetime(2026, 1, 5, tzinfo=UTC)
CYCLE = timedelta(days=28)
NOW = START + 2 * CYCLE + timedelta(days=3, hours=10)
TABLES = ("profiles", "observations", "segments", "outcomes", "dr_scores", "effects", "scores", "proposals")


@pytest.fixture
def real(folder: Path, outside: Callable[[datetime], Project]):
    """Opens the project on audience files instead of a simulated market, at a moment of one's choice."""
    (folder / "consent.csv").write_text(
        "customer_id,channel,state,date\n" + "".join(f"k{i:03d},*,granted,2025-01-01\n" for i in range(400))
    )

    with outside(START) as project:
        project.import_file("orders", [folder / "orders.csv"])
        project.import_file("consent", [folder / "consent.csv"])
    return outside


def experiment(folder: Path, lift: float) -> Path:
    """An experiment that a person put on record today, strong enough to be found."""
    lines = ["customer_id,date,action_id,propensity,spend"]
    for i in range(400):
        treated = i % 2
        spend = 20.0 + 0.01 * i + lift * treated + (i * 7 % 13)
        lines.append(f"k{i:03d},2025-12-01 10:00:00,{'mail' if treated else 'none'},0.5,{spend:.2f}")
    (folder / "experiment.csv").write_text("\n".join(lines) + "\n")
    return folder / "experiment.csv"


def content(project: Project) -> dict[str, list[dict]]:
    return {name: project.context.history.query(f"SELECT * FROM {name} ORDER BY ALL").to_pylist() for name in TABLES}


def test_a_replay_goes_over_every_past_cycle_and_again_changes_nothing(real):
    with real(NOW) as project:
        turned = project.run(until=NOW).turns
        assert [one.cycle for one in turned] == [1, 2, 3]
        assert [plan.state for plan in project.plans()] == ["superseded", "superseded", "proposed"]
        before = content(project)
        assert not any(step.changed for one in project.run(until=NOW).turns for step in one.steps)
        assert content(project) == before


def test_a_replayed_day_knows_nothing_of_what_was_put_on_record_later(real, folder):
    with real(NOW) as project:
        project.import_file("experiment", [experiment(folder, lift=40.0)])
        project.run(until=START + CYCLE)
        assert content(project)["effects"] == []
        assert content(project)["dr_scores"] == []
        models = {step.detail["model"] for step in project.context.state.steps.all() if step.key.endswith("/predict")}
        assert models == {"opening"}
        project.run()  # today it is known, and counts
        assert {row["action_id"] for row in content(project)["effects"]} >= {"mail"}
        assert project.context.state.steps.find("cycle-3/predict").detail["model"] == "uplift"


@pytest.mark.parametrize("act", ["propose", "approve", "launch", "cancel"])
def test_a_project_with_a_plan_of_its_own_is_not_replayed_and_nothing_of_it_changes(real, act):
    with real(NOW) as project:
        plan = project.run().turns[0].plan
        if act in ("approve", "launch"):
            project.approve(plan.plan_id, by="ann")
        if act == "launch":
            project.launch(plan.plan_id, by="ann")
        if act == "cancel":
            project.cancel(plan.plan_id, by="ann")
        before, state = content(project), project.plan(plan.plan_id).state
        for until in (START, NOW):
            with pytest.raises(StateError, match=plan.plan_id) as refused:
                project.run(until=until)
        assert "alamo -C ../replay run --until 2026-03-05" in refused.value.hint
        assert content(project) == before
        assert project.plan(plan.plan_id).state == state


def test_a_replayed_plan_that_a_person_took_up_is_theirs(real):
    with real(START + timedelta(hours=1)) as project:
        plan = project.run(until=START + timedelta(hours=1)).turns[-1].plan
        project.approve(plan.plan_id, by="ann")
        with pytest.raises(StateError, match="approved"):
            project.run(until=START + timedelta(hours=1))


def test_the_future_and_what_lies_before_the_first_cycle_cannot_be_replayed(real):
    with real(NOW) as project:
        with pytest.raises(UsageError, match="lies ahead"):
            project.run(until=NOW + timedelta(days=1))
        with pytest.raises(StateError, match="cycle 1 starts on"):
            project.run(until=START - timedelta(days=1))
        assert project.plans() == []
