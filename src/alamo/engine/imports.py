"""Imports: files become rows of the marketing database, once; a corrected file replaces the rows of its forerunner.

A file is known by its content and how it is mapped, so the same one again adds nothing, whatever it is called. Its rows
belong to a logical source (kind and name, `alamo.engine.import_names`) and are replaced as one, in one commit, so an
import that is killed leaves what was stored before (`alamo.engine.import_records` tells which).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from alamo.connectors.quarantine import QuarantineFile
from alamo.connectors.sources import RowStream, open_rows
from alamo.connectors.sources.stream import OnProgress
from alamo.domain.money import minor_per_major
from alamo.domain.records import ImportRecord
from alamo.engine.context import Context
from alamo.engine.horizon import stated_completeness
from alamo.engine.import_experiment import EXPERIMENT, write_experiment
from alamo.engine.import_names import naming, recorded_names, source_name
from alamo.engine.import_records import announce, empty_source, holder, possible_holder
from alamo.measurement import (
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
        records = context.state.imports.all()
        names = recorded_names(records, order.kind, file, order.root, key)
        known = holder(records, key)
        if known is not None:
            if statement:
                _record(context, _Arrival(order.kind, known, key, mapping), Tally(), statement)
            return {
                "file": stream.name,
                "source": known,
                "unchanged": True,
                "rows": 0,
                "quarantined": 0,
                **_count_once(context, order.kind, names, known),
                **statement,
            }
        source = possible_holder(records, key) or (names or [source_name(order.kind, file, key, order.root)])[-1]
        arrival = _Arrival(order.kind, source, key, mapping, naming(source, order.kind, file, order.root))
        rows, detail, quarantine_file = _take_in(context, stream, arrival, order.quarantine)
    emptied = _count_once(context, order.kind, names, source)
    _record(context, arrival, rows.tally, detail | dict(statement))
    return {
        "file": stream.name,
        "source": source,
        "unchanged": False,
        "rows": rows.tally.accepted,
        "quarantined": rows.tally.quarantined,
        "complaints": rows.tally.complaints(),
        "quarantine_file": None if quarantine_file is None else str(quarantine_file),
        **emptied,
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
    now, whole = context.clock.now(), {**arrival.naming, **detail}
    context.state.imports.record(
        ImportRecord(arrival.source, arrival.kind, arrival.key, now, tally.accepted, tally.quarantined, whole)
    )


def _count_once(context: Context, kind: str, names: Sequence[str], kept: str) -> dict[str, list[str]]:
    """Empty the sources of a file that is held by `kept`: other spellings of its path, or what it held before.

    Returns their names: ``merged`` where `kept` is the file itself, ``emptied`` where another holds the same content.
    """
    others = [name for name in names if name != kept]
    for name in others:
        empty_source(context, kind, name, kept)
    itself = kept in names
    return {"merged": others if itself else [], "emptied": [] if itself else others}


def _context_of(context: Context, source: str) -> ImportContext:
    settings = context.settings
    return ImportContext(source, settings.currency, settings.time_zone, context.clock.now())


@dataclass(frozen=True, slots=True)
class _Arrival:
    kind: str
    source: str
    key: str
    mapping: ResolvedMapping
    naming: Mapping[str, Any] = field(default_factory=dict)


def _write(context: Context, rows: ImportRows, arrival: _Arrival) -> dict[str, Any]:
    """Write one file's rows in one commit; a driver's wrapping of a reading error is taken off again."""
    batch = announce(context, arrival.kind, arrival.source, arrival.key, arrival.naming)
    try:
        if arrival.kind == EXPERIMENT:
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
_UNMAPPED = {"events": "kept in properties", "customers": "kept in attributes", EXPERIMENT: "feature"}


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
    taken = mapping.is_feature(column) if mapping.kind == EXPERIMENT else not mapping.has("properties")
    return _UNMAPPED.get(mapping.kind, _UNUSED) if taken else _UNUSED
