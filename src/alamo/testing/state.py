"""What every operational half must do."""

# ruff: noqa: D102, S101 # conformance tests assert, and their names are sentences

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from alamo.domain.errors import StateError
from alamo.domain.ports import StateStore
from alamo.domain.records import DELIVERY_STATES, PLAN_STATES, ImportRecord, LedgerRow, PlanAct, PlanRecord, StepRecord

NOW = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)
LATER = NOW + timedelta(hours=2)


def step(key: str, finished_at: datetime = NOW) -> StepRecord:
    """Return a finished step."""
    return StepRecord(key, NOW, finished_at, {"rows": 3, "names": ["a", "b"], "share": 0.1, "nothing": None})


def plan(plan_id: str, cycle: int = 1) -> PlanRecord:
    """Return a proposed plan."""
    return PlanRecord(plan_id, cycle, "proposed", "f" * 64, NOW + timedelta(days=cycle), LATER, {"money": 1250.5})


def ledger_row(i: int, plan_id: str = "plan-1", batch_id: str = "batch-1") -> LedgerRow:
    """Return row `i` of a plan, reserved."""
    return LedgerRow(f"{plan_id}-decision-{i:06}", plan_id, batch_id, f"customer-{i}", "mail", "email", 40)


class StateSuite:
    """Conformance of `alamo.domain.ports.StateStore`; a child gives the fixture `state`: an empty store."""

    def test_a_finished_step_is_found_and_the_same_key_overwrites(self, state: StateStore) -> None:
        assert state.steps.find("cycle-1/infer") is None
        state.steps.finish(step("cycle-1/infer"))
        assert state.steps.find("cycle-1/infer") == step("cycle-1/infer")
        newer = replace(step("cycle-1/infer", LATER), detail={"rows": 4})
        state.steps.finish(newer)
        assert state.steps.find("cycle-1/infer") == newer
        assert state.steps.all() == [newer]

    def test_steps_are_listed_oldest_first(self, state: StateStore) -> None:
        for key, finished_at in (("c", LATER), ("a", NOW), ("b", NOW)):
            state.steps.finish(step(key, finished_at))
        assert [record.key for record in state.steps.all()] == ["a", "b", "c"]

    def test_details_come_back_as_plain_json(self, state: StateStore) -> None:
        detail = {"tuple": (1, 2), "moment": NOW, "nan": float("nan"), "text": "ü'\"\n"}
        state.steps.finish(replace(step("a"), detail=detail))
        found = state.steps.find("a")
        assert found is not None
        assert found.detail == {"tuple": [1, 2], "moment": NOW.isoformat(), "nan": None, "text": "ü'\"\n"}

    def test_the_latest_import_of_a_source_is_the_last_recorded(self, state: StateStore) -> None:
        records = [ImportRecord(source, "orders", hash_, NOW, 10, 1, {"file": "x"}) for source, hash_ in
                   (("a", "1"), ("b", "2"), ("a", "3"))]  # fmt: skip
        for record in records:
            state.imports.record(record)
        assert state.imports.latest("a") == records[2]
        assert state.imports.latest("b") == records[1]
        assert state.imports.latest("c") is None
        assert state.imports.all() == records

    def test_a_proposed_plan_can_be_saved_again(self, state: StateStore) -> None:
        state.plans.save(plan("p"))
        better = replace(plan("p"), summary={"money": 2.0})
        state.plans.save(better)
        assert state.plans.get("p") == better
        assert state.plans.get("q") is None

    def test_plans_are_listed_oldest_first(self, state: StateStore) -> None:
        for name, cycle in (("z", 1), ("a", 3), ("m", 2)):
            state.plans.save(plan(name, cycle))
        assert [record.plan_id for record in state.plans.all()] == ["z", "m", "a"]

    def test_a_plan_goes_through_the_gate_and_names_who_moved_it(self, state: StateStore) -> None:
        state.plans.save(plan("p"))
        approved = state.plans.move(PlanAct("p", "approved", "ann", NOW), from_states=["proposed"])
        assert (approved.state, approved.approved_by, approved.approved_at) == ("approved", "ann", NOW)
        launching = state.plans.move(PlanAct("p", "launching", "bob", LATER), from_states=["approved"])
        assert (launching.state, launching.launched_by, launching.launched_at) == ("launching", "bob", LATER)
        resumed = state.plans.move(PlanAct("p", "launched", "eve", LATER), from_states=["launching"])
        assert (resumed.state, resumed.approved_by, resumed.launched_by) == ("launched", "ann", "bob")
        assert state.plans.get("p") == resumed

    def test_what_is_done_to_a_plan_is_logged_with_who_when_and_why(self, state: StateStore) -> None:
        for name in "pq":
            state.plans.save(plan(name))
        acts = [
            PlanAct("p", "approved", "ann", NOW, "checked by hand", {"stale": ["limits"]}),
            PlanAct("q", "cancelled", "bob", NOW),
            PlanAct("p", "approved", "bob", LATER),
        ]
        for act in acts:
            state.plans.move(act, from_states=["proposed", "approved"])
        assert state.plans.get("p").approved_by == "ann"  # type: ignore[union-attr]
        with pytest.raises(StateError):
            state.plans.move(PlanAct("q", "approved", "eve", LATER), from_states=["proposed"])
        assert list(state.plans.log()) == acts
        assert list(state.plans.log("p")) == [acts[0], acts[2]]
        assert list(state.plans.log("r")) == []

    def test_nobody_approves_a_plan_twice_however_the_name_is_written(self, state: StateStore) -> None:
        for name in "pq":
            state.plans.save(plan(name))
        both = ["proposed", "approved"]
        state.plans.move(PlanAct("p", "approved", "Ann Lee", NOW), from_states=both)
        with pytest.raises(StateError, match="Ann Lee has approved"):
            state.plans.move(PlanAct("p", "approved", " ann  LEE", LATER), from_states=both)
        state.plans.move(PlanAct("p", "approved", "bob", LATER), from_states=both)
        state.plans.move(PlanAct("q", "approved", "Ann Lee", LATER), from_states=both)
        assert [(act.plan_id, act.by) for act in state.plans.log()] == [
            ("p", "Ann Lee"),
            ("p", "bob"),
            ("q", "Ann Lee"),
        ]

    def test_a_plan_is_moved_only_from_the_states_named(self, state: StateStore) -> None:
        state.plans.save(plan("p"))
        with pytest.raises(StateError, match="proposed"):
            state.plans.move(PlanAct("p", "launching", "bob", NOW), from_states=["approved", "launching"])
        assert state.plans.get("p") == plan("p")
        state.plans.move(PlanAct("p", "approved", "ann", NOW), from_states=["proposed"])
        with pytest.raises(StateError):
            state.plans.move(PlanAct("p", "approved", "eve", LATER), from_states=["proposed"])
        assert state.plans.get("p").approved_by == "ann"  # type: ignore[union-attr]

    def test_a_plan_that_left_the_gate_cannot_be_saved_over(self, state: StateStore) -> None:
        state.plans.save(plan("p"))
        moved = state.plans.move(PlanAct("p", "cancelled", "ann", NOW), from_states=["proposed"])
        with pytest.raises(StateError, match="cancelled"):
            state.plans.save(plan("p"))
        assert state.plans.get("p") == moved

    def test_an_unknown_plan_or_state_is_refused(self, state: StateStore) -> None:
        with pytest.raises(StateError, match="no plan"):
            state.plans.move(PlanAct("p", "approved", "ann", NOW), from_states=["proposed"])
        state.plans.save(plan("p"))
        with pytest.raises(StateError, match="not a state"):
            state.plans.move(PlanAct("p", "done", "ann", NOW), from_states=["proposed"])

    def test_every_state_of_a_plan_and_of_a_delivery_can_be_kept(self, state: StateStore) -> None:
        state.plans.save(plan("p"))
        for name in PLAN_STATES:
            act = PlanAct("p", name, f"by {name}", NOW)
            assert state.plans.move(act, from_states=PLAN_STATES).state == name
        for i, name in enumerate(DELIVERY_STATES):
            state.ledger.reserve([ledger_row(i)])
            if name != "reserved":
                state.ledger.settle("batch-1", {ledger_row(i).decision_id: (name, None)}, at=NOW)
        assert state.ledger.counts() == {"plan-1": dict.fromkeys(DELIVERY_STATES, 1)}

    def test_a_lock_is_held_by_one_and_free_after_the_block(self, state: StateStore) -> None:
        with state.lock("launch"):
            with pytest.raises(StateError) as caught, state.lock("launch"):
                pass
            assert caught.value.code == "store.locked"
            with pytest.raises(StateError), state.lock("launch", wait_seconds=0.1):
                pass
            with state.lock("other"):
                pass
        with state.lock("launch"):
            pass

    def test_reserving_twice_inserts_once(self, state: StateStore) -> None:
        assert state.ledger.reserve([ledger_row(i) for i in range(5)]) == 5
        assert state.ledger.reserve([ledger_row(i) for i in range(8)]) == 3
        assert state.ledger.reserve([]) == 0
        assert len(state.ledger.rows("plan-1")) == 8

    def test_a_reserved_row_is_the_first_one_of_its_decision(self, state: StateStore) -> None:
        state.ledger.reserve([ledger_row(1)])
        assert state.ledger.reserve([replace(ledger_row(1), batch_id="other", state="dropped")]) == 0
        assert state.ledger.rows("plan-1") == [ledger_row(1)]
        assert state.ledger.batch("other") == []
        assert (state.ledger.find(ledger_row(1).decision_id), state.ledger.find("no such")) == (ledger_row(1), None)

    def test_a_row_enters_as_reserved_or_as_what_is_never_sent(self, state: StateStore) -> None:
        names = ("dropped", "unknown", "cancelled")
        never = [replace(ledger_row(i), state=name, attempted_at=NOW) for i, name in enumerate(names)]
        assert state.ledger.reserve(never) == 3
        assert state.ledger.open_batches("plan-1") == []
        with pytest.raises(StateError, match="cannot enter"):
            state.ledger.reserve([ledger_row(3), replace(ledger_row(4), state="sent")])
        assert state.ledger.rows("plan-1") == never

    def test_a_settled_decision_cannot_be_reserved_again(self, state: StateStore) -> None:
        state.ledger.reserve([ledger_row(1)])
        state.ledger.settle("batch-1", {ledger_row(1).decision_id: ("sent", "id-1")}, at=NOW)
        assert state.ledger.reserve([ledger_row(1)]) == 0
        assert [row.state for row in state.ledger.batch("batch-1")] == ["sent"]

    def test_rows_are_ordered_by_decision(self, state: StateStore) -> None:
        state.ledger.reserve([ledger_row(i) for i in (3, 1, 2)])
        assert [row.customer_id for row in state.ledger.batch("batch-1")] == ["customer-1", "customer-2", "customer-3"]
        assert state.ledger.rows("plan-1") == state.ledger.batch("batch-1")

    def test_settling_sets_state_provider_and_moments(self, state: StateStore) -> None:
        state.ledger.reserve([ledger_row(1), ledger_row(2)])
        state.ledger.settle("batch-1", {ledger_row(1).decision_id: ("unknown", None)}, at=NOW)
        state.ledger.settle("batch-1", {ledger_row(1).decision_id: ("sent", "id-1")}, at=LATER)
        settled = replace(ledger_row(1), state="sent", provider_id="id-1", attempted_at=NOW, settled_at=LATER)
        assert state.ledger.batch("batch-1") == [settled, ledger_row(2)]
        assert state.ledger.find(ledger_row(1).decision_id) == settled

    def test_a_batch_is_open_while_it_holds_a_reserved_row(self, state: StateStore) -> None:
        rows = [ledger_row(i, batch_id=f"batch-{i % 3}") for i in range(6)]
        state.ledger.reserve(rows)
        state.ledger.reserve([ledger_row(1, "plan-2", "another")])
        assert state.ledger.open_batches("plan-1") == ["batch-0", "batch-1", "batch-2"]
        receipts = {row.decision_id: ("failed", None) for row in state.ledger.batch("batch-1")}
        state.ledger.settle("batch-1", receipts, at=NOW)
        assert state.ledger.open_batches("plan-1") == ["batch-0", "batch-2"]
        assert state.ledger.open_batches("plan-2") == ["another"]
        assert state.ledger.open_batches("plan-3") == []

    def test_a_receipt_that_cannot_be_settles_nothing(self, state: StateStore) -> None:
        state.ledger.reserve([ledger_row(1), ledger_row(2), ledger_row(3, batch_id="other")])
        good: dict[str, tuple[str, str | None]] = {ledger_row(1).decision_id: ("sent", "id-1")}
        for decision_id, given in ((ledger_row(2).decision_id, "reserved"), (ledger_row(3).decision_id, "sent")):
            with pytest.raises(StateError, match="receipt"):
                state.ledger.settle("batch-1", good | {decision_id: (given, None)}, at=NOW)
        assert {row.state for row in state.ledger.rows("plan-1")} == {"reserved"}

    def test_counts_are_by_plan_and_state(self, state: StateStore) -> None:
        assert dict(state.ledger.counts()) == {}
        state.ledger.reserve([ledger_row(i) for i in range(4)] + [ledger_row(1, "plan-2", "another")])
        state.ledger.settle("batch-1", {ledger_row(0).decision_id: ("sent", "x")}, at=NOW)
        assert state.ledger.counts() == {"plan-1": {"reserved": 3, "sent": 1}, "plan-2": {"reserved": 1}}
