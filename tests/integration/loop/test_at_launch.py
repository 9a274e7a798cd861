"""What holds at the moment of sending, however long a plan has waited: dates, caps, quiet hours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from alamo.domain.errors import StateError

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
