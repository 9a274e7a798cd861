"""Micro-segments of a file of orders, for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import RenderableType

from alamo.cli import formats
from alamo.cli.output import column, interval_column, next_step, note, refusals, table

_SHOWN = 40


def segments(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    """The largest segments, how their number was chosen, and what a refit changed."""
    rows = data["rows"]
    columns = [
        column("no.", "number"),
        column("segment", "segment"),
        column("customers", "customers", formats.count),
        column("buy again", "bought", formats.percent),
        column("money", "money", formats.money),
        column(f"in {data['days_ahead']} days", "customers_ahead", formats.count),
        interval_column("interval", "customers_lower", "customers_upper", formats.count),
    ]
    title = (
        f"{formats.count(data['segments'])} segments of {formats.count(data['customers'])} customers, {data['as_of']}"
    )
    yield table(title, columns, rows[:_SHOWN])
    if len(rows) > _SHOWN:
        yield note(f"… and {len(rows) - _SHOWN} smaller ones; all of them with --html or --json", "dim")
    yield note(
        f"Expected in the next {data['days_ahead']} days: the share that buys, net {data['currency']} per customer · "
        f"smallest segment {formats.count(data['smallest'])} · version {data['version']}",
        "dim",
    )
    yield from _chosen(data)
    yield from _changed(data)
    yield from _forecast(data)
    yield from _moved(data)
    for key, words in _FILES.items():
        if data.get(key):
            yield note(f"{words}: {data[key]}")
    yield from refusals(data)
    if data.get("definition_file"):
        yield from next_step(f"alamo analyze segments FILE --previous {data['definition_file']}")


def _chosen(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    choice = data.get("choice")
    if not choice:
        return
    words = (
        f"On customers and months held back ({data['judged'][0]} to {data['judged'][-1]}) the segments explain "
        f"{formats.percent(choice['explained'])} (± {formats.percent(choice['explained_se'])}) of what one group "
        f"does not; {choice['best_cuts']} cuts below the stages predict best, {choice['cuts']} as well within a "
        "standard error."
    )
    yield note(words)


def _changed(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    changes = data.get("changes")
    if not changes:
        return
    yield note(
        f"Against version {data['parent']}, on the same customers: agreement "
        f"{formats.number(changes['adjusted_rand'])} (adjusted Rand), {formats.percent(changes['same_number'])} keep "
        "their number; "
        f"{len(changes['kept'])} segments kept, {len(changes['new'])} new, {len(changes['gone'])} gone."
    )


def _forecast(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    forecast, test = data.get("forecast"), data.get("forecast_test")
    if not forecast:
        return
    months = " · ".join(
        f"month {formats.count(row['month'])}: {formats.count(row['money'])} "
        f"({formats.interval(row['lower'], row['upper'], formats.count)})"
        for row in forecast["months"]
    )
    yield note(f"Net {data['currency']} of today's and expected customers, {months}")
    if test:
        covered = "" if test["covered"] is None else f"; intervals held {formats.percent(test['covered'])} of the sizes"
        yield note(
            f"Such forecasts, made at {len(test['origins'])} past months, missed a segment's size by "
            f"{formats.number(test['error'])} customers on average, 'no change' by "
            f"{formats.number(test['error_no_change'])}{covered}"
        )


def _moved(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    moved = data["migration"]
    columns = [
        column("from", "from_segment"),
        column("to", "to_segment"),
        column("customers", "customers", formats.count),
        column("of the first", "share", formats.percent),
    ]
    title = (
        f"{formats.percent(moved['moved_share'])} changed segment from {moved['from']} to {moved['to']}, "
        f"{formats.count(moved['joined'])} are new"
    )
    yield table(title, columns, moved["flows"][:_FLOWS])
    reasons = ", ".join(
        f"{row['feature'].replace('_', ' ').replace(':', ': ')} {formats.count(row['customers'])}"
        for row in moved["reasons"][:_FLOWS]
    )
    yield note(f"Moved by: {reasons or 'nothing'}")


_FLOWS = 8
_FILES = {
    "out": "Per customer",
    "moves_file": "Who moved and why",
    "matrix_file": "Migration matrix",
    "definition_file": "Definition",
}
