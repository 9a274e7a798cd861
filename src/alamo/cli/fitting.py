"""Tables that fit the page: headings fold, prose folds, and what is still too wide goes on in a further block.

A number is never broken over two lines. Where a table is cut, each block begins with the columns that name its rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Table
from rich.text import Text

_GAP = 2
_PROSE = 24
_MOST_KEYS = 2


@dataclass(frozen=True, slots=True)
class Cells:
    """A column as it is written: its heading, the text of each row, and whether it stands at the right."""

    heading: str
    rows: tuple[str, ...]
    right: bool

    @property
    def natural(self) -> int:
        """Width at which nothing folds."""
        return max(cell_len(self.heading), self._widest)

    @property
    def folded(self) -> int:
        """Width at which the heading folds at its blanks, and prose to lines of some words."""
        word = max((cell_len(word) for word in self.heading.split()), default=0)
        return max(word, min(self._widest, max(_PROSE, self._longest_word)) if self._is_prose else self._widest)

    @property
    def _widest(self) -> int:
        return max((cell_len(row) for row in self.rows), default=0)

    @property
    def _longest_word(self) -> int:
        return max((cell_len(word) for row in self.rows for word in row.split()), default=0)

    @property
    def _is_prose(self) -> bool:
        return not self.right and any(" " in row for row in self.rows)


@dataclass(frozen=True, slots=True)
class FittingTable:
    """Columns side by side as far as the page holds them, the others below."""

    columns: tuple[Cells, ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """Write it as wide as the console is."""
        width = options.max_width
        if _total([one.natural for one in self.columns]) <= width:
            yield _plain(self.columns)
            return
        for index, block in enumerate(blocks(self.columns, width)):
            if index:
                yield Text("")
            yield _folded(block, width)


def blocks(columns: Sequence[Cells], width: int) -> Iterator[list[Cells]]:
    """Yield the columns of each block; a single one if they fit once headings and prose are folded.

    The first block takes what fits; further ones repeat the columns that name the rows: the first one, and a second if
    both are text.
    """
    if _total([one.folded for one in columns]) <= width:
        yield list(columns)
        return
    keys = _keys(columns, width)
    block = list(keys)
    for one in columns[len(keys) :]:
        if len(block) > len(keys) and _total([other.folded for other in (*block, one)]) > width:
            yield block
            block = list(keys)
        block.append(one)
    yield block


def _keys(columns: Sequence[Cells], width: int) -> list[Cells]:
    """Return the leading columns that every block repeats; those that leave half of the page to the others."""
    keys: list[Cells] = []
    for one in columns[:_MOST_KEYS]:
        if (keys and (one.right or keys[0].right)) or _total([other.folded for other in (*keys, one)]) > width // 2:
            break
        keys.append(one)
    return keys


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + _GAP * (len(widths) - 1)


def _plain(columns: Sequence[Cells]) -> Table:
    table = Table(header_style="dim", box=None, pad_edge=False)
    for one in columns:
        table.add_column(one.heading, justify="right" if one.right else "left", overflow="fold")
    return _filled(table, columns)


def _folded(columns: Sequence[Cells], width: int) -> Table:
    """Return a table whose columns have the widths given here: what is left over goes to the prose."""
    widths = [one.folded for one in columns]
    left = width - _total(widths)
    for index, one in enumerate(columns):
        more = min(max(left, 0), one.natural - widths[index])
        widths[index] += more
        left -= more
    table = Table(header_style="dim", box=None, pad_edge=False)
    for one, wide in zip(columns, widths, strict=True):
        table.add_column(
            one.heading, justify="right" if one.right else "left", overflow="fold", width=wide, vertical="top"
        )
    return _filled(table, columns)


def _filled(table: Table, columns: Sequence[Cells]) -> Table:
    for row in zip(*(one.rows for one in columns), strict=True):
        table.add_row(*(Text(text) for text in row))
    return table
