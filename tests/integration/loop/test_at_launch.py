"""What holds at the moment of sending, however long a plan has waited: dates, caps, quiet hours."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from alamo.domain.errors import StateError
from alamo.domain.records import LedgerRow

START = datetime(2026, 1, 5, 10, tzinfo=UTC)
DAY = timedelta(days=1)


def approved(project) -> str:
    plan = project.run().turns[0].plan.plan_id
    project.approve(plan, by="ann")
    return plan


def states_of(project, plan: str, action: str) -> set[str]:
    return {row.state for row in project.context.state.ledger.rows(plan) if row.action_id == action}


@pytest.fixture
def ends_soon(folder):
    """The mail is valid for two days."""
    mail = folder / "actions" / "mail.toml"
    mail.write_text(mail.read_text() + "valid_until = 2026-01-07\n")
    return mail


def test_an_action_whose_dates_are_over_makes_the_plan_stale_and_is_not_sent(real, ends_soon):
    with real(START) as project:
        plan = approved(project)
    with real(START + 2 * DAY) as project:
        with pytest.raises(StateError, match="action 'mail' was valid until 2026-01-07") as caught:
            project.launch(plan, by="bob")
        assert caught.value.code == "plan.changed_since"
        assert not project.context.state.ledger.rows(plan)
        project.launch(plan, by="bob", anyway="the letters are printed")
        assert states_of(project, plan, "mail") == {"dropped"}
        assert states_of(project, plan, "letter") == {"sent"}


def test_a_resumed_launch_drops_an_action_whose_dates_are_over(real, folder, ends_soon, monkeypatch):
    with real(START) as project:
        plan = approved(project)
        with monkeypatch.context() as patched:
            patched.setattr(type(project.context.channels["email"]), "deliver", _fails)
            with pytest.raises(OSError, match="gone"):
                project.launch(plan, by="bob")
    with real(START + 2 * DAY) as project:
        project.launch(plan, by="bob")
        assert states_of(project, plan, "mail") == {"dropped"}
        assert states_of(project, plan, "letter") == {"sent"}
    assert not list((folder / "audiences").rglob("*mail*.csv"))


def _fails(*_):
    raise OSError("gone")


def drawn(project, plan: str, action: str) -> list[str]:
    named = {"plan": plan, "action": action}
    sql = "SELECT customer_id FROM proposals WHERE plan_id = $plan AND action_id = $action ORDER BY customer_id"
    return project.context.history.query(sql, named)["customer_id"].to_pylist()


@pytest.mark.parametrize("resumed", [False, True])
def test_a_contact_made_since_the_plan_was_drawn_counts_towards_its_cap(real, folder, monkeypatch, resumed):
    """The mail is capped at one in 14 days; another tool has written to five of those who drew it, and one letter."""
    with real(START) as project:
        plan = approved(project)
        mailed, posted = drawn(project, plan, "mail"), drawn(project, plan, "letter")
        if resumed:
            with monkeypatch.context() as patched:
                patched.setattr(type(project.context.channels["email"]), "deliver", _fails)
                with pytest.raises(OSError, match="gone"):
                    project.launch(plan, by="bob")
    (folder / "sent.csv").write_text(
        "customer_id,channel,event,date\n"
        + "".join(f"{one},email,sent,2026-01-05\n" for one in mailed[:5])
        + f"{posted[0]},email,sent,2026-01-05\n"
    )
    with real(START + DAY) as project:
        project.import_file("deliveries", [folder / "sent.csv"])
        project.launch(plan, by="bob", anyway="" if resumed else "the other tool wrote to a few")
        states = {row.customer_id: row.state for row in project.context.state.ledger.rows(plan)}
    assert sorted(one for one, state in states.items() if state != "sent") == mailed[:5]
    assert {states[one] for one in mailed[:5]} == {"dropped"}


def test_contacts_with_a_service_message_that_the_plan_does_not_send_count_towards_no_cap(real, folder):
    """Caps count marketing; what a contact was is known of all actions, not only of those that a plan sends."""
    (folder / "actions" / "receipt.toml").write_text(
        'id = "receipt"\nname = "Receipt"\nchannel = "email"\nlevel = "customer service"\nclass = "transactional"\n'
        "eligible = \"country = 'nowhere'\"\n"
    )
    ids = [f"k{i:03d}" for i in range(400)]
    (folder / "sent.csv").write_text(
        "customer_id,channel,event,date,action_id\n" + "".join(f"{one},email,sent,2026-01-04,receipt\n" for one in ids)
    )
    with real(START) as project:
        project.import_file("deliveries", [folder / "sent.csv"])
        plan = approved(project)
        assert drawn(project, plan, "mail")
        project.launch(plan, by="bob")
        assert states_of(project, plan, "mail") == {"sent"}


def test_what_a_launch_has_dropped_is_not_given_over_the_counter(real, folder):
    """Its contact would count nowhere: the ledger has it as dropped, and a cap was the reason."""
    with real(START) as project:
        plan = approved(project)
        full, one = drawn(project, plan, "mail")[:2]
    (folder / "sent.csv").write_text(f"customer_id,channel,event,date\n{full},email,sent,2026-01-05\n")
    with real(START + DAY) as project:
        project.import_file("deliveries", [folder / "sent.csv"])
        project.launch(plan, by="bob", anyway="the other tool wrote to one")
        decided = project.decide(full, {})
        assert (decided.action_id, decided.logged) == ("none", False)
        assert decided.excluded == {"mail": "dropped at the launch"}
        assert project.decide(one, {}).action_id == "mail"


def test_a_contact_over_the_counter_since_the_plan_was_drawn_counts_towards_its_cap(real, folder):
    """Nobody has sealed the ledger since: the launch does."""
    with real(START) as project:
        plan = approved(project)
        one = drawn(project, plan, "mail")[0]
        given = LedgerRow("elsewhere", "before", "before-counter", one, "mail", "email", 10, state="unknown")
        project.context.state.ledger.reserve([replace(given, attempted_at=START, settled_at=START)])
    with real(START + DAY) as project:
        assert project.launch(plan, by="bob").deliveries["dropped"] == 1
        states = {row.customer_id: row.state for row in project.context.state.ledger.rows(plan)}
    assert states[one] == "dropped"


def test_a_launch_resumed_at_night_waits_for_the_morning_and_its_contacts_are_dated_when_they_went_out(
    real, folder, monkeypatch
):
    (folder / "limits.toml").write_text('[contact]\nquiet_hours = { from = "21:00", until = "08:00" }\n')
    night = START + timedelta(days=3, hours=13)
    with real(START) as project:
        plan = approved(project)
        with monkeypatch.context() as patched:
            patched.setattr(type(project.context.channels["email"]), "deliver", _fails)
            with pytest.raises(OSError, match="gone"):
                project.launch(plan, by="bob")
    with real(night) as project:
        project.launch(plan, by="bob")
        assert {row.attempted_at for row in project.context.state.ledger.rows(plan)} == {night}
    lines = [line for file in (folder / "audiences").rglob("*.csv") for line in csv.DictReader(file.open())]
    assert {line["send_at"] for line in lines} == {"2026-01-09T08:00:00Z"}
    with real(night + DAY) as project:
        project.measure()
        sent = project.context.history.query("SELECT DISTINCT occurred_at FROM events WHERE kind = 'sent'")
        assert sent["occurred_at"].to_pylist() == [night]
