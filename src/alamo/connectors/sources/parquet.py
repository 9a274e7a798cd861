"""Parquet: typed columns, a bounded number of rows at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from alamo.connectors.sources.stream import FIRST_DATA_ROW, OnProgress, Rows
from alamo.domain.errors import InputError

PARQUET_MAGIC = b"PAR1"
PARQUET_SUFFIXES = (".parquet", ".pq")
_HIDDEN = ("_", ".")
BATCH_ROWS = 122_880
"""As many as a row group of the store holds, so that batches pass through unsplit."""
_BUFFER_BYTES = 1 << 20


def parquet_files(source: object) -> tuple[Path, ...]:
    """Return the Parquet file that `source` names, or those in the folder it names and below; none if it is neither.

    Files and folders whose names begin with ``_`` or ``.`` are left alone, as other programs do.
    """
    if not isinstance(source, str | Path):
        return ()
    path = Path(source)
    if path.is_dir():
        return tuple(Path(name) for name in sorted(_below(str(path))))
    return (path,) if path.is_file() and is_parquet(path) else ()


def _below(folder: str) -> Iterator[str]:
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(_HIDDEN)]
        shown = (name for name in names if name.endswith(PARQUET_SUFFIXES) and not name.startswith(_HIDDEN))
        yield from (os.path.join(place, name) for name in shown)  # noqa: PTH118 # a year of days, each time


def is_parquet(path: Path) -> bool:
    """Say whether the file starts as Parquet does, or is named like it."""
    with path.open("rb") as handle:
        return handle.read(4) == PARQUET_MAGIC or (path.suffix in PARQUET_SUFFIXES and path.stat().st_size > 0)


@dataclass(frozen=True, slots=True)
class ParquetSource:
    """A Parquet file; row numbers count as if a header were row 1, so that they agree with a CSV export."""

    path: Path
    name: str
    total_bytes: int
    batch_rows: int = BATCH_ROWS

    def header(self) -> tuple[str, ...]:
        """Return the column names."""
        with self._open() as file:
            return tuple(file.schema_arrow.names)

    def batches(self, on_progress: OnProgress | None) -> Iterator[Rows]:
        """Yield the rows; progress counts rows and is scaled to bytes."""
        with self._open() as file:
            total_rows, done = file.metadata.num_rows, 0
            try:
                for batch in file.iter_batches(self.batch_rows, use_threads=False):
                    start = FIRST_DATA_ROW + done
                    yield Rows(batch, np.arange(start, start + batch.num_rows, dtype=np.int64))
                    done += batch.num_rows
                    if on_progress is not None:
                        on_progress(self.total_bytes * done // max(total_rows, 1), self.total_bytes)
            except (pa.ArrowInvalid, OSError) as error:
                raise self._damaged(error, FIRST_DATA_ROW + done) from None

    def _open(self) -> pq.ParquetFile:
        try:
            # streamed pages instead of whole row groups: one column chunk of a large group may not fit in memory
            return pq.ParquetFile(self.path, buffer_size=_BUFFER_BYTES, pre_buffer=False)
        except (pa.ArrowInvalid, OSError) as error:
            raise self._damaged(error, FIRST_DATA_ROW) from None

    def _damaged(self, error: Exception, row: int) -> InputError:
        return InputError(
            f"{self.name}: the Parquet file is cut off or damaged at or after row {row} ({error})",
            hint="Export or copy the file again, then repeat the command.",
            code="input.damaged_parquet",
            details={"file": self.name, "row": row},
        )
