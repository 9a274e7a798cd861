"""The stream of rows every source becomes: batches of bounded size, each row with its number in the file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

FIRST_DATA_ROW = 2
"""Rows are numbered from 1 and the header is row 1."""

OnProgress = Callable[[int, int], None]
"""Called with (bytes read, bytes in all)."""


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that could not be cut into fields: its number in the file and why."""

    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class Rows:
    """One batch.

    Attributes
    ----------
    data
        The rows; every column is text for delimited files, typed for Parquet; an empty field is null.
    numbers
        Number of each row in the file, shape (n,), increasing.
    bad
        Rows that could not be cut into fields, met up to the end of this batch.
    """

    data: pa.RecordBatch
    numbers: npt.NDArray[np.int64]
    bad: tuple[BadRow, ...] = ()

    @property
    def first_row(self) -> int:
        """Number of the first row; 0 in a batch without rows."""
        return int(self.numbers[0]) if len(self.numbers) else 0


Batches = Callable[[OnProgress | None], Iterator[Rows]]


@dataclass(frozen=True, slots=True)
class RowStream:
    """An opened file: its header, and its rows as often as they are asked for.

    Attributes
    ----------
    name
        What to call it in messages; ``standard input`` for ``-``.
    header
        Column names in the order of the file.
    typed
        Whether columns carry types of their own (Parquet) or all are text.
    total_bytes
        Size at rest.
    path
        Where the bytes lie (a temporary file for standard input).
    """

    name: str
    header: tuple[str, ...]
    typed: bool
    total_bytes: int
    path: Path
    batches_of: Batches
    on_progress: OnProgress | None = None
    keep: Any = field(default=None, repr=False)
    """Holds a temporary file alive as long as the stream."""

    def __iter__(self) -> Iterator[Rows]:
        """Read the file from its beginning and report progress."""
        return self.batches_of(self.on_progress)

    def scan(self) -> Iterator[Rows]:
        """Read the file from its beginning without reporting progress; for a look ahead of the import."""
        return self.batches_of(None)

    def content_hash(self) -> str:
        """Return the SHA-256 (hex) of the bytes at rest, read in pieces."""
        with self.path.open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()

    def close(self) -> None:
        """Remove what was spooled from standard input."""
        if self.keep is not None:
            self.keep.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
