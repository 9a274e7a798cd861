"""What a person approved is what is sent: nothing to people who left meanwhile, nothing twice, nothing stale."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from alamo.domain.errors import StateError
from alamo.project import Project

DAY = timedelta(days=1)
START = datetime(2026, 1, 5, 10, tzinfo=UTC)


def sent(project: Project) -> set[str]:
    rows = project.context.history.query("SELECT customer_id FROM events WHERE kind = 'sent'")
    return set(rows["customer_id"].to_pylist())


def states_of(project: Project, plan: str, action: str) -> set[str]:
    return {row.state for row in project.context.state.ledger.rows(plan) if row.action_id == action}


def interrupted(project: Project, monkeypatch: pytest.MonkeyPatch, plan: str, method: str = "deliver") -> None:
    """Launch up to the first batch, and no further: before it is delivered, or delivered but not settled."""
    owner = project.context.channels["email"] if method == "deliver" else project.context.state.ledger

    def fails(self, *given, **_):
        if given[-1]:  # nothing is sent or settled with an empty hand
            raise OSError("gone")

    with monkeypatch.context() as patched:
        patched.setattr(type(owner), method, fails)
        with pytest.raises(OSError, match="gone"):
            project.launch(plan, by="bob")


EDITS = {
    "content": lambda text: text + '[content]\nsubject = "Everything must go"\n',
    "channel": lambda text: text.replace('channel = "email"', 'channel = "post"'),
    "deleted": lambda _: None,
}


def edit(folder, action: str, how: str) -> None:
    file = folder / "actions" / f"{action}.toml"
    text = EDITS[how](file.read_text())
    file.unlink() if text is None else file.write_text(text)


@pytest.mark.parametrize("how", EDITS)
def test_a_plan_whose_message_was_changed_since_is_neither_approved_nor_launched(real, folder, how):
    approved = (folder / "actions" / "mail.toml").read_text()
    (folder / "limits.toml").write_text("")  # no cap names the channel that goes away
    with real(START) as project:
        plan = project.run().turns[0].plan.plan_id
    edit(folder, "mail", how)
    with real(START) as project, pytest.raises(StateError) as caught:
        project.approve(plan, by="ann")
    assert caught.value.code == "plan.action_changed"
    assert caught.value.details["actions"] == ["mail"]
    (folder / "actions" / "mail.toml").write_text(approved)
    with real(START) as project:
        project.approve(plan, by="ann")
    edit(folder, "mail", how)
    with real(START) as project:
        with pytest.raises(StateError, match="'mail'") as caught:
            project.launch(plan, by="bob")
        assert caught.value.code == "plan.action_changed"
        assert project.plan(plan).state == "approved"
        assert not project.context.state.ledger.rows(plan)
        project.cancel(plan, by="ann")
        other = project.run().turns[0].plan.plan_id
        project.approve(other, by="ann")
        assert other != plan
        assert set(project.launch(other, by="bob").deliveries) == {"sent"}


def test_a_change_that_no_customer_sees_does_not_stop_a_launch(real, folder):
    with real(START) as project:
        plan = project.run().turns[0].plan.plan_id
        project.approve(plan, by="ann")
    mail = folder / "actions" / "mail.toml"
    mail.write_text(mail.read_text().replace('name = "Mail"', 'name = "E-mail"'))
    with real(START) as project:
        assert set(project.launch(plan, by="bob").deliveries) == {"sent"}


@pytest.mark.parametrize(("how", "state"), [("content", "dropped"), ("channel", "unknown"), ("deleted", "unknown")])
def test_a_resumed_launch_sends_nothing_that_was_changed_meanwhile_and_ends(real, folder, monkeypatch, how, state):
    (folder / "limits.toml").write_text("")
    with real(START) as project:
        plan = project.run().turns[0].plan.plan_id
        project.approve(plan, by="ann")
        interrupted(project, monkeypatch, plan)
    edit(folder, "mail", how)
    with real(START) as project:
        project.launch(plan, by="bob")
        assert project.plan(plan).state == "launched"
        assert states_of(project, plan, "mail") == {state}
        assert states_of(project, plan, "letter") == {"sent"}
    assert not list((folder / "audiences").rglob("*mail*.csv"))


def test_what_had_reached_its_channel_before_the_change_counts_as_sent(real, folder, monkeypatch):
    with real(START) as project:
        plan = project.run().turns[0].plan.plan_id
        project.approve(plan, by="ann")
        interrupted(project, monkeypatch, plan, "settle")
    edit(folder, "letter", "content")
    with real(START) as project:
        project.launch(plan, by="bob")
        assert states_of(project, plan, "letter") == {"sent"}
    (manifest,) = (folder / "audiences").rglob("*letter*.manifest.json")
    assert json.loads(manifest.read_text())["content"] == {}


@pytest.mark.parametrize("resumed", [False, True])
def test_a_consent_that_is_no_longer_on_record_stops_the_delivery(real, folder, monkeypatch, resumed):
    with real(START) as project:
        plan = project.run().turns[0].plan.plan_id
        project.approve(plan, by="ann")
        if resumed:
            interrupted(project, monkeypatch, plan)
        drawn = project.context.history.query("SELECT customer_id FROM proposals WHERE action_id = 'mail'")
        customer = min(drawn["customer_id"].to_pylist())
    consent = (folder / "consent.csv").read_text().replace(f"{customer},email,granted,2025-01-01\n", "")
    (folder / "consent.csv").write_text(consent)  # the file is corrected: the consent was never given
    with real(START) as project:
        project.import_file("consent", [folder / "consent.csv"])
        assert project.launch(plan, by="bob").deliveries["dropped"] == 1
        rows = {row.customer_id: row.state for row in project.context.state.ledger.rows(plan)}
    assert rows[customer] == "dropped"


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
