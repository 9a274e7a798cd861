"""The historical half at rest: one Delta table per contract, queried by DuckDB in the same process.

Parquet files are written and synced first (`alamo.store.parquet`), then named by one Delta commit that also records the
batch key as an application transaction: a write is whole or absent, and the same batch again changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake.exceptions import DeltaError

from alamo.domain.errors import AlamoError, StoreError
from alamo.domain.tables import CONTRACTS
from alamo.store.delta_table import DeltaFolder
from alamo.store.door import Where, checked_chunks, checked_where, contract_of
from alamo.store.durable import make_folder
from alamo.store.parquet import remove_files, write_partitions
from alamo.store.snapshot import HistorySnapshot, TableFiles
from alamo.store.sql import SqlEngine

_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")


class DeltaHistory:
    """Implements `alamo.domain.ports.History` over Delta tables. For use by one thread.

    Parameters
    ----------
    path
        Folder of the tables; made where missing.
    memory_limit
        For queries, such as ``"1GB"``; `None`: DuckDB's default.
    threads
        For queries; `None`: as many as there are CPUs.

    Raises
    ------
    StoreError
        If the folder cannot be made or used.
    """

    def __init__(self, path: Path | str, *, memory_limit: str | None = None, threads: int | None = None) -> None:
        self._path = _usable(Path(path).absolute())
        make_folder(self._path)
        self._folders = {name: DeltaFolder(self._path, contract) for name, contract in CONTRACTS.items()}
        self._sql = SqlEngine(
            folder=self._path, spill=self._path / ".spill", memory_limit=memory_limit, threads=threads
        )
        self._shown: dict[str, int] = {}

    def append(self, table: str, data: pa.Table | pa.RecordBatchReader, *, batch: str) -> bool:
        """Add rows; return False if `batch` had been written before.

        Raises
        ------
        ContractError
            If the rows break the contract; nothing is written then.
        StoreError
            If the disk fails, or another writer is in the way.
        """
        return self._write(table, data, batch=batch, where=None)

    def replace(self, table: str, data: pa.Table | pa.RecordBatchReader, *, where: Where, batch: str) -> bool:
        """Replace the rows of the partition `where` by `data` in one commit; no rows delete it.

        Raises
        ------
        ContractError
            If the rows break the contract or lie outside the partition; nothing is written then.
        StoreError
            If `where` is not a partition, the disk fails, or another writer is in the way.
        """
        return self._write(table, data, batch=batch, where=checked_where(contract_of(table), where))

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
        self._show_tables()
        return self._sql.select(sql, parameters, relations)

    def snapshot_version(self, table: str) -> int:
        """Return a number that grows with every write to `table`; 0 before the first."""
        contract_of(table)
        folder = self._folders[table]
        folder.refresh()
        return folder.writes

    def compact(self, table: str, *, above: int = 1) -> int:
        """Merge small files of `table` if a partition has more than `above`; return how many files were merged.

        Files out of use are kept for a week for those who are reading them, then dropped. Killed at any moment, it
        leaves the table as it was or merged; a writer who comes first wins, and nothing is merged then.

        Raises
        ------
        StoreError
            If the disk fails.
        """
        contract_of(table)
        with _translated(table, self._path):
            return self._folders[table].compact(above)

    def snapshot(self) -> HistorySnapshot:
        """Return which files every table consists of now, for readers in other processes."""
        tables = {}
        for name, folder in self._folders.items():
            folder.refresh()
            files = tuple(str(file) for file in folder.files())
            tables[name] = TableFiles(files, folder.schema(), folder.contract.partition)
        return HistorySnapshot(str(self._path), tables)

    def close(self) -> None:
        """Release the query engine."""
        self._sql.close()

    def _write(self, table: str, data: pa.Table | pa.RecordBatchReader, *, batch: str, where: Where | None) -> bool:
        contract = contract_of(table)
        folder = self._folders[table]
        folder.refresh()
        if folder.has(batch):
            return False
        columns = folder.schema()
        chunks = checked_chunks(contract, data, where=where, known=columns)
        with _translated(table, self._path):
            actions = write_partitions(folder.path, chunks, contract.partition)
            done = False
            try:
                done = folder.commit(actions, _widened(columns, data.schema), batch=batch, where=where)
            finally:
                if not done:
                    remove_files(folder.path, actions)
        return done

    def _show_tables(self) -> None:
        for name, folder in self._folders.items():
            folder.refresh()
            if self._shown.get(name) == folder.version:
                continue
            files, schema = folder.files(), folder.schema()
            if files:
                self._sql.show_files(name, files, schema, folder.contract.partition)
            else:
                self._sql.show_arrow(name, schema.empty_table())
            self._shown[name] = folder.version


def _usable(path: Path) -> Path:
    """Refuse a folder whose name deltalake would decode as a URL and then not find."""
    if _ESCAPE.search(str(path)):
        raise StoreError(
            f"the history cannot be kept in {path}: the path holds a percent sign followed by two hexadecimal digits",
            hint="Rename that folder, or set `history_path` in alamo.toml, section [store], to another one.",
            code="store.path",
            details={"path": str(path)},
        )
    return path


@contextmanager
def _translated(table: str, path: Path) -> Iterator[None]:
    """Say failures of the disk and of the Delta library in our words."""
    try:
        yield
    except AlamoError:
        raise
    except (OSError, DeltaError) as error:
        raise StoreError(
            f"table {table!r} cannot be written: {error}",
            hint=f"Is the disk of {path} full or read-only? Then run the same command again.",
            code="store.disk",
            details={"table": table},
        ) from error


def _widened(columns: pa.Schema, incoming: pa.Schema) -> pa.Schema:
    """Return the columns at rest and, after them, those that are new in what comes in."""
    return pa.schema([*columns, *(field for field in incoming if field.name not in columns.names)])
