"""A moment of the historical half: which files each table consisted of, to be read elsewhere and always alike.

Workers of a cluster that opened the tables themselves might see a commit that others do not. They are handed the files
instead, and what they read is what the driver saw, whoever writes meanwhile.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import pyarrow as pa

from alamo.store.sql import SqlEngine


@dataclass(frozen=True, slots=True)
class TableFiles:
    """The files of one table, its columns in order, and the columns that its folders are named by."""

    files: tuple[str, ...]
    schema: pa.Schema
    partition: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HistorySnapshot:
    """The historical half at one moment; can be pickled.

    Attributes
    ----------
    folder
        Holds all files; the same path wherever they are read.
    tables
        By name.
    """

    folder: str
    tables: Mapping[str, TableFiles]


class SnapshotReader:
    """Implements `alamo.domain.ports.Warehouse` over a snapshot. For use by one thread.

    A table is opened when a statement first mentions it: most statements of a worker name none.

    Parameters
    ----------
    snapshot
        What can be read.
    threads
        For queries.
    """

    def __init__(self, snapshot: HistorySnapshot, *, threads: int = 1) -> None:
        self._snapshot = snapshot
        spill = Path(gettempdir()) / f"alamo-{os.getpid()}"  # two processes must not spill into one folder
        self._sql = SqlEngine(folder=Path(snapshot.folder), spill=spill, threads=threads)
        self._shown: set[str] = set()

    def query(
        self, sql: str, parameters: Mapping[str, Any] | None = None, relations: Mapping[str, pa.Table] | None = None
    ) -> pa.Table:
        """Run one SELECT in DuckDB's dialect; see `alamo.domain.ports.Warehouse.query`.

        Raises
        ------
        UsageError
            If `sql` is not one SELECT, cannot be bound, or fails on a value.
        StoreError
            If memory or the disk does not suffice.
        """
        for name, table in self._snapshot.tables.items():
            if name not in self._shown and re.search(rf"\b{name}\b", sql, re.IGNORECASE):
                self._show(name, table)
        return self._sql.select(sql, parameters, relations)

    def close(self) -> None:
        """Release the query engine."""
        self._sql.close()

    def _show(self, name: str, table: TableFiles) -> None:
        if table.files:
            self._sql.show_files(name, [Path(file) for file in table.files], table.schema, table.partition)
        else:
            self._sql.show_arrow(name, table.schema.empty_table())
        self._shown.add(name)
