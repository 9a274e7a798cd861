"""What a person approved is what is sent: nothing to people who left meanwhile, nothing twice, nothing stale."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alamo.config import load_project
from alamo.connectors.clocks import FixedClock
from alamo.domain.errors import StateError
from alamo.project import Project
from alamo.store import open_stores

DAY = timedelta(days=1)


@pytest.fixture
def real(folder: Path):
    """Opens the project on audience files instead of a simulated market, at a moment of one's choice."""
    toml = (folder / "alamo.toml").read_text()
    (folder / "alamo.toml").write_text(toml.split("[simulation]")[0])
    (folder / "consent.csv").write_text(
        "customer_id,channel,state,date\n"
        + "".join(f"k{i:03d},{channel},granted,2025-01-01\n" for i in range(400) for channel in ("email", "post"))
    )

    def at(moment: datetime) -> Project:
        files = load_project(folder)
        return Project(files, open_stores(files.root, files.settings), FixedClock(moment))

    with at(START) as project:
        project.import_file("orders", [folder / "orders.csv"])
        project.import_file("consent", [folder / "consent.csv"])
    return at


START = datetime(2026, 1, 5, 10, tzinfo=UTC)


def sent(project: Project) -> set[str]:
    rows = project.context.history.query("SELECT customer_id FROM events WHERE kind = 'sent'")
    return set(rows["customer_id"].to_pylist())


def test_contacts_by_audience_file_count_towards_the_caps_of_the_next_cycle(real, folder):
    (folder / "limits.toml").write_text("[contact]\ncaps = [{ maximum = 1, days = 60 }]\n")
    with real(START) as project:
        plan = project.run().turns[0].plan
        project.approve(plan.plan_id, by="ann")
        contacted = project.launch(plan.plan_id, by="bob").deliveries["sent"]
    with real(START + 28 * DAY) as project:
        project.run()
        assert len(sent(project)) == contacted > 0
        again = project.context.history.query(
            "SELECT customer_id FROM proposals WHERE cycle = 2 AND action_id <> 'none'"
        )["customer_id"].to_pylist()
        assert again
        assert not sent(project) & set(again)


def test_a_resumed_launch_drops_who_has_withdrawn_and_what_has_become_stale(real, folder, monkeypatch):
    with real(START) as project:
        plan = project.run().turns[0].plan
        project.approve(plan.plan_id, by="ann")
        monkeypatch.setattr(
            type(project.context.channels["email"]), "deliver", lambda *_: (_ for _ in ()).throw(OSError("gone"))
        )
        with pytest.raises(OSError, match="gone"):
            project.launch(plan.plan_id, by="bob")
        monkeypatch.undo()
        first = project.context.state.ledger.rows(plan.plan_id)[0]
    (folder / "left.csv").write_text(f"customer_id,channel,state,date\n{first.customer_id},*,withdrawn,2026-01-06\n")
    with real(START + 2 * DAY) as project:
        project.import_file("consent", [folder / "left.csv"])
        deliveries = project.launch(plan.plan_id, by="bob").deliveries
        assert deliveries["dropped"] == 1
        states = {row.decision_id: row.state for row in project.context.state.ledger.rows(plan.plan_id)}
        assert states[first.decision_id] == "dropped"


def test_a_plan_that_a_later_one_has_overtaken_is_not_launched(real):
    with real(START + 26 * DAY) as project:
        old = project.run().turns[0].plan
        project.approve(old.plan_id, by="ann")
    with real(START + 28 * DAY) as project:
        new = project.run().turns[0].plan
        project.approve(new.plan_id, by="ann")
        project.launch(new.plan_id, by="ann")
        with pytest.raises(StateError):
            project.launch(old.plan_id, by="ann")


def test_a_limit_changed_and_changed_back_gives_a_plan_again(real, folder):
    limits = (folder / "limits.toml").read_text()
    plans = []
    for text in (limits, limits.replace("maximum = 60", "maximum = 30"), limits):
        (folder / "limits.toml").write_text(text)
        with real(START) as project:
            plans.append(project.run().turns[0].plan)
    assert plans[0].summary["cost_money"] == plans[2].summary["cost_money"] != plans[1].summary["cost_money"]
    with real(START) as project:
        assert project.plan().state == "proposed"
        assert project.run().turns[0].plan.plan_id == plans[2].plan_id


def test_a_cost_changed_and_changed_back_is_in_the_scores_again(real, folder):
    mail = (folder / "actions" / "mail.toml").read_text()
    for text in (mail, mail.replace("cost = 0.1", "cost = 5.0"), mail):
        (folder / "actions" / "mail.toml").write_text(text)
        with real(START) as project:
            project.run()
    with real(START) as project:
        costs = project.context.history.query("SELECT DISTINCT cost_money FROM scores WHERE action_id = 'mail'")
        assert costs["cost_money"].to_pylist() == [0.1]
