"""Writing a table to the file a person named."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from alamo.domain.errors import UsageError


def write_table(path: Path, table: pa.Table) -> None:
    """Write `table` as Parquet or CSV, by the name's ending; a file that was there is replaced as a whole.

    Raises
    ------
    UsageError
        On another ending, or if the folder cannot be written to.
    """
    writers = {".parquet": pq.write_table, ".csv": pa_csv.write_csv}
    if path.suffix not in writers:
        raise UsageError(
            f"cannot tell a format from the name {path.name!r}",
            hint="End it in .parquet or .csv: --out scores.parquet",
            code="output.unknown_format",
            details={"file": str(path)},
        )
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        writers[path.suffix](table, str(unfinished))
        unfinished.replace(path)
    except OSError as error:
        raise UsageError(
            f"cannot write {path}: {error.strerror or error}",
            hint=f"Name a file in a folder that exists: --out {path.name}",
            code="output.unwritable",
            details={"file": str(path)},
        ) from None
