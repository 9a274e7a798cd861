"""Imports: how a file would be read, and what became of it; fits a page of 100 columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import RenderableType

from alamo.cli import formats
from alamo.cli.output import Column, column, next_step, note, table

PAGE_WIDTH = 100
_GAP = 2
_CELL = 20
_ROWS = 5
_REASONS = 10
_TOLD_FIRST = ("row", "customer_id", "occurred_at", "kind")


def imported(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Files taken in, or the preview of what would be."""
    for one in data["files"]:
        yield note(_headline(one, preview=bool(data.get("preview"))), "bold")
        yield from _mapping(one.get("mapping") or [])
        yield from _sample(one.get("sample") or [])
        yield from _quarantine(one)
        if one.get("merged"):
            yield note(f"The same file under another path, so its rows count once now: {', '.join(one['merged'])}")
        if one.get("emptied"):
            yield note(f"{one['source']} holds these rows; what this file held before was taken out.")
        if one.get("complete_until"):
            yield note(f"Every order before {formats.moment(one['complete_until'])} (UTC) counts as known.")
    yield from next_step(data.get("next"))


def _headline(one: Mapping[str, Any], *, preview: bool) -> str:
    if one.get("unchanged"):
        return f"{one['file']}: known already, nothing added"
    verb = "would be taken in" if preview else "taken in"
    rows = "1 row" if one.get("rows") == 1 else f"{formats.count(one.get('rows'))} rows"
    return f"{one['file']}: {rows} {verb}, {formats.count(one.get('quarantined'))} in quarantine"


def _mapping(rows: Sequence[Mapping[str, Any]]) -> Iterator[RenderableType]:
    """Which column is which field and why; columns that no field takes are one line a sort."""
    taken = [row for row in rows if row["field"]]
    if taken:
        columns = [column("column of the file", "column"), column("read as", "field"), column("how", "how")]
        yield table("Columns", columns, taken)
    rest: dict[str, list[str]] = {}
    for row in rows:
        if not row["field"]:
            rest.setdefault(row["how"], []).append(row["column"])
    for how, names in rest.items():
        yield note(f"{how.capitalize()}: {', '.join(names)}", "dim")


def _sample(rows: Sequence[Mapping[str, Any]]) -> Iterator[RenderableType]:
    """The first rows, with as many fields as the page holds; the others are named."""
    if not rows:
        return
    keys, left = fitting(list(rows[0]), rows[:_ROWS])
    yield table(
        "First rows as understood",
        [Column(key, _cell(key), right=key.endswith("_money")) for key in keys],
        rows[:_ROWS],
    )
    if left:
        yield note(f"Read as well: {', '.join(left)}", "dim")


def fitting(keys: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[str]]:
    """Return which columns fit side by side on a page, in order, and which do not; who, when and money come first."""
    fit = set()
    room = PAGE_WIDTH + _GAP
    for key in sorted(keys, key=lambda key: (key not in _TOLD_FIRST, not key.endswith("_money"))):
        write = _cell(key)
        width = _GAP + max(len(key), *(len(write(row)) for row in rows))
        if width <= room:
            fit.add(key)
            room -= width
    return [key for key in keys if key in fit], [key for key in keys if key not in fit]


def _cell(key: str) -> Any:
    write = formats.moment if key.endswith("_at") else formats.money if key.endswith("_money") else formats.text

    def written(row: Mapping[str, Any]) -> str:
        text = write(row.get(key))
        return text if len(text) <= _CELL else f"{text[: _CELL - 1]}…"

    return written


def _quarantine(one: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Why rows were put aside: how many, which first, and a value."""
    found = one.get("complaints") or []
    if found:
        columns = [
            column("rows", "rows", formats.count),
            column("reason", "reason"),
            Column("row numbers", _first_rows, right=False),
            Column("such as", _cell("value"), right=False),
        ]
        yield table("Quarantine", columns, found[:_REASONS])
    if len(found) > _REASONS:
        yield note(f"… and {len(found) - _REASONS} more reasons", "dim")
    if one.get("quarantine_file"):
        yield note(f"All quarantined rows: {one['quarantine_file']}", "yellow")


def _first_rows(row: Mapping[str, Any]) -> str:
    more = ", …" if row["rows"] > len(row["first_rows"]) else ""
    return ", ".join(formats.count(number) for number in row["first_rows"]) + more
