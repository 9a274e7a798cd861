"""Writing a table, or a model, to the file a person named."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

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
    _replace(path, lambda unfinished: writers[path.suffix](table, str(unfinished)))


def write_json(path: Path, state: Mapping[str, Any]) -> None:
    """Write `state` as JSON; numbers come back bit for bit, and a file that was there is replaced as a whole.

    Raises
    ------
    UsageError
        On another ending than ``.json``, or if the folder cannot be written to.
    """
    if path.suffix != ".json":
        raise UsageError(
            f"a model is written as JSON, not to {path.name!r}",
            hint="End the name in .json: --model-out model.json",
            code="output.unknown_format",
            details={"file": str(path)},
        )
    text = json.dumps(state, ensure_ascii=False, allow_nan=False)
    _replace(path, lambda unfinished: unfinished.write_text(text, encoding="utf-8"))


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        write(unfinished)
        unfinished.replace(path)
    except OSError as error:
        raise UsageError(
            f"cannot write {path}: {error.strerror or error}",
            hint=f"Name a file in a folder that exists: --out {path.name}",
            code="output.unwritable",
            details={"file": str(path)},
        ) from None
