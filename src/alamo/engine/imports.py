"""Imports: files become rows of the marketing database, once; a corrected file replaces the rows of its forerunner.

A file is known by its content and how it is mapped, so the same one again adds nothing, whatever it is called. Its rows
belong to a logical source (kind and name, `alamo.engine.import_names`) and are replaced as one, in one commit, so an
import that is killed leaves what was stored before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from alamo.connectors.quarantine import QuarantineFile
from alamo.connectors.sources import RowStream, open_rows
from alamo.connectors.sources.stream import OnProgress
from alamo.domain.money import minor_per_major
from alamo.domain.records import ImportRecord
from alamo.domain.tables import CONTRACTS
from alamo.engine.context import Context
from alamo.engine.horizon import stated_completeness
from alamo.engine.import_experiment import write_experiment
from alamo.engine.import_names import recorded_names, source_name
from alamo.measurement import (
    KINDS,
    ImportContext,
    ImportRows,
    ResolvedMapping,
    Tally,
    import_rows,
    normalise,
    preview,
    resolve_mapping,
)
from alamo.numerics.hashing import content_hash

_EXPERIMENT = "experiment"


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
    root
        The project's folder: files inside are named by their path from there.
    complete_until
        Every order before this moment is in the files, says who imports them; None where nothing is said.
    """

    kind: str
    mapping: Mapping[str, Any] | None
    quarantine: Path
    progress: OnProgress | None = None
    root: Path = Path()
    complete_until: datetime | None = None


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
    """Take the files in, one after another; each is whole or not at all.

    Raises
    ------
    UsageError
        If the files are said to be complete until a moment that has not come, or are of a kind without orders.
    """
    statement = stated_completeness(context, order.kind, order.complete_until)
    return Imported(order.kind, False, tuple(_import_one(context, file, order, statement) for file in files))


def preview_files(context: Context, files: Sequence[str], order: ImportOrder) -> Imported:
    """Say how the files would be read; writes nothing."""
    stated_completeness(context, order.kind, order.complete_until)
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
        source = source_name(order.kind, file, "preview", order.root)
        found = preview(stream, mapping, _context_of(context, source)).to_dict()
    return {
        "file": stream.name,
        "rows": found["accepted"],
        "quarantined": found["quarantined"],
        "complaints": found["complaints"],
        "mapping": _mapping_rows(mapping, order),
        "sample": [_in_money(row, minor_per_major(context.settings.currency)) for row in found["rows"]],
        "quarantine": found["quarantined_rows"],
    }


def _in_money(row: Mapping[str, Any], minor: int) -> dict[str, Any]:
    """Return a row for people: money in major units under the name that says so."""
    return {
        key.replace("_minor", "_money"): value / minor if key.endswith("_minor") and value is not None else value
        for key, value in row.items()
    }


def _import_one(context: Context, file: str, order: ImportOrder, statement: Mapping[str, Any]) -> dict[str, Any]:
    with _opened(file, order) as stream:
        mapping = resolve_mapping(order.kind, stream.header, order.mapping)
        key = content_hash({"file": stream.content_hash(), "kind": order.kind, "mapping": order.mapping})
        names = recorded_names((record.source for record in context.state.imports.all()), order.kind, file, order.root)
        known = _known_content(context, key)
        if known is not None:
            if statement:
                _record(context, _Arrival(order.kind, known.source, key, mapping), Tally(), statement)
            return {
                "file": stream.name,
                "source": known.source,
                "unchanged": True,
                "rows": 0,
                "quarantined": 0,
                "merged": _merge(context, order.kind, names, known.source),
                **statement,
            }
        source = names[-1] if names else source_name(order.kind, file, key, order.root)
        arrival = _Arrival(order.kind, source, key, mapping)
        rows, detail, quarantine_file = _take_in(context, stream, arrival, order.quarantine)
    merged = _merge(context, order.kind, names, source)
    _record(context, arrival, rows.tally, detail | dict(statement))
    return {
        "file": stream.name,
        "source": source,
        "unchanged": False,
        "rows": rows.tally.accepted,
        "quarantined": rows.tally.quarantined,
        "complaints": rows.tally.complaints(),
        "quarantine_file": None if quarantine_file is None else str(quarantine_file),
        "merged": merged,
        **statement,
    }


def _take_in(
    context: Context, stream: RowStream, arrival: _Arrival, quarantine: Path
) -> tuple[ImportRows, dict[str, Any], Path | None]:
    """Write the good rows of a file and put the others aside; both or neither."""
    put_aside = QuarantineFile(quarantine / f"{arrival.kind}-{arrival.key[:12]}.csv")
    try:
        batches = normalise(arrival.kind, stream, arrival.mapping, _context_of(context, arrival.source))
        rows = import_rows(batches, stream.name, arrival.kind, put_aside.append)
        detail = _write(context, rows, arrival)
    except BaseException:
        put_aside.discard()
        raise
    return rows, detail, put_aside.close()


def _record(context: Context, arrival: _Arrival, tally: Tally, detail: Mapping[str, Any]) -> None:
    now = context.clock.now()
    context.state.imports.record(
        ImportRecord(arrival.source, arrival.kind, arrival.key, now, tally.accepted, tally.quarantined, detail)
    )


def _merge(context: Context, kind: str, names: Sequence[str], kept: str) -> list[str]:
    """Empty the sources that hold `kept`'s file a second time under a path typed otherwise; returns their names."""
    table = KINDS[kind].table
    if kind == _EXPERIMENT or kept not in {*names}:
        return []
    merged = []
    for name in names:
        held = f"SELECT count(*) AS n FROM {table} WHERE source = $source"
        if name != kept and context.history.query(held, {"source": name})["n"][0].as_py():
            batch = f"merged into {kept}@{context.history.snapshot_version(table)}"
            context.history.replace(table, CONTRACTS[table].empty(), where={"source": name}, batch=batch)
            merged.append(name)
    return merged


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
            about = _context_of(context, arrival.source)
            return write_experiment(context, rows.reader.read_all(), arrival.mapping, about, batch)
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


_UNUSED = "not used"
_UNMAPPED = {"events": "kept in properties", "customers": "kept in attributes", _EXPERIMENT: "feature"}


def _mapping_rows(mapping: ResolvedMapping, order: ImportOrder) -> list[dict[str, str]]:
    """Say column by column what is read as what, and why."""
    told = dict((order.mapping or {}).get("fields", {}))
    rows = [
        {"column": column, "field": name, "how": "mapping file" if name in told else "heading"}
        for name, column in mapping.columns.items()
    ]
    rows += [{"column": "", "field": name, "how": f"constant {value}"} for name, value in mapping.constants.items()]
    return rows + [{"column": column, "field": "", "how": _kept(column, mapping)} for column in mapping.unmapped]


def _kept(column: str, mapping: ResolvedMapping) -> str:
    """Say what becomes of a column that no field takes."""
    taken = mapping.is_feature(column) if mapping.kind == _EXPERIMENT else not mapping.has("properties")
    return _UNMAPPED.get(mapping.kind, _UNUSED) if taken else _UNUSED
