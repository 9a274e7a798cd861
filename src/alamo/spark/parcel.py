"""A parcel: the candidates of one slice of the customers as a file, and the slices of a cycle as one again.

Arrays go into the file as they are, so what is read has the bits that were written. A file is put in place whole: a
task that Spark runs twice writes the same again.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.domain.policy import LimitRow
from alamo.steering.candidates import Candidates
from alamo.steering.cells import Cells, concatenate
from alamo.steering.eligibility import Eligibility
from alamo.steering.funnel import STAGES, Reason, Stage
from alamo.steering.limits import LimitTables
from alamo.steering.units import Units

_REASONS: dict[str, Reason] = {reason.value: reason for reason in STAGES}
Arrays = dict[str, np.ndarray[Any, Any]]


def write_parcel(path: Path, candidates: Candidates) -> None:
    """Write `candidates` to `path` in one step."""
    cells, eligibility = candidates.cells, candidates.eligibility
    notes = {
        "use_names": cells.use_names,
        "action_ids": cells.action_ids,
        "stages": [_noted(stage) for stage in eligibility.stages],
        "scored": _noted(candidates.scored),
        "affordable": _noted(candidates.affordable),
    }
    arrays = {
        **_arrays("units", cells.units),
        **_arrays("cells", cells),
        **_arrays("tables", candidates.tables),
        "open": eligibility.open,
        "ids": _packed_ids(cells.units.ids),
        "notes": np.frombuffer(json.dumps(notes).encode(), dtype=np.uint8),
    }
    unfinished = unfinished_beside(path)
    with unfinished.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # its keyword for pickles is left alone
    unfinished.replace(path)


def unfinished_beside(path: Path) -> Path:
    """Return where a file is written before it is put in place: workers of several machines may try the same part."""
    return path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")


def read_parcel(path: Path, rows: tuple[LimitRow, ...]) -> Candidates:
    """Return the candidates that `write_parcel` wrote; `rows` are the limits they were gathered under."""
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    notes = json.loads(arrays["notes"].tobytes())
    units = Units(ids=_ids(arrays["ids"]), **_of("units", arrays))
    cells = Cells(
        units=units,
        use_names=tuple(notes["use_names"]),
        action_ids=tuple(notes["action_ids"]),
        **_of("cells", arrays),
    )
    eligibility = Eligibility(arrays["open"], tuple(_stage(noted) for noted in notes["stages"]))
    tables = LimitTables(rows=rows, **_of("tables", arrays))
    return Candidates(cells, tables, eligibility, _stage(notes["scored"]), _stage(notes["affordable"]))


def read_tables(path: Path, rows: tuple[LimitRow, ...]) -> LimitTables:
    """Return the tables of a parcel; nothing else of it is read."""
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files if name.startswith("tables.")}
    return LimitTables(rows=rows, **_of("tables", arrays))


def joined(parts: Sequence[Candidates]) -> Candidates:
    """Return the candidates of consecutive slices as those of all their customers, as one `gather` would give them.

    Groups of customers are numbered anew: those of a slice only know the patterns that occur in it.
    """
    tables, moved = one_numbering([part.tables for part in parts])
    return Candidates(
        cells=concatenate([numbered(part.cells, groups) for part, groups in zip(parts, moved, strict=True)]),
        tables=tables,
        eligibility=_together([part.eligibility for part in parts]),
        scored=_added([part.scored for part in parts]),
        affordable=_added([part.affordable for part in parts]),
    )


def numbered(cells: Cells, groups: npt.NDArray[np.int32]) -> Cells:
    """Return `cells` with the number among all slices of each of their groups, shape (n_groups,)."""
    return replace(cells, units=replace(cells.units, group=groups[cells.units.group]))


def one_numbering(parts: Sequence[LimitTables]) -> tuple[LimitTables, list[npt.NDArray[np.int32]]]:
    """Return tables over all patterns that occur, in their order, and the new number of each group of each part."""
    groups = [_groups(part) for part in parts]
    number = {known: g for g, known in enumerate(sorted({known for found in groups for known in found}))}
    slabs = {
        known: part.coefficient[:, g, :]
        for part, found in zip(parts, groups, strict=True)
        for g, known in enumerate(found)
    }
    coefficient = np.ascontiguousarray(np.stack([slabs[known] for known in number], axis=1))
    moved = [np.array([number[known] for known in found], dtype=np.int32) for found in groups]
    return replace(parts[0], coefficient=coefficient), moved


def _groups(tables: LimitTables) -> list[tuple[tuple[bool, ...], bytes]]:
    """Return what tells each group from others: which rows with a predicate count it, and all its coefficients.

    The first gives the order, that of the patterns of predicates; the second alone decides what is the same.
    """
    scoped = [r for r, row in enumerate(tables.rows) if row.where]
    sign = np.array([tables.rows[r].sign for r in scoped], dtype=np.float64).reshape(-1, 1, 1)
    holds = np.asarray((sign * tables.coefficient[scoped] > 0.0).any(axis=2))
    return [
        (tuple(bool(flag) for flag in holds[:, g]), tables.coefficient[:, g, :].tobytes())
        for g in range(tables.coefficient.shape[1])
    ]


def _together(parts: Sequence[Eligibility]) -> Eligibility:
    stages = tuple(_added(same) for same in zip(*(part.stages for part in parts), strict=True))
    return Eligibility(np.concatenate([part.open for part in parts]), stages)


def _added(stages: Sequence[Stage]) -> Stage:
    """Return one stage of several slices as that of all their customers."""
    excluded = tuple(sum(counts) for counts in zip(*(stage.excluded for stage in stages), strict=True))
    return Stage(stages[0].reason, excluded, sum(stage.customers for stage in stages))


def _noted(stage: Stage) -> list[Any]:
    return [stage.reason.value, list(stage.excluded), stage.customers]


def _stage(noted: Sequence[Any]) -> Stage:
    reason, excluded, customers = noted
    return Stage(_REASONS[reason], tuple(excluded), customers)


def _arrays(owner: str, record: Any) -> Arrays:
    """Return the arrays among the fields of `record`, whichever they are."""
    values = {field.name: getattr(record, field.name) for field in fields(record)}
    return {f"{owner}.{name}": value for name, value in values.items() if isinstance(value, np.ndarray)}


def _of(owner: str, arrays: Mapping[str, np.ndarray[Any, Any]]) -> Arrays:
    start = f"{owner}."
    return {name.removeprefix(start): value for name, value in arrays.items() if name.startswith(start)}


def _packed_ids(ids: pa.Array) -> np.ndarray[Any, Any]:
    sink = pa.BufferOutputStream()
    table = pa.table({"id": ids})
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return np.frombuffer(sink.getvalue(), dtype=np.uint8)


def _ids(packed: np.ndarray[Any, Any]) -> pa.Array:
    column = pa.ipc.open_stream(pa.py_buffer(packed)).read_all().column("id")
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
