"""A launch can be stopped: nothing more is sent, what was sent stays, and nobody counts as treated who was not."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from alamo.domain.errors import StateError
from alamo.domain.records import PlanAct
from alamo.engine import delivering

DAY = timedelta(days=1)
START = datetime(2026, 1, 5, 10, tzinfo=UTC)


@pytest.fixture
def planned(real, monkeypatch):
    monkeypatch.setattr(delivering, "BATCH_ROWS", 10)
    with real(START) as project:
        plan = project.run().turns[0].plan.plan_id
        project.approve(plan, by="ann")
    return plan


def at_batch(project, monkeypatch, number: int, do) -> None:
    """Call `do` before the batch of this number is delivered."""
    owner = type(project.context.channels["email"])
    deliver, met = owner.deliver, []

    def wrapped(self, batch):
        met.append(batch.batch_id)
        if len(met) == number:
            do()
        return deliver(self, batch)

    monkeypatch.setattr(owner, "deliver", wrapped)


def gone() -> None:
    raise OSError("gone")


def interrupted(project, monkeypatch, plan: str, number: int) -> None:
    with monkeypatch.context() as patched:
        at_batch(project, patched, number, gone)
        with pytest.raises(OSError, match="gone"):
            project.launch(plan, by="bob")


def in_files(folder) -> int:
    return sum(len(file.read_text().splitlines()) - 1 for file in (folder / "audiences").rglob("*.csv"))


def test_an_interrupted_launch_is_stopped_and_cannot_be_launched_again(real, folder, planned, monkeypatch):
    with real(START) as project:
        interrupted(project, monkeypatch, planned, 3)
        stopped = project.stop(planned, by="eve", reason="wrong voucher")
        rows = project.context.state.ledger.rows(planned)
        assert stopped.deliveries == {"sent": 20, "cancelled": len(rows) - 20}
        assert in_files(folder) == 20
        assert project.plan(planned).state == "stopped"
        assert project.stop(planned, by="eve", reason="again") == stopped
        with pytest.raises(StateError, match=r"stopped by eve: wrong voucher") as caught:
            project.launch(planned, by="bob")
        assert caught.value.code == "plan.stopped"
        for refused in (project.approve, project.cancel):
            with pytest.raises(StateError):
                refused(planned, by="ann")
        assert in_files(folder) == 20
        acts = [(act.act, act.by, act.reason) for act in project.plan_log(planned)][2:]
        assert acts == [("launching", "bob", ""), ("stopping", "eve", "wrong voucher"), ("stopped", "stop", "")]


def test_a_running_launch_ends_after_the_batch_that_is_with_its_channel(real, folder, planned, monkeypatch):
    with real(START) as project:

        def ordered() -> None:  # as another process writes it down before it waits
            act = PlanAct(planned, "stopping", "eve", START, "now")
            project.context.state.plans.move(act, from_states=("launching",))

        at_batch(project, monkeypatch, 2, ordered)
        with pytest.raises(StateError, match="stopped by eve: now"):
            project.launch(planned, by="bob")
        assert project.plan(planned).state == "stopped"
        assert in_files(folder) == project.context.state.ledger.counts()[planned]["sent"] == 20


def test_a_stop_waits_for_the_launch_of_somebody_else(real, folder, planned, monkeypatch):
    with real(START) as project, real(START) as other:
        said: list[object] = []
        helper = threading.Thread(target=lambda: said.append(other.stop(planned, by="eve")))

        def ordered() -> None:
            helper.start()
            while project.plan(planned).state == "launching":
                threading.Event().wait(0.01)

        at_batch(project, monkeypatch, 2, ordered)
        with pytest.raises(StateError, match="stopped by eve"):
            project.launch(planned, by="bob")
        helper.join(timeout=60)
        assert said[0].deliveries["sent"] == in_files(folder) == 20


def test_a_second_launch_beside_one_that_runs_is_refused(real, folder, planned, monkeypatch):
    with real(START) as project, real(START) as other:
        refusals = []

        def ordered() -> None:
            with pytest.raises(StateError) as caught:
                other.launch(planned, by="eve")
            refusals.append(caught.value.code)

        at_batch(project, monkeypatch, 2, ordered)
        launched = project.launch(planned, by="bob")
        assert refusals == ["store.locked"]
        assert in_files(folder) == launched.deliveries["sent"]


def test_another_plan_is_not_launched_before_an_interrupted_launch_has_ended(real, planned, monkeypatch):
    with real(START) as project:
        interrupted(project, monkeypatch, planned, 2)
    with real(START + 28 * DAY) as project:
        later = project.run().turns[0].plan.plan_id
        project.approve(later, by="ann")
        with pytest.raises(StateError) as caught:
            project.launch(later, by="ann")
        assert (caught.value.code, caught.value.hint) == (
            "plan.launch_under_way",
            f"End it first: alamo plan launch {planned}",
        )
        project.stop(planned, by="ann")
        assert set(project.launch(later, by="ann").deliveries) == {"sent"}


def test_decisions_are_kept_as_they_were_carried_out_and_measured_so(real, planned, monkeypatch):
    with real(START) as project:
        interrupted(project, monkeypatch, planned, 3)
        project.stop(planned, by="eve")
        history, rows = project.context.history, project.context.state.ledger.rows(planned)
        sent = {row.decision_id for row in rows if row.state == "sent"}
        kept = history.query("SELECT decision_id, action_id, eligible, p_action FROM decisions").to_pylist()
        assert {row["decision_id"] for row in kept if row["action_id"] != "none"} == sent
        drawn = history.query("SELECT count(*) AS n FROM proposals WHERE action_id <> 'none'")["n"][0].as_py()
        assert drawn == len(rows) > len(sent)
        # letters go out before mails, so nobody could have a mail, and letters went to the first 20 decisions
        last = max(sent)
        assert {name for row in kept for name in row["eligible"]} == {"letter", "none"}
        first_left = min(row.decision_id for row in rows if row.state == "cancelled" and row.action_id == "letter")
        assert all(row["eligible"] == ["none"] for row in kept if row["decision_id"] >= first_left)
        assert any(row["action_id"] == "none" and row["p_action"] < 1 for row in kept if row["decision_id"] < last)
    (  # orders go on
        project.files.root / "later.csv"
    ).write_text("order_id,product,category,quantity,date,price,customer_id,country\nz,t,t,1,2026-02-20,9.00,k001,DE\n")
    with real(START + 50 * DAY) as project:
        project.import_file("orders", ["later.csv"])
        project.run()
        states = project.context.history.query("SELECT state, count(*) AS n FROM deliveries GROUP BY state").to_pylist()
        assert {row["state"]: row["n"] for row in states} == dict(Counter(row.state for row in rows))
        observed = project.context.history.query("SELECT action_id, cost_money FROM observations").to_pylist()
        assert Counter(row["action_id"] for row in observed)["letter"] == len(sent)
        assert {row["cost_money"] for row in observed if row["action_id"] == "none"} == {0.0}
        contacts = project.context.history.query("SELECT count(*) AS n FROM events WHERE kind = 'sent'")
        assert contacts["n"][0].as_py() == len(sent)


def test_a_cycle_whose_launch_was_stopped_half_way_is_not_planned_again(real, planned, monkeypatch):
    with real(START) as project:
        interrupted(project, monkeypatch, planned, 3)
        project.stop(planned, by="eve")
        turn = project.run().turns[0]
        assert (turn.plan.plan_id, turn.plan.state) == (planned, "stopped")


def test_a_launch_stopped_before_anything_was_sent_never_happened(real, folder, planned, monkeypatch):
    with real(START) as project:
        interrupted(project, monkeypatch, planned, 1)
        assert project.stop(planned, by="eve").decisions == 0
        assert not in_files(folder)
        again = project.run().turns[0].plan
        assert again.state == "proposed"
        assert again.plan_id != planned
        project.approve(again.plan_id, by="ann")
        assert set(project.launch(again.plan_id, by="ann").deliveries) == {"sent"}


def test_what_is_not_under_way_cannot_be_stopped(real, planned):
    with real(START) as project:
        with pytest.raises(StateError) as caught:
            project.stop(planned, by="eve")
        assert (caught.value.code, caught.value.hint) == (
            "plan.not_under_way",
            f"Cancel it with: alamo plan cancel {planned}",
        )
        project.launch(planned, by="bob")
        with pytest.raises(StateError, match="is launched") as caught:
            project.stop(planned, by="eve")
        assert f"alamo plan rollback {planned}" in caught.value.hint
