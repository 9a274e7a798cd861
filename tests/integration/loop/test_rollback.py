"""A rollback takes the policy back, not the messages: in real time the policy launched before is in force again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from alamo.cli.views.plan import plan
from alamo.domain.errors import StateError
from alamo.engine import delivering

DAY = timedelta(days=1)
START = datetime(2026, 1, 5, 10, tzinfo=UTC)
SECOND = START + 28 * DAY
NEW = [f"n{i:03d}" for i in range(60)]


def launch(project) -> str:
    plan = project.run().turns[0].plan.plan_id
    project.approve(plan, by="ann")
    project.launch(plan, by="bob")
    return plan


@pytest.fixture
def twice(real, folder):
    """Two cycles launched; customers who are new since wait at the counter."""
    with real(START) as project:
        first = launch(project)
    with real(SECOND) as project:
        second = launch(project)
    (folder / "new.csv").write_text(
        "order_id,product,category,quantity,date,price,customer_id,country\n"
        + "".join(f"x{i},tea-1,tea,1,2026-02-02 12:00:00,20.00,{one},DE\n" for i, one in enumerate(NEW))
    )
    (folder / "new-consent.csv").write_text(
        "customer_id,channel,state,date\n" + "".join(f"{one},*,granted,2026-02-02\n" for one in NEW)
    )
    return first, second


def arrived(project, folder) -> None:
    project.import_file("orders", [folder / "new.csv"])
    project.import_file("consent", [folder / "new-consent.csv"])
    project.measure()
    project.infer()
    project.predict()


def test_the_policy_before_decides_again_within_what_is_left(real, folder, twice):
    first, second = twice
    with real(SECOND + DAY) as project:
        arrived(project, folder)
        rolled = project.rollback(by="eve", reason="complaints")
        assert (rolled.plan.plan_id, rolled.plan.state) == (second, "rolled_back")
        restored = rolled.in_force
        assert (restored.cycle, restored.state, restored.summary["restores"]) == (2, "launched", first)
        shelf = project.context.shelf
        old, new = shelf.get(project.plan(first).policy_version), shelf.get(restored.policy_version)
        assert (new.rule, new.rows, new.blocks[0].prices) == (old.rule, old.rows, old.blocks[-1].prices)
        assert new.salt == shelf.get(project.plan(second).policy_version).salt != old.salt
        (budget,) = new.blocks[0].remaining
        spent = sum(row.cost_minor for row in project.context.state.ledger.rows(second)) / 100
        assert budget == pytest.approx(max(new.rows[0].bound - spent, 0.0))
        decided = [project.decide(one, {}) for one in NEW]
        log = project.context.history.query("SELECT plan_id, cycle, policy_version FROM decisions WHERE cycle = 2")
        fresh = [row for row in log.to_pylist() if row["plan_id"] == restored.plan_id]
        assert len(fresh) == sum(one.logged for one in decided) == len(NEW)
        assert {row["policy_version"] for row in fresh} == {restored.policy_version}
        acted = [row for row in project.context.state.ledger.rows(restored.plan_id) if row.state == "unknown"]
        assert sum(row.cost_minor for row in acted) / 100 <= budget + 1e-9
        assert [project.decide(one, {}).action_id for one in NEW] == [one.action_id for one in decided]


def test_whoever_has_a_decision_of_the_cycle_gets_no_other(real, folder, twice):
    _, second = twice
    with real(SECOND + DAY) as project:
        project.rollback(second, by="eve")
        before = project.context.history.snapshot_version("decisions")
        rows = project.context.history.query("SELECT customer_id, action_id FROM proposals WHERE cycle = 2").to_pylist()
        acted = next(row["customer_id"] for row in rows if row["action_id"] != "none")
        for one in (acted, rows[0]["customer_id"]):
            decided = project.decide(one, {})
            assert (decided.action_id, decided.logged) == ("none", False)
            assert second in decided.reason
        assert project.context.history.snapshot_version("decisions") == before
        assert project.run().turns[0].plan.state == "rolled_back"


def test_a_rollback_again_changes_nothing_and_one_that_was_killed_is_ended(real, twice, monkeypatch):
    _, second = twice
    with real(SECOND + DAY) as project:
        book = type(project.context.state.plans)

        def dies(*_):
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(book, "save", dies)
            with pytest.raises(KeyboardInterrupt):
                project.rollback(by="eve", reason="complaints")
        assert project.plan(second).state == "rolled_back"
        assert not project.decide("k001", {}).logged
        ended = project.rollback(second, by="ann")
        assert ended.in_force is not None
        assert project.rollback(second, by="ann").in_force == ended.in_force
        acts = [(act.act, act.by, act.reason) for act in project.plan_log(second)][-1:]
        assert acts == [("rolled_back", "eve", "complaints")]


@pytest.mark.parametrize("killed_in", ["save", "log"])
def test_a_default_rollback_that_was_killed_is_ended_by_the_same_command(real, twice, monkeypatch, killed_in):
    """Without an id the next command must not take back the plan before as well, and the log says all of it."""
    first, second = twice
    with real(SECOND + DAY) as project:
        book = type(project.context.state.plans)
        save, move = book.save, book.move

        def dies_saving(*_):
            raise KeyboardInterrupt

        def dies_before_the_line(self, act, *, from_states):
            if act.act == "launched":
                raise KeyboardInterrupt
            return move(self, act, from_states=from_states)

        with monkeypatch.context() as patched:
            patched.setattr(book, "save", dies_saving if killed_in == "save" else save)
            patched.setattr(book, "move", dies_before_the_line)
            with pytest.raises(KeyboardInterrupt):
                project.rollback(by="eve")
        ended = project.rollback(by="eve") if killed_in == "save" else project.rollback(second, by="eve")
        assert ended.plan.plan_id == second
        assert project.plan(first).state == "launched"
        assert ended.in_force.summary["restores"] == first
        acts = [(act.act, act.by, act.reason) for act in project.plan_log(ended.in_force.plan_id)]
        assert acts == [("launched", "eve", f"rollback of {second}")]


def test_an_earlier_plan_than_the_one_in_force_is_not_taken_back(real, twice):
    first, second = twice
    with real(SECOND + DAY) as project:
        with pytest.raises(StateError, match=f"{second} was launched after it") as caught:
            project.rollback(first, by="eve")
        assert caught.value.code == "plan.not_in_force"
        assert [project.plan(one).state for one in twice] == ["launched", "launched"]
        assert len(project.plans()) == 2


def test_a_budget_of_a_month_that_is_used_up_does_not_come_back(real, folder, twice):
    """The first policy had the whole month before it; what it has sent since is gone, though in another cycle."""
    limits, toml = folder / "limits.toml", folder / "alamo.toml"
    limits.write_text(limits.read_text().replace("maximum = 60", 'maximum = 60\nperiod = "month"'))
    toml.write_text(toml.read_text().replace("days = 28", "days = 7"))
    with real(START + 70 * DAY) as project:
        third = launch(project)
    with real(START + 77 * DAY) as project:
        launch(project)
        spent = [
            row.cost_minor for plan in project.plans()[-2:] for row in project.context.state.ledger.rows(plan.plan_id)
        ]
        back = project.rollback(by="eve").in_force
        assert back.summary["restores"] == third
        policy = project.context.shelf.get(back.policy_version)
        (bound,), (left,) = [row.bound for row in policy.rows], policy.blocks[0].remaining
        assert left == pytest.approx(max(bound - sum(spent) / 100, 0.0))


def test_a_launch_under_way_is_stopped_first(real, twice, monkeypatch):
    monkeypatch.setattr(delivering, "BATCH_ROWS", 10)
    with real(START + 56 * DAY) as project:
        plan = project.run().turns[0].plan.plan_id
        project.approve(plan, by="ann")
        owner, met = type(project.context.channels["email"]), []
        deliver = owner.deliver

        def fails(self, batch):
            met.append(batch)
            if len(met) == 2:
                raise OSError("gone")
            return deliver(self, batch)

        with monkeypatch.context() as patched:
            patched.setattr(owner, "deliver", fails)
            with pytest.raises(OSError, match="gone"):
                project.launch(plan, by="bob")
        rolled = project.rollback(by="eve")
        assert rolled.plan.plan_id == plan
        assert rolled.in_force.summary["restores"] == twice[1]
        assert project.context.state.ledger.counts()[plan]["sent"] == 10
        assert [act.act for act in project.plan_log(plan)][-3:] == ["stopping", "stopped", "rolled_back"]


def test_two_rollbacks_in_a_row_go_two_policies_back(real, folder, twice):
    first, _ = twice
    with real(START + 56 * DAY) as project:
        launch(project)
    with real(START + 57 * DAY) as project:
        once = project.rollback(by="eve")
        again = project.rollback(once.in_force.plan_id, by="eve")
        assert again.in_force.summary["restores"] == first
        assert project.rollback(again.in_force.plan_id, by="eve").in_force is None


def test_without_a_launch_before_nothing_is_in_force(real):
    with real(START) as project:
        plan = project.run().turns[0].plan.plan_id
        with pytest.raises(StateError) as caught:
            project.rollback(plan, by="eve")
        assert caught.value.code == "plan.not_launched"
        project.approve(plan, by="ann")
        project.launch(plan, by="bob")
        assert project.rollback(by="eve").in_force is None
        with pytest.raises(StateError) as caught:
            project.decide("k001", {})
        assert caught.value.code == "decide.no_policy"


def test_after_a_rollback_what_is_asked_about_the_newest_plan_is_about_the_newest_that_was_proposed(real, twice):
    first, second = twice
    with real(SECOND + DAY) as project:
        restored = project.rollback(by="eve").in_force
        assert project.plan_diff().to_dict()["after"] == second
        assert project.plan_load().plan_id == second
        assert project.plan_advice().plan == second
        assert {project.report(kind).to_dict()["plan"] for kind in ("contacts", "policy")} == {second}
        for asked in (project.plan_load, project.plan_advice, project.plan_diff):
            with pytest.raises(StateError, match=f"the policy of {first}") as caught:
                asked(restored.plan_id)
            assert caught.value.code == "plan.restores"
            assert f"alamo plan show {first}" in caught.value.hint
        with pytest.raises(StateError, match="it plans nobody"):
            project.plan_diff(second, before=restored.plan_id)
        shown = text_of(plan(project.plan_at_gate().to_dict()))
        assert "It plans nobody and sends nothing by itself." in shown
        assert f"Next: alamo plan show {first}" in shown
        assert "customers contacted" not in shown


def text_of(parts) -> str:
    console = Console(width=200, no_color=True)
    with console.capture() as caught:
        for part in parts:
            console.print(part)
    return caught.get()
