"""The operational half in memory: for tests and for the simulator."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from operator import attrgetter

from alamo.domain.records import ImportRecord, LedgerRow, PlanAct, PlanRecord, StepRecord
from alamo.store.locks import thread_lock
from alamo.store.rules import Receipts, check_receipts, check_reserved, check_saved, moved, plain_json, unknown_plan


class MemoryState:
    """Implements `alamo.domain.ports.StateStore` with dictionaries."""

    def __init__(self) -> None:
        self.steps = MemoryStepLog()
        self.imports = MemoryImportLog()
        self.plans = MemoryPlanBook()
        self.ledger = MemoryDeliveryLedger()
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def lock(self, name: str, *, wait_seconds: float = 0.0) -> AbstractContextManager[None]:
        """Hold the lock `name` for a block.

        Raises
        ------
        StateError
            If somebody else still holds it after `wait_seconds`.
        """
        return thread_lock(self._locks[name], name, wait_seconds)

    def close(self) -> None:
        """Forget nothing: there is nothing to release."""


class MemoryStepLog:
    """Implements `alamo.domain.ports.StepLog`."""

    def __init__(self) -> None:
        self._records: dict[str, StepRecord] = {}

    def find(self, key: str) -> StepRecord | None:
        """Return the finished step `key`, or None."""
        return self._records.get(key)

    def finish(self, record: StepRecord) -> None:
        """Record that a step finished; the same key again overwrites."""
        self._records[record.key] = replace(record, detail=plain_json(record.detail))

    def all(self) -> Sequence[StepRecord]:
        """Return all finished steps, oldest first."""
        return sorted(self._records.values(), key=lambda record: (record.finished_at, record.key))


class MemoryImportLog:
    """Implements `alamo.domain.ports.ImportLog`."""

    def __init__(self) -> None:
        self._records: list[ImportRecord] = []

    def latest(self, source: str) -> ImportRecord | None:
        """Return the last finished import of `source`, or None."""
        return next((record for record in reversed(self._records) if record.source == source), None)

    def record(self, record: ImportRecord) -> None:
        """Record a finished import."""
        self._records.append(replace(record, detail=plain_json(record.detail)))

    def all(self) -> Sequence[ImportRecord]:
        """Return all finished imports, oldest first."""
        return list(self._records)


class MemoryPlanBook:
    """Implements `alamo.domain.ports.PlanBook`."""

    def __init__(self) -> None:
        self._plans: dict[str, PlanRecord] = {}
        self._log: list[PlanAct] = []

    def save(self, plan: PlanRecord) -> None:
        """Insert a plan; the same id again is refused unless it is still ``proposed``.

        Raises
        ------
        StateError
            If the plan has left the state ``proposed``.
        """
        known = self._plans.get(plan.plan_id)
        check_saved(plan.plan_id, None if known is None else known.state)
        self._plans[plan.plan_id] = replace(plan, summary=plain_json(plan.summary))

    def get(self, plan_id: str) -> PlanRecord | None:
        """Return one plan, or None."""
        return self._plans.get(plan_id)

    def all(self) -> Sequence[PlanRecord]:
        """Return all plans, oldest first."""
        return sorted(self._plans.values(), key=attrgetter("created_at", "plan_id"))

    def move(self, act: PlanAct, *, from_states: Sequence[str]) -> PlanRecord:
        """Change the state and log the act.

        Raises
        ------
        StateError
            If there is no such plan, or it is in none of `from_states`.
        """
        if act.plan_id not in self._plans:
            raise unknown_plan(act.plan_id)
        after = moved(self._plans[act.plan_id], act, from_states, self.log(act.plan_id))
        self._plans[act.plan_id] = after
        self._log.append(replace(act, detail=plain_json(act.detail)))
        return after

    def log(self, plan_id: str | None = None) -> Sequence[PlanAct]:
        """Return what was done to a plan, or to all, oldest first."""
        return [act for act in self._log if plan_id in (None, act.plan_id)]


class MemoryDeliveryLedger:
    """Implements `alamo.domain.ports.DeliveryLedger`."""

    def __init__(self) -> None:
        self._plans: dict[str, dict[str, LedgerRow]] = {}
        self._batches: dict[str, dict[str, LedgerRow]] = {}
        self._known: dict[str, LedgerRow] = {}

    def reserve(self, rows: Sequence[LedgerRow]) -> int:
        """Insert rows, known decisions excepted, and return how many are new.

        Raises
        ------
        StateError
            If a row is not ``reserved``, ``dropped`` (a permission has gone) or ``unknown`` (not sent from here).
        """
        check_reserved(rows)
        before = len(self._known)
        for row in rows:
            if row.decision_id not in self._known:
                self._put(row)
        return len(self._known) - before

    def open_batches(self, plan_id: str) -> Sequence[str]:
        """Return the batch ids of the plan that still hold reserved rows, in order."""
        return sorted({row.batch_id for row in self._plans.get(plan_id, {}).values() if row.state == "reserved"})

    def batch(self, batch_id: str) -> Sequence[LedgerRow]:
        """Return the rows of a batch, ordered by decision id."""
        return sorted(self._batches.get(batch_id, {}).values(), key=attrgetter("decision_id"))

    def settle(self, batch_id: str, receipts: Receipts, *, at: datetime) -> None:
        """Set state and provider id of the decisions of a batch.

        Raises
        ------
        StateError
            If a receipt is in no settled state or of a decision outside the batch; nothing is settled then.
        """
        rows = self._batches.get(batch_id, {})
        check_receipts(batch_id, receipts, rows)
        for decision_id, (state, provider_id) in receipts.items():
            row = rows[decision_id]
            attempted_at = row.attempted_at or at
            self._put(replace(row, state=state, provider_id=provider_id, attempted_at=attempted_at, settled_at=at))

    def find(self, decision_id: str) -> LedgerRow | None:
        """Return the row of a decision, or None."""
        return self._known.get(decision_id)

    def rows(self, plan_id: str) -> Sequence[LedgerRow]:
        """Return every row of a plan, ordered by decision id."""
        return sorted(self._plans.get(plan_id, {}).values(), key=attrgetter("decision_id"))

    def counts(self) -> Mapping[str, Mapping[str, int]]:
        """Return plan id → state → number of rows."""
        return {
            plan_id: dict(Counter(row.state for row in rows.values())) for plan_id, rows in self._plans.items() if rows
        }

    def _put(self, row: LedgerRow) -> None:
        self._known[row.decision_id] = row
        self._plans.setdefault(row.plan_id, {})[row.decision_id] = row
        self._batches.setdefault(row.batch_id, {})[row.decision_id] = row
