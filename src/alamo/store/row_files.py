"""Parquet files of any project, or of none, as a warehouse: SQL sees their rows and nothing else."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from alamo.domain.errors import AlamoError, InputError
from alamo.store.sql import SqlEngine

ROWS = "rows"
"""The relation that holds the rows of all files."""


class RowFolder:
    """Implements `alamo.domain.ports.RowSource`: Parquet files, named by their place below a folder.

    Parameters
    ----------
    files
        At least one.
    root
        The folder names start from.
    """

    def __init__(self, files: Sequence[Path], root: Path) -> None:
        prefix = len(root.parts)
        self._files = {"/".join(file.parts[prefix:]): file for file in files}

    def stamps(self) -> Mapping[str, str]:
        """Return file → its size and time of change."""
        found = {name: file.stat() for name, file in self._files.items()}
        return {name: f"{stat.st_size}-{stat.st_mtime_ns}" for name, stat in found.items()}

    def digest(self, name: str) -> str:
        """Return a hash of the content of a file."""
        with self._files[name].open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    @contextmanager
    def rows(self, names: Sequence[str]) -> Iterator[RowFiles]:
        """Open the rows of these files as the relation `ROWS`.

        Raises
        ------
        InputError
            If a file cannot be opened as Parquet.
        """
        opened = RowFiles([self._files[name] for name in names])
        try:
            yield opened
        finally:
            opened.close()


class RowFiles:
    """Implements `alamo.domain.ports.Warehouse` over Parquet files; nothing is read before it is asked for.

    Parameters
    ----------
    files
        At least one; columns that only some have are null elsewhere.
    memory_limit
        Such as ``"1GB"``; `None`: DuckDB's default.
    threads
        `None`: as many as there are CPUs.

    Raises
    ------
    InputError
        If a file cannot be opened as Parquet.
    """

    def __init__(self, files: Sequence[Path], *, memory_limit: str | None = None, threads: int | None = None) -> None:
        whole = [file.resolve() for file in files]
        self._shown = ", ".join(str(file) for file in files[:3]) + (" …" if len(files) > 3 else "")
        self._sql = SqlEngine(
            folder=Path(os.path.commonpath([file.parent for file in whole])),
            spill=Path(tempfile.gettempdir()),
            memory_limit=memory_limit,
            threads=threads,
        )
        try:
            self._sql.show_parquet(ROWS, whole)
        except AlamoError as error:
            raise self._damaged(error) from None

    def query(
        self, sql: str, parameters: Mapping[str, Any] | None = None, relations: Mapping[str, pa.Table] | None = None
    ) -> pa.Table:
        """Run one SELECT over the relation `ROWS`; see `alamo.domain.ports.Warehouse.query`.

        Raises
        ------
        InputError
            If a file turns out to be damaged.
        """
        try:
            return self._sql.select(sql, parameters, relations)
        except AlamoError as error:
            raise self._damaged(error) from None

    def close(self) -> None:
        """Release the query engine."""
        self._sql.close()

    def _damaged(self, error: AlamoError) -> InputError:
        return InputError(
            f"{self._shown}: the rows cannot be counted ({error.message})",
            hint="Export or copy the file again, then repeat the command.",
            code="input.damaged_parquet",
            details={"files": self._shown},
        )
