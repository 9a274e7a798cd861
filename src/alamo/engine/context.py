"""What the engine is given: settings, the two halves of the store, the outside world, and the models it may use."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import perf_counter as _stopwatch  # a duration for people, no decision depends on it
from typing import Any, Protocol

import pyarrow as pa

from alamo.domain.action import Action, ContactPolicy, Limit
from alamo.domain.errors import InsufficientDataError
from alamo.domain.ports import Channel, Clock, EventSource, History, OutcomeLearner, PolicyShelf, StateStore
from alamo.domain.records import StepRecord
from alamo.domain.result import json_value
from alamo.domain.settings import Settings
from alamo.domain.time import Calendar, utc
from alamo.engine.carrier import Carrier
from alamo.numerics.hashing import content_hash


class Scorer(Protocol):
    """Turns what is known before a cycle into scores; the uplift model of `alamo.prediction`, or a rival's rule."""

    def __call__(self, context: Context, cycle: int, as_of: datetime) -> ScoredCycle:
        """Return the scores of every customer and action for `cycle`."""
        ...


@dataclass(frozen=True, slots=True)
class ScoredCycle:
    """Scores (SCORES contract) and, for people, how they came about."""

    scores: pa.Table
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Context:
    """Everything one turn of the loop works with.

    Attributes
    ----------
    settings, actions, limits, contact
        The project as code.
    history, state, shelf
        The marketing database: historical half, operational half, policy snapshots.
    clock, sources, channels
        The outside world; a simulated one is handed in the same way.
    learner
        Outcome model of the doubly robust scores.
    scorer
        Replaces the uplift model (rivals in the simulator); `None` means the uplift model.
    carrier
        Carries scores and the rule outside this process; `None` means here.
    """

    settings: Settings
    actions: tuple[Action, ...]
    limits: tuple[Limit, ...]
    contact: ContactPolicy
    history: History
    state: StateStore
    shelf: PolicyShelf
    clock: Clock
    sources: Sequence[EventSource]
    channels: Mapping[str, Channel]
    learner: OutcomeLearner
    scorer: Scorer | None = None
    carrier: Carrier | None = None

    def today(self) -> datetime:
        """Return the last midnight (UTC): steps see whole days only, so a repeated step sees the same."""
        now = utc(self.clock.now())
        return now.replace(hour=0, minute=0, second=0, microsecond=0)

    def calendar(self) -> Calendar:
        """Return the project's cycles; without a configured start, cycle 1 starts the day after the last event.

        Reads only: until a turn or a step has fixed the start (`fixed_calendar`), it moves with the last event.

        Raises
        ------
        InsufficientDataError
            If neither a start is configured nor any event stored.
        """
        return Calendar(self._first_start(), self.settings.cycle_days)

    def fixed_calendar(self) -> Calendar:
        """Return the project's cycles, whose start stays as it is from now on; what turns the loop calls this.

        Raises
        ------
        InsufficientDataError
            If neither a start is configured nor any event stored.
        """
        start = self._first_start()
        if self.settings.first_start is None and self.state.steps.find(_CALENDAR) is None:
            now = self.clock.now()
            self.state.steps.finish(StepRecord(_CALENDAR, now, now, {"first_start": start.isoformat()}))
        return Calendar(start, self.settings.cycle_days)

    def _first_start(self) -> datetime:
        if self.settings.first_start is not None:
            return utc(self.settings.first_start)
        fixed = self.state.steps.find(_CALENDAR)
        if fixed is not None:
            return datetime.fromisoformat(fixed.detail["first_start"])
        last = self.history.query("SELECT max(occurred_at) AS last FROM events")["last"][0].as_py()
        if last is None:
            raise InsufficientDataError(
                "no events are stored, so no cycle can start",
                hint="Import some first: alamo import orders FILE",
                code="loop.no_events",
            )
        return utc(last).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


_CALENDAR = "calendar"


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """What a step did: `changed` False means its inputs were those of its last run, so nothing was done."""

    step: str
    cycle: int
    changed: bool
    seconds: float
    detail: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return the outcome as it stands in ``--json``."""
        return {
            "step": self.step,
            "cycle": self.cycle,
            "changed": self.changed,
            "seconds": round(self.seconds, 3),
            **json_value(self.detail),
        }


def once(
    context: Context, step: str, cycle: int, inputs: Mapping[str, Any], work: Callable[[], Mapping[str, Any]]
) -> StepOutcome:
    """Run `work` unless the step has finished on the same inputs; what makes every step idempotent and resumable.

    A step killed half-way has no record and runs again: its writes are atomic and keyed, so nothing is doubled.
    """
    key = f"cycle-{cycle}/{step}"
    fingerprint = content_hash(dict(inputs))
    found = context.state.steps.find(key)
    if found is not None and found.detail.get("fingerprint") == fingerprint:
        return unchanged(step, cycle, found)
    started = context.clock.now()
    before = _stopwatch()
    detail = dict(work())
    record = StepRecord(key, started, context.clock.now(), detail | {"fingerprint": fingerprint})
    context.state.steps.finish(record)
    return StepOutcome(step, cycle, True, _stopwatch() - before, detail)


def unchanged(step: str, cycle: int, record: StepRecord) -> StepOutcome:
    """Return what a step did when it last ran, as the outcome of a run that had nothing to do."""
    public = {key: value for key, value in record.detail.items() if key != "fingerprint"}
    return StepOutcome(step, cycle, False, 0.0, public)


def versions(context: Context, *tables: str) -> dict[str, int]:
    """Return the snapshot version of each table: the data part of a step's fingerprint."""
    return {table: context.history.snapshot_version(table) for table in tables}


def table_hash(table: pa.Table) -> str:
    """Return the SHA-256 (hex) of a table's schema and values."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return hashlib.sha256(sink.getvalue()).hexdigest()


def rewrite(context: Context, table: str, data: pa.Table, where: Mapping[str, str | int]) -> None:
    """Replace the partition `where` of `table` by `data`.

    The key holds the content and how often the table has been written: what was written, overtaken, and comes back
    must be written again.
    """
    key = f"{table_hash(data)}@{context.history.snapshot_version(table)}"
    context.history.replace(table, data, where=where, batch=key)
