"""What a person reads: tables and notes on stdout, progress on stderr, or one JSON object and nothing else."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from rich.console import Console, Group, RenderableType
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from alamo.cli import formats
from alamo.cli.fitting import Cells, FittingTable
from alamo.domain.result import json_value

PIPE_WIDTH = 140
"""Columns where stdout is no terminal and says nothing of its width."""

View = Callable[[Mapping[str, Any]], Iterable[RenderableType]]


class Answer(Protocol):
    """What a command gets back from the library."""

    def to_dict(self) -> dict[str, Any]:
        """Return the object of ``--json``."""
        ...


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table for people: its heading, and how a row becomes its text."""

    heading: str
    write: Callable[[Mapping[str, Any]], str]
    right: bool = True


def column(heading: str, key: str, write: Callable[[Any], str] = formats.text, *, right: bool | None = None) -> Column:
    """Return a column of `key`, right-aligned unless it is plain text."""
    aligned = write not in (formats.text, formats.moment, formats.yes) if right is None else right
    return Column(heading, lambda row: write(row.get(key)), aligned)


def interval_column(heading: str, lower: str, upper: str, write: Callable[[Any], str] = formats.number) -> Column:
    """Return a column that writes two keys as an interval."""
    return Column(heading, lambda row: formats.interval(row.get(lower), row.get(upper), write))


def table(title: str, columns: Sequence[Column], rows: Iterable[Mapping[str, Any]]) -> Group:
    """Return a titled table of `rows`; the title is a line of its own, so that a narrow table does not fold it."""
    shown = list(rows)
    cells = [Cells(item.heading, tuple(item.write(row) for row in shown), item.right) for item in columns]
    return Group(heading(title), FittingTable(tuple(cells)))


def note(words: str, style: str = "") -> Text:
    """Return a line of prose."""
    return Text(words, style=style)


def heading(words: str) -> Text:
    """Return a line that opens a section."""
    return Text(words, style="bold")


def refusals(data: Mapping[str, Any]) -> list[RenderableType]:
    """Return what could not be estimated, why, and what would cure it; nothing where nothing was refused."""
    found = data.get("refusals") or []
    if not found:
        return []
    lines: list[RenderableType] = [heading("Not answered")]
    lines += [note(f"  {item['what']}: {item['reason']}  → {item['cure']}", "yellow") for item in found]
    return lines


def next_step(command: str | None) -> list[RenderableType]:
    """Return the line that names the next command to type."""
    return [Text.assemble(("Next: ", "dim"), (command, "bold green"))] if command else []


def emit(answer: Answer | Mapping[str, Any], view: View, *, as_json: bool, attribution: str = "") -> None:
    """Print `answer` through `view`, or as one JSON object; the project's attribution line stands under either."""
    data = dict(answer if isinstance(answer, Mapping) else answer.to_dict())
    if attribution and not data.get("attribution"):
        data["attribution"] = attribution
    if as_json:
        sys.stdout.write(json.dumps(json_value(data), ensure_ascii=False, allow_nan=False, indent=2) + "\n")
        return
    console = stdout_console()
    for index, part in enumerate(view(data)):
        if index and isinstance(part, Group):
            console.print()
        console.print(part)
    if data.get("attribution"):
        console.print(note(str(data["attribution"]), "dim italic"))


def stdout_console() -> Console:
    """Return the console of answers; wide where nobody told the width."""
    told = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(file=sys.stdout, highlight=False, soft_wrap=False, width=None if told else PIPE_WIDTH)


@contextmanager
def announcing(enabled: bool) -> Iterator[Callable[[str], None]]:
    """Yield a function that names the step under way on stderr while the block lasts."""
    console = Console(file=sys.stderr)
    if not (enabled and console.is_terminal):
        yield lambda words: None
        return
    with Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console) as progress:
        task = progress.add_task("starting", total=None)
        yield lambda words: progress.update(task, description=words)


@contextmanager
def counting(words: str, enabled: bool, *, in_bytes: bool = False) -> Iterator[Callable[[int, int], None]]:
    """Yield a function (done, total) that moves a bar on stderr while the block lasts."""
    console = Console(file=sys.stderr)
    if not (enabled and console.is_terminal):
        yield lambda done, total: None
        return
    amount = DownloadColumn() if in_bytes else MofNCompleteColumn()
    parts = (TextColumn("{task.description}"), BarColumn(), amount, TimeElapsedColumn())
    with Progress(*parts, console=console) as progress:
        task = progress.add_task(words, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
