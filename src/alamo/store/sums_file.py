"""A table of sums between runs, as one Parquet file."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from alamo.domain.errors import InputError, StoreError
from alamo.store.durable import write_durably


class SumsFile:
    """Implements `alamo.domain.ports.SumsBook`.

    Parameters
    ----------
    path
        Of the file; made at the first `write`.
    """

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path)

    def read(self) -> pa.Table | None:
        """Return the table as it was last written; None before.

        Raises
        ------
        InputError
            If the file cannot be read.
        """
        if not self._path.exists():
            return None
        try:
            return pq.read_table(self._path, use_threads=False)
        except (pa.ArrowInvalid, OSError) as error:
            raise InputError(
                f"the kept sums in {self._path} cannot be read: {error}",
                hint=f"If nothing else needs the file, remove it and count everything anew: rm {self._path}",
                code="input.kept_sums",
                details={"file": str(self._path)},
            ) from None

    def write(self, table: pa.Table) -> None:
        """Replace the table durably, in one step.

        Raises
        ------
        StoreError
            If the file cannot be written.
        """
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink)
        try:
            write_durably(self._path, sink.getvalue().to_pybytes())
        except OSError as error:
            raise StoreError(
                f"the sums cannot be kept in {self._path}: {error}",
                hint=f"Is there room, and may you write there? See: ls -ld {self._path.parent}",
                code="store.kept_sums_write",
                details={"file": str(self._path)},
            ) from None
