"""Ports: what the engine asks of the outside world and of the store, as protocols.

Adapters live in `alamo.store`, `alamo.connectors` and `alamo.simulation`; `alamo.testing` holds the suites they pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.domain.policy import PolicySnapshot
from alamo.domain.records import DeliveryBatch, ImportRecord, LedgerRow, PlanAct, PlanRecord, StepRecord

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


class Clock(Protocol):
    """Tells the time; simulated worlds and replays bring their own."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        ...


class Warehouse(Protocol):
    """Read access to the historical half by SQL in DuckDB's dialect."""

    def query(
        self, sql: str, parameters: Mapping[str, Any] | None = None, relations: Mapping[str, pa.Table] | None = None
    ) -> pa.Table:
        """Run one SELECT and return its rows.

        Every table of `alamo.domain.tables.CONTRACTS` can be named, written yet or not (then it is empty).
        `parameters` are bound to ``$name``; `relations` are further tables to be named in `sql`.
        """
        ...


class History(Warehouse, Protocol):
    """The historical half: tables under contract, written in whole batches.

    A write is atomic and idempotent by its `batch` key: a key already written for the table changes nothing.
    """

    def append(self, table: str, data: pa.Table | pa.RecordBatchReader, *, batch: str) -> bool:
        """Add rows; return False if `batch` had been written before."""
        ...

    def replace(
        self, table: str, data: pa.Table | pa.RecordBatchReader, *, where: Mapping[str, str | int], batch: str
    ) -> bool:
        """Replace the rows of the partition `where` (partition column → value) by `data` in one commit."""
        ...

    def snapshot_version(self, table: str) -> int:
        """Return a number that grows with every write to `table`; 0 before the first."""
        ...

    def compact(self, table: str, *, above: int = 1) -> int:
        """Merge the files of every partition of `table` that has more than `above`; return how many were merged.

        Neither rows nor `snapshot_version` change, and who is reading meanwhile is not disturbed. A store without
        files does nothing.
        """
        ...


class RowSource(Protocol):
    """Files of rows that can be told apart, and counted by SQL as the relation ``rows``, each alone or together."""

    def stamps(self) -> Mapping[str, str]:
        """Return file → what tells cheaply that its content is still the same."""
        ...

    def digest(self, name: str) -> str:
        """Return a hash of the content of a file."""
        ...

    def rows(self, names: Sequence[str]) -> AbstractContextManager[Warehouse]:
        """Open the rows of these files, at least one, as one relation."""
        ...


class SumsBook(Protocol):
    """Keeps one table of sums between runs."""

    def read(self) -> pa.Table | None:
        """Return the table as it was last written, metadata included; None before."""
        ...

    def write(self, table: pa.Table) -> None:
        """Replace the table durably, in one step."""
        ...


class StepLog(Protocol):
    """Run log: what finished, by key, so that a killed run goes on where it stopped."""

    def find(self, key: str) -> StepRecord | None:
        """Return the finished step `key`, or None."""
        ...

    def finish(self, record: StepRecord) -> None:
        """Record that a step finished; the same key again overwrites."""
        ...

    def all(self) -> Sequence[StepRecord]:
        """Return all finished steps, oldest first."""
        ...


class ImportLog(Protocol):
    """Which content has been imported under which logical source."""

    def latest(self, source: str) -> ImportRecord | None:
        """Return the last finished import of `source`, or None."""
        ...

    def record(self, record: ImportRecord) -> None:
        """Record a finished import."""
        ...

    def all(self) -> Sequence[ImportRecord]:
        """Return all finished imports, oldest first."""
        ...


class PlanBook(Protocol):
    """Plans and their way through the human gate."""

    def save(self, plan: PlanRecord) -> None:
        """Insert a plan; the same id again is refused unless it is still ``proposed``."""
        ...

    def get(self, plan_id: str) -> PlanRecord | None:
        """Return one plan, or None."""
        ...

    def all(self) -> Sequence[PlanRecord]:
        """Return all plans, oldest first."""
        ...

    def move(self, act: PlanAct, *, from_states: Sequence[str]) -> PlanRecord:
        """Bring a plan into the state that `act` names and write the act to the log, in one transaction.

        Raises
        ------
        StateError
            If the plan is in none of `from_states`.
        """
        ...

    def log(self, plan_id: str | None = None) -> Sequence[PlanAct]:
        """Return what was done to a plan, or to all, oldest first."""
        ...


class DeliveryLedger(Protocol):
    """One row per decision: reserved before the channel is called, settled after; a second send is impossible."""

    def reserve(self, rows: Sequence[LedgerRow]) -> int:
        """Insert rows in one transaction; rows whose decision is known are left alone.

        They are ``reserved``, or never sent from here: ``dropped``, ``cancelled``, or ``unknown`` (somebody else
        carries it out).
        """
        ...

    def open_batches(self, plan_id: str) -> Sequence[str]:
        """Return the batch ids of the plan that still hold reserved rows, in order."""
        ...

    def batch(self, batch_id: str) -> Sequence[LedgerRow]:
        """Return the rows of a batch, ordered by decision id."""
        ...

    def settle(self, batch_id: str, receipts: Mapping[str, tuple[str, str | None]], *, at: datetime) -> None:
        """Set state and provider id of the decisions of a batch in one transaction."""
        ...

    def find(self, decision_id: str) -> LedgerRow | None:
        """Return the row of a decision, or None."""
        ...

    def rows(self, plan_id: str) -> Sequence[LedgerRow]:
        """Return every row of a plan, ordered by decision id."""
        ...

    def counts(self) -> Mapping[str, Mapping[str, int]]:
        """Return plan id → state → number of rows."""
        ...


class StateStore(Protocol):
    """The operational half."""

    @property
    def steps(self) -> StepLog:
        """The run log."""
        ...

    @property
    def imports(self) -> ImportLog:
        """The import log."""
        ...

    @property
    def plans(self) -> PlanBook:
        """The plans."""
        ...

    @property
    def ledger(self) -> DeliveryLedger:
        """The delivery ledger."""
        ...

    def lock(self, name: str, *, wait_seconds: float = 0.0) -> AbstractContextManager[None]:
        """Hold the lock `name` of this store for a block; a holder that dies lets go of it.

        Raises
        ------
        StateError
            If somebody else still holds it after `wait_seconds`; transient.
        """
        ...

    def close(self) -> None:
        """Release connections."""
        ...


class PolicyShelf(Protocol):
    """Keeps immutable policy snapshots by content hash."""

    def put(self, policy: PolicySnapshot) -> str:
        """Store a snapshot durably and return its version (content hash)."""
        ...

    def get(self, version: str) -> PolicySnapshot:
        """Return a snapshot.

        Raises
        ------
        StoreError
            If it is missing or its content does not match its hash.
        """
        ...


@dataclass(frozen=True, slots=True)
class SourceBatch:
    """What an event source hands over at once: rows of one table of the historical half under one logical source."""

    table: str
    source: str
    content_hash: str
    data: pa.Table


class EventSource(Protocol):
    """A place events come from between two moments; asking again for the same span gives the same batches."""

    def pull(self, since: datetime | None, until: datetime) -> Iterable[SourceBatch]:
        """Yield everything that occurred in ``[since, until)``; `since` None means from the beginning.

        What it yields counts as complete until `until`: outcome windows that end by then are measured.
        """
        ...


class Channel(Protocol):
    """Carries messages out. Idempotent by batch id: the same batch again gives the same receipts and sends nothing."""

    @property
    def name(self) -> str:
        """The channel's name, as in ``actions/*.toml``."""
        ...

    def delivered(self, batch: DeliveryBatch) -> bool:
        """Say whether a batch of this id has been delivered whole."""
        ...

    def deliver(self, batch: DeliveryBatch) -> Mapping[str, tuple[str, str | None]]:
        """Deliver and return decision id → (state, provider id), state one of ``sent failed unknown``."""
        ...


class FittedOutcome(Protocol):
    """A fitted outcome model."""

    def predict(self, features: Floats) -> Floats:
        """Return E[outcome | features], shape (n,)."""
        ...


class OutcomeLearner(Protocol):
    """Fits the nuisance outcome model of doubly robust scores; handed to inference by the engine."""

    def fit(self, features: Floats, outcome: Floats, weight: Floats | None = None) -> FittedOutcome:
        """Fit on features (n, d), outcome (n,), optional weight (n,)."""
        ...

    def fit_parts(self, features: Floats, parts: Iterable[tuple[Integers, Floats]]) -> Iterator[FittedOutcome]:
        """Fit one model per part, in turn: ascending rows of `features` (n, d), and the outcome of each of them."""
        ...


class ContinuationValue(Protocol):
    """Values the state a customer is in at the end of a window; frozen before the cycle it is used for."""

    @property
    def version(self) -> str:
        """Content hash of the fitted model."""
        ...

    @property
    def horizon_days(self) -> int:
        """Future that counts."""
        ...

    @property
    def discount_rate_per_year(self) -> float:
        """Continuous rate it is discounted at."""
        ...

    def residual_value_money(self, x: Floats, t_x_days: Floats, t_days: Floats, repeat_money: Floats) -> Floats:
        """Return the discounted residual margin of each customer, shape (n,), in major units."""
        ...

    def over(self, horizon_days: int) -> ContinuationValue:
        """Return the same model looking `horizon_days` ahead, at least 0."""
        ...
