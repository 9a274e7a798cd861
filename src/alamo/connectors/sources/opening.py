"""Opens a file or standard input by what its first bytes say it is."""

from __future__ import annotations

import difflib
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any, BinaryIO

from alamo.connectors.sources.delimited import DelimitedFile, read_header
from alamo.connectors.sources.parquet import ParquetSource, is_parquet
from alamo.connectors.sources.stream import OnProgress, RowStream
from alamo.domain.errors import InputError, UsageError

STANDARD_INPUT = "-"


def open_rows(
    source: str | Path,
    *,
    delimiter: str | None = None,
    encoding: str = "utf-8",
    on_progress: OnProgress | None = None,
    stdin: BinaryIO | None = None,
) -> RowStream:
    """Open CSV, TSV (both also gzip) or Parquet for reading in batches of bounded size.

    Parameters
    ----------
    source
        Path, or ``-`` for standard input, which is copied to a temporary file so that it can be read again.
    delimiter
        Of a text file; found in the header unless given.
    encoding
        Of a text file.
    on_progress
        Called with (bytes read, bytes in all) while the rows are read.
    stdin
        What ``-`` stands for; the process's own unless given.

    Raises
    ------
    UsageError
        If there is no such file, an encoding is unknown or a delimiter is not one character.
    InputError
        If the file is empty, damaged or not text in `encoding`.
    """
    if delimiter is not None and len(delimiter) != 1:
        raise UsageError(
            f"the delimiter must be one character, got {delimiter!r}",
            hint='Use a single character such as "," ";" or a tab.',
            code="input.bad_delimiter",
            details={"delimiter": delimiter},
        )
    path, name, keep = locate(source, stdin)
    total = path.stat().st_size
    if is_parquet(path):
        parquet = ParquetSource(path, name, total)
        return RowStream(name, parquet.header(), True, total, path, parquet.batches, on_progress, keep)
    mark, header = read_header(path, name, encoding, delimiter)
    text = DelimitedFile(path, name, encoding, mark, header, total)
    return RowStream(name, header, False, total, path, text.batches, on_progress, keep)


def locate(source: str | Path, stdin: BinaryIO | None = None) -> tuple[Path, str, Any]:
    """Return the file's path, its name for messages, and what to keep alive while it is read."""
    if str(source) == STANDARD_INPUT:
        spool = tempfile.NamedTemporaryFile(prefix="alamo-stdin-")  # noqa: SIM115 # closed by RowStream.close
        shutil.copyfileobj(stdin if stdin is not None else sys.stdin.buffer, spool, 1 << 20)
        spool.flush()
        return Path(spool.name), "standard input", spool
    path = Path(source)
    if not path.exists():
        raise _missing(path)
    if path.is_dir():
        raise InputError(
            f"{path} is a folder, not a file",
            hint=f"Name a file in it. See what is there with: ls {path}",
            code="input.is_folder",
            details={"file": str(path)},
        )
    return path, str(path), None


def _missing(path: Path) -> UsageError:
    folder = path.parent
    names = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
    near = difflib.get_close_matches(path.name, names, n=3, cutoff=0.5)
    hint = f"Did you mean {', '.join(near)}?" if near else f"See what is there with: ls {folder}"
    return UsageError(
        f"there is no file {path}", hint=hint, code="input.no_file", details={"file": str(path), "near": near}
    )
