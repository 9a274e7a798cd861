"""The operational half in SQLite: write-ahead log, every commit on the disk before it is acknowledged."""

from __future__ import annotations

from contextlib import AbstractContextManager

from alamo.store.books import SqlImportLog, SqlPlanBook, SqlStepLog
from alamo.store.database import Database
from alamo.store.ledger import SqlDeliveryLedger
from alamo.store.locks import file_lock


class SqliteState:
    """Implements `alamo.domain.ports.StateStore`.

    Parameters
    ----------
    url
        Such as ``"sqlite:////data/shop/.alamo/state.db"``; the file and its folder are made where missing.

    Raises
    ------
    StoreError
        If the URL is not one of a SQLite file, the file cannot be opened, or a newer version made it.
    """

    def __init__(self, url: str) -> None:
        self._database = Database(url)
        self.steps = SqlStepLog(self._database)
        self.imports = SqlImportLog(self._database)
        self.plans = SqlPlanBook(self._database)
        self.ledger = SqlDeliveryLedger(self._database)

    def lock(self, name: str, *, wait_seconds: float = 0.0) -> AbstractContextManager[None]:
        """Hold the lock `name` beside the database for a block; a process that dies lets go of it.

        Raises
        ------
        StateError
            If somebody else still holds it after `wait_seconds`.
        """
        path = self._database.path
        return file_lock(path.with_name(f"{path.name}.{name}.lock"), name, wait_seconds)

    def close(self) -> None:
        """Release connections."""
        self._database.close()
