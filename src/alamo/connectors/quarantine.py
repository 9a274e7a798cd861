"""The quarantine file: rows that could not be taken in, with their row number, field, value and reason."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv


class QuarantineFile:
    """Writes quarantined rows to a CSV file that appears under its name only when the import is done.

    Parameters
    ----------
    path
        Final name; nothing is created as long as no row is put aside.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._draft = path.with_name(f".{path.name}.{os.getpid()}")
        self._writer: pacsv.CSVWriter | None = None

    def append(self, rows: pa.RecordBatch) -> None:
        """Add rows."""
        if self._writer is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = pacsv.CSVWriter(str(self._draft), rows.schema)
        self._writer.write_batch(rows)

    def close(self) -> Path | None:
        """Give the file its name; return it, or None when no row was put aside."""
        if self._writer is None:
            self._path.unlink(missing_ok=True)
            return None
        self._writer.close()
        self._draft.replace(self._path)
        return self._path

    def discard(self) -> None:
        """Remove what was written: the import failed."""
        if self._writer is not None:
            self._writer.close()
            self._draft.unlink(missing_ok=True)
