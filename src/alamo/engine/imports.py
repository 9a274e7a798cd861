"""Imports: files become rows of the marketing database, once; a corrected file replaces the rows of its forerunner.

A file is known by its content and how it is mapped, so the same one again adds nothing, whatever it is called. Its rows
belong to a logical source (kind and name) and are replaced as one, in one commit, so an import that is killed leaves
what was stored before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from alamo.connectors.quarantine import QuarantineFile
from alamo.connectors.sources import RowStream, open_rows
from alamo.connectors.sources.stream import OnProgress
from alamo.domain.action import NO_ACTION
from alamo.domain.reasons import DecisionReason
from alamo.domain.records import ImportRecord
from alamo.domain.tables import CONTRACTS, DECISIONS, OBSERVATIONS
from alamo.engine.context import Context
from alamo.measurement import (
    ImportContext,
    ImportRows,
    ResolvedMapping,
    experiment_observations,
    import_rows,
    normalise,
    preview,
    resolve_mapping,
)
from alamo.numerics.hashing import content_hash

_EXPERIMENT = "experiment"
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class ImportOrder:
    """What to import and how.

    Attributes
    ----------
    kind
        One of `alamo.measurement.KINDS`.
    mapping
        A mapping file as read, or None to go by the header.
    quarantine
        Folder for the files of rows put aside.
    progress
        Called with (bytes read, bytes in all).
    """

    kind: str
    mapping: Mapping[str, Any] | None
    quarantine: Path
    progress: OnProgress | None = None


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of the files of an import, or would."""

    kind: str
    preview: bool
    files: tuple[Mapping[str, Any], ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the import as it stands in ``--json``."""
        following = f"alamo import {self.kind} FILE" if self.preview else "alamo status"
        return {
            "schema": "alamo.import/1",
            "kind": self.kind,
            "preview": self.preview,
            "files": [dict(one) for one in self.files],
            "next": following,
        }


def import_files(context: Context, files: Sequence[str], order: ImportOrder) -> Imported:
    """Take the files in, one after another; each is whole or not at all."""
    return Imported(order.kind, False, tuple(_import_one(context, file, order) for file in files))


def preview_files(context: Context, files: Sequence[str], order: ImportOrder) -> Imported:
    """Say how the files would be read; writes nothing."""
    return Imported(order.kind, True, tuple(_preview_one(context, file, order) for file in files))


def _opened(file: str, order: ImportOrder) -> RowStream:
    options = order.mapping or {}
    return open_rows(
        file,
        delimiter=options.get("delimiter"),
        encoding=str(options.get("encoding", "utf-8")),
        on_progress=order.progress,
    )


def _preview_one(context: Context, file: str, order: ImportOrder) -> dict[str, Any]:
    with _opened(file, order) as stream:
        mapping = resolve_mapping(order.kind, stream.header, order.mapping)
        found = preview(stream, mapping, _context_of(context, f"{order.kind}:{file}")).to_dict()
    return {
        "file": stream.name,
        "rows": found["accepted"],
        "quarantined": found["quarantined"],
        "reasons": found["reasons"],
        "mapping": _mapping_rows(mapping),
        "sample": found["rows"],
        "quarantine": found["quarantined_rows"],
    }


def _import_one(context: Context, file: str, order: ImportOrder) -> dict[str, Any]:
    with _opened(file, order) as stream:
        mapping = resolve_mapping(order.kind, stream.header, order.mapping)
        key = content_hash({"file": stream.content_hash(), "kind": order.kind, "mapping": order.mapping})
        source = f"{order.kind}:{key[:12] if file == '-' else file}"
        known = _known_content(context, key)
        if known is not None:
            return {"file": stream.name, "source": known.source, "unchanged": True, "rows": 0, "quarantined": 0}
        put_aside = QuarantineFile(order.quarantine / f"{order.kind}-{key[:12]}.csv")
        try:
            rows = import_rows(
                normalise(order.kind, stream, mapping, _context_of(context, source)),
                stream.name,
                order.kind,
                put_aside.append,
            )
            detail = _write(context, rows, _Arrival(order.kind, source, key, mapping))
        except BaseException:
            put_aside.discard()
            raise
    quarantine_file = put_aside.close()
    context.state.imports.record(
        ImportRecord(source, order.kind, key, context.clock.now(), rows.tally.accepted, rows.tally.quarantined, detail)
    )
    return {
        "file": stream.name,
        "source": source,
        "unchanged": False,
        "rows": rows.tally.accepted,
        "quarantined": rows.tally.quarantined,
        "reasons": dict(rows.tally.top_reasons()),
        "quarantine_file": None if quarantine_file is None else str(quarantine_file),
    }


def _known_content(context: Context, key: str) -> ImportRecord | None:
    """Return the source that holds exactly this content now, if any."""
    newest = {record.source: record for record in context.state.imports.all()}
    return next((record for record in newest.values() if record.content_hash == key), None)


def _context_of(context: Context, source: str) -> ImportContext:
    settings = context.settings
    return ImportContext(source, settings.currency, settings.time_zone, context.clock.now())


@dataclass(frozen=True, slots=True)
class _Arrival:
    kind: str
    source: str
    key: str
    mapping: ResolvedMapping


def _write(context: Context, rows: ImportRows, arrival: _Arrival) -> dict[str, Any]:
    """Write one file's rows in one commit; a driver's wrapping of a reading error is taken off again."""
    earlier = [record for record in context.state.imports.all() if record.source == arrival.source]
    batch = f"{arrival.key}@{len(earlier)}"
    try:
        if arrival.kind == _EXPERIMENT:
            return _write_experiment(context, rows.reader.read_all(), arrival, earlier)
        if not context.history.replace(rows.table, rows.reader, where={"source": arrival.source}, batch=batch):
            _drain(rows.reader)  # committed by a run that was killed before it could record so: count again
    except Exception:
        if rows.failure is not None:
            raise rows.failure from None
        raise
    return {}


def _drain(reader: Iterator[pa.RecordBatch]) -> None:
    for _ in reader:
        pass


def _write_experiment(
    context: Context, rows: pa.Table, arrival: _Arrival, earlier: Sequence[ImportRecord]
) -> dict[str, Any]:
    """A finished experiment is a cycle of its own: its decisions, observations and outcomes are replaced together."""
    plan = f"experiment-{content_hash(arrival.source)[:12]}"
    cycle = _cycle_of(context, plan)
    batch = f"{arrival.key}@{len(earlier)}"
    observations = experiment_observations(rows, arrival.mapping, _context_of(context, arrival.source), cycle=cycle)
    history = context.history
    decisions = DECISIONS.check(_decisions_of(observations, plan))
    history.replace("decisions", decisions, where={"plan_id": plan}, batch=batch)
    history.replace("outcomes", _outcomes_of(observations), where={"cycle": cycle}, batch=batch)
    history.replace("dr_scores", CONTRACTS["dr_scores"].empty(), where={"cycle": cycle}, batch=batch)
    history.replace("observations", observations, where={"cycle": cycle}, batch=batch)
    return {"cycle": cycle, "plan": plan, "observations": observations.num_rows}


def _cycle_of(context: Context, plan: str) -> int:
    """Return the cycle of an experiment: the one a killed or earlier import gave it, else the next before the first.

    Experiments are numbered backwards from 0: they are evidence from before the loop's own cycles.
    """
    known = context.history.query("SELECT min(cycle) AS cycle FROM decisions WHERE plan_id = $plan", {"plan": plan})
    if known["cycle"][0].as_py() is not None:
        return int(known["cycle"][0].as_py())
    first = context.history.query("SELECT coalesce(min(cycle), 1) AS first FROM decisions")["first"][0].as_py()
    return min(int(first), 1) - 1


def _decisions_of(observations: pa.Table, plan: str) -> pa.Table:
    n = observations.num_rows
    shared = {name: observations[name] for name in DECISIONS.schema.names if name in OBSERVATIONS.schema.names}
    control = pc.equal(observations["action_id"], NO_ACTION)
    reason = pc.if_else(control, DecisionReason.CONTROL.value, DecisionReason.EXPLORATION.value)
    added = {
        "plan_id": pa.repeat(plan, n),
        "block": pa.repeat(pa.scalar(0, pa.int64()), n),
        "reason": reason,
        "value_mean_money": pa.repeat(0.0, n),
        "net_money": pa.repeat(0.0, n),
        "cost_money": observations["cost_money"],
        "policy_version": pa.repeat("imported", n),
        "valid_until": observations["window_end"],
    }
    columns = shared | added
    return pa.table({name: columns[name] for name in DECISIONS.schema.names})


def _outcomes_of(observations: pa.Table) -> pa.Table:
    """The file's outcome is the whole outcome: no residual value is added; the cost is known and taken off."""
    margin, cost = observations["margin_money"], observations["cost_money"]
    columns = {
        "decision_id": observations["decision_id"],
        "cycle": observations["cycle"],
        "margin_money": margin,
        "residual_value_money": pa.repeat(0.0, observations.num_rows),
        "cost_money": cost,
        "outcome_money": pc.subtract(margin, cost),
        "value_version": pa.repeat("observed", observations.num_rows),
    }
    return CONTRACTS["outcomes"].check(pa.table(columns))


def _mapping_rows(mapping: ResolvedMapping) -> list[dict[str, str]]:
    rows = [{"column": column, "field": name, "how": "heading"} for name, column in mapping.columns.items()]
    rows += [{"column": "", "field": name, "how": f"constant {value}"} for name, value in mapping.constants.items()]
    return rows + [{"column": column, "field": "", "how": "not used"} for column in mapping.unmapped]
