"""Writing a table, or a model, to the file a person named; whether that can be done is said before the work."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from alamo.domain.errors import UsageError

TABLE_ENDINGS = (".parquet", ".csv")
MODEL_ENDINGS = (".json",)
PAGE_ENDINGS = (".html", ".htm")


class FileToWrite(click.Path):
    """An option's file that is written at the end of the work; its name and folder are checked before the work.

    It must be neither the command's FILE (`alamo.cli.analyze_options.file_argument`) nor that of another such option.

    Parameters
    ----------
    endings
        Those that are possible; the first is the one proposed.
    """

    name = "file"

    def __init__(self, endings: tuple[str, ...]) -> None:
        super().__init__(path_type=Path, dir_okay=False)
        self.endings = endings

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path.

        Raises
        ------
        UsageError
            On another ending, if the folder does not exist or cannot be written to, or if the file is the one that is
            read or another option's.
        """
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        option = param.opts[0] if param is not None else "--out"
        _require_ending(path, self.endings, option)
        if not path.parent.is_dir():
            raise _unwritable(path, "No such file or directory", option)
        if not os.access(path.parent, os.W_OK | os.X_OK):
            raise _unwritable(path, "Permission denied", option)
        if ctx is not None:
            _require_own(path, option, ctx)
        return path


def write_table(path: Path, table: pa.Table) -> None:
    """Write `table` as Parquet or CSV, by the name's ending; a file that was there is replaced as a whole.

    Raises
    ------
    UsageError
        On another ending, or if the folder cannot be written to.
    """
    _require_ending(path, TABLE_ENDINGS, "--out")
    write = {".parquet": pq.write_table, ".csv": pa_csv.write_csv}[path.suffix]
    _replace(path, lambda unfinished: write(table, str(unfinished)), "--out")


def write_json(path: Path, state: Mapping[str, Any]) -> None:
    """Write `state` as JSON; numbers come back bit for bit, and a file that was there is replaced as a whole.

    Raises
    ------
    UsageError
        On another ending than ``.json``, or if the folder cannot be written to.
    """
    _require_ending(path, MODEL_ENDINGS, "--model-out")
    text = json.dumps(state, ensure_ascii=False, allow_nan=False)
    _replace(path, lambda unfinished: unfinished.write_text(text, encoding="utf-8"), "--model-out")


def _replace(path: Path, write: Callable[[Path], object], option: str) -> None:
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        write(unfinished)
        unfinished.replace(path)
    except OSError as error:
        raise _unwritable(path, error.strerror or str(error), option) from None


def _require_ending(path: Path, endings: tuple[str, ...], option: str) -> None:
    if path.suffix in endings:
        return
    raise UsageError(
        f"cannot tell a format from the name {path.name!r}",
        hint=f"End it in {' or '.join(endings)}: {option} {shlex.quote(path.stem + endings[0])}",
        code="output.unknown_format",
        details={"file": str(path), "option": option, "endings": list(endings)},
    )


def _require_own(path: Path, option: str, ctx: click.Context) -> None:
    """Refuse a file that the command reads, or that another of its options writes."""
    place, read = path.resolve(), ctx.params.get("file")
    others: dict[Path, str] = ctx.meta.setdefault(f"{__name__}.written", {})
    if isinstance(read, str) and place == Path(read).resolve():
        why = "it is the file that is read"
    elif others.setdefault(place, option) != option:
        why = f"{others[place]} is written there"
    else:
        return
    other = f"{path.stem}-{option.strip('-')}{path.suffix}"
    raise UsageError(
        f"{option} cannot be {path}: {why}",
        hint=f"Name another file: {option} {shlex.quote(other)}",
        code="output.taken",
        details={"file": str(path), "option": option},
    )


def _unwritable(path: Path, why: str, option: str) -> UsageError:
    return UsageError(
        f"cannot write {path}: {why}",
        hint=f"Name a file in a folder that exists: {option} {shlex.quote(path.name)}",
        code="output.unwritable",
        details={"file": str(path), "option": option},
    )
