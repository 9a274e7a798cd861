"""Decisions over the counter: logged beside those of the plan, counted against limits, measured when they mature."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alamo.domain.action import Limit
from alamo.domain.errors import StateError, UsageError
from alamo.engine import decide
from alamo.engine.batch import Stamp
from alamo.engine.counter import left_now
from alamo.engine.decide import counter_batch
from alamo.engine.realtime import terms_of
from alamo.engine.replay import replay
from alamo.project import Project
from alamo.steering.candidates import gather
from alamo.steering.eligibility import Gatekeeper
from alamo.steering.periods import left_of_periods

DAY = timedelta(days=1)
START = datetime(2026, 1, 5, 10, tzinfo=UTC)
NEWCOMERS = 40
LIMITS = """
[[limit]]
name = "abroad"
where = "country = 'FR'"
maximum = 30
[[limit]]
name = "at home"
use = "cost"
where = "country = 'DE'"
maximum = 60
[[limit]]
name = "all"
maximum = 300
"""


def newcomers(folder: Path) -> list[str]:
    """Write the files of customers, from two countries, who are new after the launch; return their ids."""
    ids = [f"n{i:03d}" for i in range(NEWCOMERS)]
    lines = ["order_id,product,category,quantity,date,price,customer_id,country"]
    lines += [f"x{i},tea-1,tea,1,2026-01-05 12:00:00,20.00,{one},{('FR', 'DE')[i % 2]}" for i, one in enumerate(ids)]
    (folder / "new.csv").write_text("\n".join(lines) + "\n")
    (folder / "new-consent.csv").write_text(
        "customer_id,channel,state,date\n" + "".join(f"{one},*,granted,2026-01-05\n" for one in ids)
    )
    return ids


def launched(real, folder: Path, *, window_days: int = 28, limits: str = LIMITS) -> tuple[str, list[str]]:
    """Launch cycle 1, and a day later measure and score customers who are new; return the plan and their ids."""
    toml = (folder / "alamo.toml").read_text().replace("[outcome]", f"[outcome]\nwindow_days = {window_days}")
    (folder / "alamo.toml").write_text(toml)
    (folder / "limits.toml").write_text(limits)
    ids = newcomers(folder)
    with real(START) as project:
        plan = project.run().turns[0].plan.plan_id
        project.approve(plan, by="ann")
        project.launch(plan, by="bob")
    return plan, ids


def arrived(project: Project, folder: Path) -> None:
    project.import_file("orders", [folder / "new.csv"])
    project.import_file("consent", [folder / "new-consent.csv"])
    project.measure()
    project.infer()
    project.predict()


def value(project: Project, sql: str, **parameters: object) -> object:
    return project.context.history.query(f"SELECT {sql} AS value", parameters)["value"][0].as_py()


def test_what_is_left_of_a_limit_is_used_by_those_it_counts_and_by_nobody_else(real, folder):
    plan, ids = launched(real, folder)
    with real(START + DAY) as project:
        arrived(project, folder)
        policy = project.context.shelf.get(project.plan(plan).policy_version)
        first = left_now(project.context, project.plan(plan), policy)
        abroad = sum(project.decide(one).action_id != "none" for one in ids[::2])
        home = [project.decide(one) for one in ids[1::2]]
        state = left_now(project.context, project.plan(plan), policy)
        in_home = value(
            project, "(SELECT sum(cost_money) FROM decisions d WHERE customer_id NOT IN $ids)", ids=ids[::2]
        )
    names = [row.limit for row in policy.rows]
    left, before = dict(zip(names, state.remaining, strict=True)), dict(zip(names, first.remaining, strict=True))
    assert before["abroad"] == 30  # everybody in the plan lives in DE
    assert 0 < abroad <= 30
    assert left["abroad"] == 30 - abroad
    assert left["at home"] == pytest.approx(max(60 - float(in_home), 0.0))
    assert left["all"] == before["all"] - abroad - sum(one.action_id != "none" for one in home)


def test_one_is_decided_after_the_other_so_nobody_draws_what_another_has_drawn(real, folder, monkeypatch):
    """From reading what is left until the decision is logged, nobody else is decided, in whatever process."""
    _, ids = launched(real, folder)
    tried = []

    def nobody_else_while(function):
        def watched(*given):
            with real(START + DAY) as other:
                tried.append(function.__name__)
                with pytest.raises(StateError), other.context.state.lock(decide.DECIDING):
                    pass
            return function(*given)

        return watched

    with real(START + DAY) as project:
        arrived(project, folder)
        for name in ("counter_state", "_hand_over"):  # the first thing done and the last
            monkeypatch.setattr(decide, name, nobody_else_while(getattr(decide, name)))
        assert project.decide(ids[0]).logged
        monkeypatch.undo()
        assert project.decide(ids[1]).logged  # the lock was let go
    assert tried == ["counter_state", "_hand_over"]


def test_whoever_cannot_be_decided_in_time_gets_no_action_and_no_error(real, folder, monkeypatch):
    _, ids = launched(real, folder)
    monkeypatch.setattr(decide, "PATIENCE_SECONDS", 0.0)
    with real(START + DAY) as project:
        arrived(project, folder)
        with real(START + DAY) as other, other.context.state.lock(decide.DECIDING):
            held = project.decide(ids[0])
        assert (held.action_id, held.logged) == ("none", False)
        assert "ask again" in held.reason
        assert project.decide(ids[0]).logged


def test_context_may_open_actions_but_moves_nobody_to_another_budget(real, folder):
    plan, ids = launched(real, folder)
    with real(START + DAY) as project:
        arrived(project, folder)
        policy = project.context.shelf.get(project.plan(plan).policy_version)
        told = [project.decide(one, {"country": "DE", "orders": 0}) for one in ids[::2]]
        left = left_now(project.context, project.plan(plan), policy).remaining[0]
    assert {one.excluded.get("mail") for one in told} == {"outside the action's target group"}
    assert left == 30 - sum(one.action_id != "none" for one in told)


def test_prices_follow_the_time_and_every_decision_names_the_version_it_was_decided_by(real, folder):
    toml = (
        folder / "alamo.toml"
    ).read_text() + "\n[realtime]\nreserve_share = 0.3\nslices = 4\nexpected_customers = 40\n"
    (folder / "alamo.toml").write_text(toml)
    plan, ids = launched(real, folder)
    with real(START + DAY) as project:
        arrived(project, folder)
        base = project.context.shelf.get(project.plan(plan).policy_version)
        kept = left_now(project.context, project.plan(plan), base)
        for one in ids[:10]:
            project.decide(one)
    with real(START + 15 * DAY) as project:
        for one in ids[10:20]:
            project.decide(one)
        again = project.decide(ids[0])
        told = project.explain(ids[12])
        rows = project.context.history.query(
            "SELECT * FROM decisions WHERE block >= $block ORDER BY customer_id", {"block": base.n_blocks}
        ).to_pylist()
        versions = {row["block"]: project.context.shelf.get(row["policy_version"]) for row in rows}
    assert dict(zip([row.limit for row in base.rows], kept.remaining, strict=True))["abroad"] == 30
    assert [row["block"] - base.n_blocks for row in rows] == [0] * 10 + [2] * 10
    assert len({row["policy_version"] for row in rows}) == 2
    assert all(policy.blocks[:-1] == base.blocks for policy in versions.values())
    early, late = (versions[base.n_blocks + place].state_of(base.n_blocks + place) for place in (0, 2))
    assert early.remaining == kept.remaining
    assert all(after <= before for before, after in zip(early.remaining, late.remaining, strict=True))
    assert [row["price"] for row in told.prices] == list(late.prices)
    assert told.policy is not None
    assert told.policy.version == rows[12]["policy_version"]
    assert (again.action_id, again.decision_id) == (rows[0]["action_id"], rows[0]["decision_id"])
    assert {option["action_id"]: option["p"] for option in again.options if option["p"] > 0} == dict(
        zip(rows[0]["eligible"], rows[0]["p"], strict=True)
    )


def test_repeating_and_interrupting_a_launch_erases_no_decision_over_the_counter(real, folder, monkeypatch):
    (folder / "limits.toml").write_text("")
    ids = newcomers(folder)
    with real(START) as project:
        plan = project.run().turns[0].plan.plan_id
        project.approve(plan, by="ann")
        with monkeypatch.context() as patched:
            patched.setattr(
                type(project.context.channels["email"]), "deliver", lambda *_: (_ for _ in ()).throw(OSError("gone"))
            )
            with pytest.raises(OSError, match="gone"):
                project.launch(plan, by="bob")
    with real(START + DAY) as project, real(START + DAY) as other:
        arrived(project, folder)
        launching = project.plan(plan)
        project.launch(plan, by="bob")
        first = project.decide(ids[0])
        # somebody who began to resume the launch at the same moment repeats all of its steps
        decisions = other.context.history.query("SELECT * FROM proposals WHERE plan_id = $plan", {"plan": plan})
        assert launching.state == "launching"
        assert not other.context.history.replace(
            "decisions", decisions, where={"plan_id": plan}, batch=f"launch-{plan}"
        )
        assert first.logged
        again = other.decide(ids[0])
        assert (again.decision_id, again.action_id) == (first.decision_id, first.action_id)
        assert value(other, "(SELECT count(*) FROM decisions)") == 401


def test_a_decision_lost_to_somebody_who_asked_at_the_same_moment_is_theirs(real, folder, monkeypatch):
    _, ids = launched(real, folder)
    with real(START + DAY) as project:
        arrived(project, folder)
        first = project.decide(ids[1])
        monkeypatch.setattr(decide, "_logged", _blind_once(decide._logged))
        second = project.decide(ids[1], {"orders": 0})
        assert (second.decision_id, second.action_id) == (first.decision_id, first.action_id)
        assert {row["action_id"]: row["p"] for row in second.options if row["p"]} == {
            row["action_id"]: row["p"] for row in first.options if row["p"]
        }
        assert value(project, "(SELECT count(*) FROM decisions)") == 401


def _blind_once(look_up):
    """Look decisions up, but in vain the first time: that is before the other's is written."""
    answers = [None]

    def look(*asked):
        return answers.pop() if answers else look_up(*asked)

    return look


def test_a_late_decision_of_a_cycle_that_is_scored_already_is_scored_too(real, folder):
    _, ids = launched(real, folder, window_days=7)
    scored = "(SELECT count(DISTINCT decision_id) FROM dr_scores)"
    with real(START + 8 * DAY) as project:
        assert scored_after(project, folder, "2026-01-13") == [1]
        early = value(project, scored)
    with real(START + 9 * DAY) as project:
        arrived(project, folder)
        late = project.decide(ids[1])
        assert late.logged
    with real(START + 17 * DAY) as project:
        assert scored_after(project, folder, "2026-01-22") == [1]
        assert value(project, scored) == early + 1
        found = "(SELECT count(*) FROM dr_scores WHERE decision_id = $id)"
        assert value(project, found, id=late.decision_id) == sum(option["p"] > 0 for option in late.options)
        assert scored_after(project, folder, "2026-01-21") == []


def scored_after(project: Project, folder: Path, day: str) -> list[int]:
    """Measure and infer with orders known up to `day`; return the cycles that were scored."""
    file = folder / f"until-{day}.csv"
    file.write_text(f"order_id,quantity,date,price,customer_id\nlast-{day},1,{day},9.00,k001\n")
    project.import_file("orders", [file])
    project.measure()
    return project.infer().detail["cycles_scored"]


def test_a_decision_over_the_counter_is_explained_and_leaves_the_replay_of_its_plan_identical(real, folder):
    plan_id, ids = launched(real, folder)
    with real(START + DAY) as project:
        arrived(project, folder)
        row = project.decide(ids[1])
        told = project.explain(row.decision_id).to_dict()
        assert {option["action_id"]: option["p"] for option in told["options"]} == {
            option["action_id"]: option["p"] for option in project.decide(ids[1]).options
        }
        assert len(told["options"]) == 3
        context, plan = project.context, project.plan(plan_id)
        policy = context.shelf.get(plan.policy_version)
        day = {"day": policy.scores_as_of[:10]}
        profiles = context.history.query("SELECT * FROM profiles WHERE as_of_day = $day", day)
        scores = context.history.query("SELECT * FROM scores WHERE as_of_day = $day", day)
        logged = context.history.query("SELECT * FROM decisions WHERE plan_id = $plan", {"plan": plan_id})
        candidates = gather(
            context.history, profiles, scores, terms_of(policy, Gatekeeper(context.actions, context.contact, START))
        )
        stamp = Stamp(plan_id, plan.policy_version, 1, START, plan.valid_until)
        assert logged.num_rows == 401
        again = replay(policy, candidates.cells, candidates.tables, logged, stamp)
        assert again.identical
        assert (again.decisions, again.at_counter) == (400, 1)


def test_consent_counts_as_it_is_on_record_at_the_moment_of_the_decision(real, folder):
    _, ids = launched(real, folder)
    with real(START + DAY) as project:
        arrived(project, folder)
    (folder / "left.csv").write_text(f"customer_id,channel,state,date\n{ids[1]},*,withdrawn,2026-01-06T09:00:00\n")
    with real(START + DAY) as project:
        project.import_file("consent", [folder / "left.csv"])
        decided = project.decide(ids[1])
        assert (decided.action_id, decided.logged) == ("none", True)
        assert set(decided.excluded.values()) == {"consent withdrawn for the channel"}
        with pytest.raises(UsageError) as caught:
            project.decide(ids[3], {"consent": ["*"]})
        assert caught.value.code == "decide.not_told"


def test_what_was_decided_is_not_given_again_once_permission_or_the_action_has_ended(real, folder):
    launched(real, folder)
    with real(START + DAY) as project:
        drawn = project.context.history.query("SELECT * FROM decisions WHERE action_id = 'mail' ORDER BY customer_id")
        leaver, stayer = drawn["customer_id"].to_pylist()[:2]
        before = project.context.history.query("SELECT * FROM decisions ORDER BY decision_id")
        assert [project.decide(one).action_id for one in (leaver, stayer)] == ["mail", "mail"]
    (folder / "left.csv").write_text(f"customer_id,channel,state,date\n{leaver},email,withdrawn,2026-01-06T09:00:00\n")
    with real(START + DAY) as project:
        project.import_file("consent", [folder / "left.csv"])
        gone = project.decide(leaver)
        assert (gone.action_id, gone.decision_id, gone.logged) == ("none", None, False)
        assert gone.excluded == {"mail": "consent withdrawn for the channel"}
        assert project.decide(stayer).action_id == "mail"
    mail = folder / "actions" / "mail.toml"
    mail.write_text(mail.read_text() + "valid_until = 2026-01-08\n")
    with real(START + 4 * DAY) as project:
        assert project.decide(stayer).excluded == {"mail": "action not valid at this time"}
        assert project.context.history.query("SELECT * FROM decisions ORDER BY decision_id").equals(before)


def contacted(project: Project, ids: list[str]) -> dict[str, str]:
    """Decide about all of them; return who got an action, and which."""
    answers = {one: project.decide(one).action_id for one in ids}
    return {one: action for one, action in answers.items() if action != "none"}


def test_an_action_given_over_the_counter_is_a_contact_with_a_cost_that_no_launch_sends(real, folder):
    plan, ids = launched(real, folder, window_days=7)
    with real(START + DAY) as project:
        arrived(project, folder)
        ledger = project.context.state.ledger
        before = ledger.counts()[plan]
        given = contacted(project, ids)
        assert contacted(project, ids) == given
        assert {"mail", "letter"} == set(given.values())
        assert ledger.counts()[plan] == {**before, "unknown": len(given)}
        assert {row.customer_id: row.action_id for row in ledger.batch(counter_batch(plan))} == given
        assert ledger.open_batches(plan) == []
        project.launch(plan, by="bob")
        assert not any(one in file.read_text() for one in ids for file in (folder / "audiences").rglob("*.csv"))
        assert not any("no known outcome" in finding.what for finding in project.doctor().findings)
    with real(START + 9 * DAY) as project:
        scored_after(project, folder, "2026-01-14")
        cost = project.context.history.query(
            "SELECT customer_id, action_id, cost_money FROM observations WHERE customer_id IN $ids", {"ids": ids}
        ).to_pylist()
    assert len(cost) == NEWCOMERS
    assert {row["cost_money"] for row in cost if row["action_id"] == "mail"} == {0.1}
    assert {row["cost_money"] for row in cost if row["action_id"] == "letter"} == {0.8}
    assert {row["cost_money"] for row in cost if row["action_id"] == "none"} == {0.0}


def test_what_was_given_over_the_counter_uses_caps_and_limits_of_the_next_cycle_once(real, folder):
    _, ids = launched(real, folder)
    (folder / "limits.toml").write_text("[contact]\ncaps = [{ maximum = 1, days = 60 }]\n")
    month = Limit("month", use="cost", maximum=1000.0, period="month")
    with real(START + DAY) as project:
        arrived(project, folder)
        before = left(project, month)
        given = contacted(project, ids)
        used = sum({"mail": 0.1, "letter": 0.8}[action] for action in given.values())
        project.measure()
        assert used > 0
        assert left(project, month) == pytest.approx(before - used)
    with real(START + 28 * DAY) as project:
        project.run()
        sent = "(SELECT count(*) FROM events WHERE kind = 'sent' AND customer_id IN $ids)"
        assert value(project, sent, ids=ids) == len(given)
        again = "SELECT customer_id FROM proposals WHERE cycle = 2 AND action_id <> 'none' AND customer_id IN $ids"
        drawn = set(project.context.history.query(again, {"ids": ids})["customer_id"].to_pylist())
    assert drawn
    assert not drawn & set(given)


def left(project: Project, limit: Limit) -> float | None:
    """Return what is left of the maximum of a limit."""
    context = project.context
    profiles = context.history.query("SELECT * FROM profiles LIMIT 0")
    now = context.clock.now()
    return left_of_periods(context.history, profiles, [limit], context.actions, now, 100)[0].maximum


def test_an_unknown_customer_is_told_from_one_for_whom_nothing_is_open(real, folder):
    _, ids = launched(real, folder)
    with real(START + DAY) as project:
        decided = project.decide(ids[0])  # imported by nobody yet
        assert (decided.action_id, decided.logged) == ("none", False)
        assert decided.reason == "the customer is unknown: there is no profile"
        assert project.decide("k000").reason != decided.reason


def test_what_was_written_row_by_row_is_merged_once_a_cycle(real, folder):
    plan, ids = launched(real, folder)
    with real(START + DAY) as project:
        arrived(project, folder)
        for one in ids:
            project.decide(one)
        rows = project.context.history.query("SELECT * FROM decisions ORDER BY decision_id")
    partition = folder / ".alamo" / "history" / "decisions" / f"plan_id={plan}"
    assert len(list(partition.glob("*.parquet"))) == NEWCOMERS + 1
    with real(START + 28 * DAY) as project:
        project.measure()
        steps = {step.key: step.detail for step in project.context.state.steps.all()}
        assert steps["cycle-2/compact"]["files_merged"] == NEWCOMERS + 1
        assert project.context.history.query("SELECT * FROM decisions ORDER BY decision_id").equals(rows)
        assert project.measure().changed is False


def test_looking_at_a_project_does_not_fix_its_calendar(folder):
    toml = (folder / "alamo.toml").read_text().split("[simulation]")[0]
    (folder / "alamo.toml").write_text(toml.replace("first_start = 2026-01-05\n", ""))
    with Project.open(folder) as project:
        project.import_file("orders", ["orders.csv"])
        first = project.context.calendar().first_start
        project.status()
        project.doctor()
        assert not project.context.state.steps.all()
        (folder / "more.csv").write_text("order_id,quantity,date,price,customer_id\nlast,1,2026-02-20,9.00,k001\n")
        project.import_file("orders", ["more.csv"])
        later = project.context.calendar().first_start
        assert later > first
        project.measure()
        (folder / "more.csv").write_text("order_id,quantity,date,price,customer_id\nlast,1,2026-02-25,9.00,k001\n")
        project.import_file("orders", ["more.csv"])
        assert project.context.calendar().first_start == later
        assert replace(project.context).fixed_calendar().first_start == later
