"""The operational half in SQLite: write-ahead log, every commit on the disk before it is acknowledged."""

from __future__ import annotations

from alamo.store.books import SqlImportLog, SqlPlanBook, SqlStepLog
from alamo.store.database import Database
from alamo.store.ledger import SqlDeliveryLedger


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

    def close(self) -> None:
        """Release connections."""
        self._database.close()
