"""One Delta table on a local disk: its schema, its active files, and commits that survive a power cut."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Field, Transaction
from deltalake import Schema as DeltaSchema
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.transaction import AddAction

from alamo.domain.contracts import Contract
from alamo.domain.errors import StoreError
from alamo.store.door import Where
from alamo.store.durable import make_folder, sync_file, sync_folder

_LOG = logging.getLogger(__name__)
_ATTEMPTS = 5
_WRITES = "writes"
"""Application transaction that counts the writes, so that compaction does not look like one."""
_KEEP_HOURS = 7 * 24
"""Files no longer named by the log stay this long for readers that opened an older version."""


class DeltaFolder:
    """The Delta table of one contract below `root`.

    Parameters
    ----------
    root
        Folder of all tables.
    contract
        Its columns, key and partition.
    """

    def __init__(self, root: Path, contract: Contract) -> None:
        self.contract = contract
        self.path = root / contract.table
        self._log = self.path / "_delta_log"
        self._table: DeltaTable | None = None

    @property
    def version(self) -> int:
        """Number of the last commit of any kind; −1 without a table."""
        return -1 if self._table is None else int(self._table.version())

    @property
    def writes(self) -> int:
        """How many batches have been written."""
        return 0 if self._table is None else int(self._table.transaction_version(_WRITES) or 0)

    def refresh(self) -> None:
        """Take notice of commits made by others since."""
        if self._table is None:
            _discard_torn_commit(self._log)
            if any(self._log.glob("*.json")):
                self._table = self._open()
        elif (self._log / f"{self.version + 1:020}.json").exists():
            self._table.update_incremental()

    def schema(self) -> pa.Schema:
        """Return the columns at rest in Arrow's types: those of the contract, then further ones."""
        if self._table is None:
            return self.contract.schema
        at_rest = pa.schema(self._table.schema().to_arrow())
        known = set(self.contract.schema.names)
        further = [pa.field(f.name, _plain(f.type)) for f in at_rest if f.name not in known]
        return pa.schema([*self.contract.schema, *further])

    def files(self) -> list[Path]:
        """Return the active files in the order of their paths."""
        if self._table is None:
            return []
        actions = pa.table(self._table.get_add_actions())
        return sorted(self.path / unquote(path) for path in actions.column("path").to_pylist())

    def has(self, batch: str) -> bool:
        """Say whether `batch` has been written."""
        return self._table is not None and self._table.transaction_version(_key(batch)) is not None

    def commit(self, actions: Sequence[AddAction], schema: pa.Schema, *, batch: str, where: Where | None) -> bool:
        """Name `actions` in the log; with `where`, in place of that partition. False if `batch` was written meanwhile.

        Raises
        ------
        StoreError
            If another writer was faster five times running (transient).
        """
        for _ in range(_ATTEMPTS):
            self.refresh()
            if self.has(batch):
                return False
            table = self._with_columns(schema)
            before = self._log_names()
            try:
                table.create_write_transaction(
                    list(actions),
                    "append" if where is None else "overwrite",
                    table.schema(),
                    partition_by=list(self.contract.partition),
                    partition_filters=None if where is None else [(k, "=", str(v)) for k, v in where.items()],
                    commit_properties=CommitProperties(
                        app_transactions=[Transaction(_key(batch), 1), Transaction(_WRITES, self.writes + 1)]
                    ),
                )
            except CommitFailedError as error:
                _LOG.info("commit to %s collided, trying again: %s", self.contract.table, error)
                continue
            self._settle(table, before)
            return True
        raise StoreError(
            f"table {self.contract.table!r} is being written by somebody else",
            hint="Another alamo process is at work in this project. Wait for it, then run the same command again.",
            code="store.busy",
            details={"table": self.contract.table},
            transient=True,
        )

    def compact(self, above: int) -> int:
        """Merge small files if a partition has more than `above`, drop files out of use for a week; count the merged.

        Where another writer replaces the same files meanwhile, nothing is merged.
        """
        self.refresh()
        files = set(self.files())
        crowd = Counter(path.parent for path in files)
        if self._table is None or max(crowd.values(), default=0) <= above:
            return 0
        before = self._log_names()
        try:
            merged = int(self._table.optimize.compact()["numFilesRemoved"])
        except CommitFailedError as error:
            _LOG.info("%s is not compacted, another writer is at work: %s", self.contract.table, error)
            return 0
        self._table.update_incremental()
        for path in set(self.files()) - files:
            sync_file(path)
            sync_folder(path.parent)
        self._table.vacuum(retention_hours=_KEEP_HOURS, dry_run=False, full=True)
        self._settle(self._table, before)
        return merged

    def _open(self) -> DeltaTable:
        try:
            return DeltaTable(self.path)
        except DeltaError as error:
            raise StoreError(
                f"table {self.contract.table!r} in {self.path} cannot be opened: {error}",
                hint="Look at what is wrong with: alamo doctor",
                code="store.unreadable",
                details={"table": self.contract.table, "path": str(self.path)},
            ) from error

    def _with_columns(self, schema: pa.Schema) -> DeltaTable:
        """Return the table, made or widened so that it has all columns of `schema`."""
        table = self._table
        if table is None:
            make_folder(self.path)
            table = DeltaTable.create(
                self.path, _nullable(schema), mode="ignore", partition_by=list(self.contract.partition)
            )
            sync_folder(self.path)
            self._settle(table, set())
        known = {field.name for field in table.schema().fields}
        new = [field for field in _nullable(schema).fields if field.name not in known]
        if new:
            before = self._log_names()
            table.alter.add_columns(new)
            self._settle(table, before)
        return table

    def _log_names(self) -> set[str]:
        return {path.name for path in self._log.iterdir()} if self._log.is_dir() else set()

    def _settle(self, table: DeltaTable, before: set[str]) -> None:
        """Sync what a commit added to the log (a checkpoint now and then too), and take notice of it."""
        added = self._log_names() - before
        if any("checkpoint" in name for name in added):
            added.add("_last_checkpoint")
        for name in added:
            sync_file(self._log / name)
        sync_folder(self._log)
        table.update_incremental()
        self._table = table


def _key(batch: str) -> str:
    return f"batch:{batch}"


def _nullable(schema: pa.Schema) -> DeltaSchema:
    """Return the Delta schema of `schema`; nothing is required at rest: columns can only be added as nullable."""
    delta = DeltaSchema.from_arrow(pa.schema([pa.field(f.name, f.type) for f in schema]))
    return DeltaSchema([Field(f.name, f.type, nullable=True) for f in delta.fields])


def _plain(found: pa.DataType) -> pa.DataType:
    """Return the Arrow type that rooms use for a type at rest (views and large variants are an encoding)."""
    if pa.types.is_string_view(found) or pa.types.is_large_string(found):
        return pa.string()
    if pa.types.is_list(found) or pa.types.is_large_list(found):
        return pa.list_(_plain(found.value_type))
    return found


def _discard_torn_commit(log: Path) -> None:
    """Remove a last log entry that a power cut left empty or cut short; nobody was told it had been written.

    deltalake puts an entry in place whole, so a torn one never belongs to a writer that is still alive.
    """
    entries = sorted(path for path in log.glob("*.json") if path.stem.isdigit())
    if entries and not entries[-1].read_bytes().rstrip(b"\0\n").endswith(b"}"):
        _LOG.warning("discarded the torn log entry %s of an interrupted write", entries[-1])
        entries[-1].unlink()
        sync_folder(log)
