"""The connection to the operational half: pragmas, transactions, and failures in our words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from alamo.domain.errors import StoreError
from alamo.store.durable import make_folder, sync_folder
from alamo.store.migrations import migrate

_BUSY_MILLISECONDS = 10_000
_PRAGMAS = (
    f"PRAGMA busy_timeout = {_BUSY_MILLISECONDS}",  # first: the next one may have to wait for another process
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # NORMAL loses acknowledged commits in a power cut
    "PRAGMA foreign_keys = ON",
)


class Database:
    """A SQLite file, migrated, in WAL mode with ``synchronous=FULL``.

    Parameters
    ----------
    url
        SQLAlchemy URL of a file.

    Raises
    ------
    StoreError
        If the URL is not one of a SQLite file, the file cannot be opened, or a newer version made it.
    """

    def __init__(self, url: str) -> None:
        self.path = _path_of(url)
        existed = self.path.exists()
        with _translated(self.path):
            make_folder(self.path.parent)
            self._engine = sa.create_engine(sa.URL.create("sqlite", database=str(self.path)))
            sa.event.listen(self._engine, "connect", _configure)
            sa.event.listen(self._engine, "begin", _begin)
            migrate(self._engine)
        if not existed:
            sync_folder(self.path.parent)

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Open a transaction that holds the write lock from its start; it commits at the end of the block."""
        with _translated(self.path), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Open a transaction that sees one state of the database and blocks nobody."""
        with _translated(self.path), self._engine.connect() as connection:
            yield connection.execution_options(alamo_reading=True)

    def close(self) -> None:
        """Release connections."""
        self._engine.dispose()


def _path_of(url: str) -> Path:
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError:
        parsed = None
    if parsed is None or parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        raise StoreError(
            f"the operational half cannot be opened under {url!r}",
            hint="Set `state_url` in alamo.toml, section [store], to a SQLite file such as sqlite:///.alamo/state.db",
            code="store.url",
            details={"url": url},
        )
    return Path(parsed.database)


def _configure(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver would commit before DDL; transactions are begun below instead
    for pragma in _PRAGMAS:
        connection.execute(pragma)


def _begin(connection: sa.Connection) -> None:
    reading = connection.get_execution_options().get("alamo_reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except sa.exc.DBAPIError as error:
        busy = "locked" in str(error.orig) or "busy" in str(error.orig)
        raise StoreError(
            f"{path} cannot be used: {error.orig}",
            hint="Another alamo process is writing. Wait for it, then run the same command again."
            if busy
            else "Check the disk and the permissions of the file, then run: alamo doctor",
            code="store.busy" if busy else "store.sqlite",
            details={"path": str(path)},
            transient=busy,
        ) from error
