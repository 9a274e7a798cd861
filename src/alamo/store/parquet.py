"""Writes checked chunks as Parquet files, one per partition, with bounded memory, and durable before they are named.

deltalake, pyarrow and DuckDB never call fsync. Files are therefore written and synced here *before* the Delta log
names them: a log entry that survives a power cut never points at a file that did not.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake.transaction import AddAction

from alamo.store.durable import make_folder, sync_file, sync_folder

_ROW_GROUP = 122_880
"""Rows of a row group: DuckDB's own vector group, so that its threads share the work evenly."""
_SAMPLE = 8_192


@dataclass(slots=True)
class _OpenFile:
    """One file being written: its rows are gathered until they fill a row group."""

    path: Path
    values: Mapping[str, Any]
    waiting: list[pa.Table] = field(default_factory=list)
    waiting_rows: int = 0
    rows: int = 0
    writer: Any = None

    def add(self, data: pa.Table) -> None:
        self.waiting.append(data)
        self.waiting_rows += data.num_rows
        if self.waiting_rows >= _ROW_GROUP:
            self.flush()

    def flush(self) -> None:
        if not self.waiting:
            return
        data = pa.concat_tables(self.waiting)
        if self.writer is None:
            self.writer = pq.ParquetWriter(
                self.path, data.schema, compression="zstd", compression_level=1, use_dictionary=_repetitive(data)
            )
        self.writer.write_table(data, row_group_size=_ROW_GROUP)
        self.rows += data.num_rows
        self.waiting, self.waiting_rows = [], 0

    def close(self) -> None:
        self.flush()
        if self.writer is not None:
            self.writer.close()


def write_partitions(root: Path, chunks: Iterable[pa.Table], partition: tuple[str, ...]) -> list[AddAction]:
    """Write `chunks` below `root`, one file per partition, synced, and return what the Delta log needs to name them.

    Nothing is left behind when a chunk raises.
    """
    files: dict[tuple[Any, ...], _OpenFile] = {}
    try:
        for chunk in chunks:
            for values, rows in _split(chunk, partition):
                key = tuple(values.values())
                if key not in files:
                    files[key] = _open(root, values)
                files[key].add(rows)
        for file in files.values():
            file.close()
    except BaseException:
        for file in files.values():
            file.close()
            file.path.unlink(missing_ok=True)
        raise
    for file in files.values():
        sync_file(file.path)
    for folder in {file.path.parent for file in files.values()}:
        sync_folder(folder)
    return [_action(root, file) for file in files.values()]


def remove_files(root: Path, actions: Iterable[AddAction]) -> None:
    """Remove files that were written but never named by the Delta log."""
    for action in actions:
        (root / action.path).unlink(missing_ok=True)


def _split(chunk: pa.Table, partition: tuple[str, ...]) -> Iterable[tuple[dict[str, Any], pa.Table]]:
    """Yield the rows of each partition without its partition columns."""
    if not chunk.num_rows:
        return
    keys = chunk.select(list(partition)).group_by(list(partition), use_threads=False).aggregate([]).to_pylist()
    bare = chunk.drop_columns(list(partition))
    for values in keys:
        if len(keys) == 1:
            yield values, bare
            continue
        mask = None
        for name, value in values.items():
            same = pc.equal(chunk.column(name), value)
            mask = same if mask is None else pc.and_(mask, same)
        yield values, bare.filter(mask)


def _open(root: Path, values: Mapping[str, Any]) -> _OpenFile:
    folder = root.joinpath(*(f"{name}={quote(str(value), safe='')}" for name, value in values.items()))
    make_folder(folder)
    return _OpenFile(folder / f"part-{uuid.uuid4().hex}.zstd.parquet", values)


def _repetitive(data: pa.Table) -> list[str]:
    """Return the columns worth a dictionary, judged by a sample: trying one on unique identifiers costs much CPU."""
    sample = data.slice(0, _SAMPLE)
    chosen = []
    for column in sample.schema:
        values, path = sample.column(column.name), column.name
        if pa.types.is_list(column.type):
            values, path = pc.list_flatten(values), f"{column.name}.list.element"
        if pc.count_distinct(values).as_py() <= len(values) // 2:
            chosen.append(path)
    return chosen


def _action(root: Path, file: _OpenFile) -> AddAction:
    stat = file.path.stat()
    return AddAction(
        path=file.path.relative_to(root).as_posix(),
        size=stat.st_size,
        partition_values={name: str(value) for name, value in file.values.items()},
        modification_time=stat.st_mtime_ns // 1_000_000,
        data_change=True,
        stats=json.dumps({"numRecords": file.rows}),
    )
