"""The historical half and the policy shelf in memory: for tests and for the simulator."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from alamo.domain.policy import PolicySnapshot
from alamo.domain.tables import CONTRACTS
from alamo.store.door import Where, checked_chunks, checked_where, contract_of
from alamo.store.memory_table import HeldTable
from alamo.store.shelf import missing_snapshot
from alamo.store.sql import SqlEngine


class MemoryHistory:
    """Implements `alamo.domain.ports.History` with Arrow tables; see `HeldTable` for how they are held.

    Parameters
    ----------
    memory_limit
        Of queries, such as ``"1GB"``; `None`: DuckDB's default.
    threads
        For queries; `None`: as many as there are CPUs.
    """

    def __init__(self, *, memory_limit: str | None = None, threads: int | None = None) -> None:
        self._sql = SqlEngine(spill=Path(tempfile.gettempdir()), memory_limit=memory_limit, threads=threads)
        self._tables = {name: HeldTable(contract) for name, contract in CONTRACTS.items()}
        self._shown: dict[str, int] = {}

    def append(self, table: str, data: pa.Table | pa.RecordBatchReader, *, batch: str) -> bool:
        """Add rows; return False if `batch` had been written before.

        Raises
        ------
        ContractError
            If the rows break the contract; nothing is written then.
        """
        return self._write(table, data, batch=batch, where=None)

    def replace(self, table: str, data: pa.Table | pa.RecordBatchReader, *, where: Where, batch: str) -> bool:
        """Replace the rows of the partition `where` by `data`; no rows delete it.

        Raises
        ------
        ContractError
            If the rows break the contract or lie outside the partition; nothing is written then.
        StoreError
            If `where` is not a partition.
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
        """
        for name, held in self._tables.items():
            if self._shown.get(name) != len(held.batches):
                self._sql.show_arrow(name, held.rows())
                self._shown[name] = len(held.batches)
        return self._sql.select(sql, parameters, relations)

    def snapshot_version(self, table: str) -> int:
        """Return a number that grows with every write to `table`; 0 before the first."""
        contract_of(table)
        return len(self._tables[table].batches)

    def compact(self, table: str, *, above: int = 1) -> int:
        """Do nothing: there are no files."""
        contract_of(table)
        return 0

    def close(self) -> None:
        """Release the query engine."""
        self._sql.close()

    def _write(self, table: str, data: pa.Table | pa.RecordBatchReader, *, batch: str, where: Where | None) -> bool:
        contract = contract_of(table)
        held = self._tables[table]
        if batch in held.batches:
            return False
        chunks = list(checked_chunks(contract, data, where=where, known=held.schema))
        if where is not None:
            held.drop(where)
        held.add(chunks)
        held.batches.add(batch)
        return True


class MemoryPolicyShelf:
    """Implements `alamo.domain.ports.PolicyShelf` with a dictionary."""

    def __init__(self) -> None:
        self._policies: dict[str, PolicySnapshot] = {}

    def put(self, policy: PolicySnapshot) -> str:
        """Keep a snapshot and return its version."""
        version = policy.version
        self._policies[version] = policy
        return version

    def get(self, version: str) -> PolicySnapshot:
        """Return a snapshot.

        Raises
        ------
        StoreError
            If it is missing.
        """
        try:
            return self._policies[version]
        except KeyError:
            raise missing_snapshot(version, "in memory") from None
