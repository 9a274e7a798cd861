"""``alamo analyze segments``."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pyarrow as pa

from alamo.analyze import find_segments
from alamo.cli.analyze_options import file_argument, model_file, out_option, table_file
from alamo.cli.files import write_json, write_table
from alamo.cli.html.file import write_page
from alamo.cli.options import html_option, json_option, layout, whole_day
from alamo.cli.output import announcing, emit
from alamo.cli.views.segments import segments as view
from alamo.domain.errors import InputError, UsageError
from alamo.inference.micro_segments import SegmentsResult

_file = click.Path(path_type=Path, dir_okay=False)


def definition(path: Path) -> Mapping[str, Any]:
    """Read the file of a definition of segments.

    Raises
    ------
    UsageError
        If there is no such file.
    InputError
        If it holds something else.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            f"cannot read {path}: {error.strerror}",
            hint="Write one with: alamo analyze segments FILE --definition-out segments.json",
            code="segments.no_definition",
        ) from None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise InputError(
            f"{path} holds no definition of segments",
            hint="Write one with: alamo analyze segments FILE --definition-out segments.json",
            code="segments.bad_definition",
        )
    return found


@click.command(epilog="Example: alamo analyze segments orders.csv --definition-out segments.json --out customers.csv")
@file_argument
@click.option("--until", type=whole_day, metavar="DATE", help="Last day that counts (default: the last of the file).")
@click.option("--currency", default="EUR", show_default=True, metavar="CODE", help="ISO 4217 code of the amounts.")
@click.option("--time-zone", default="UTC", show_default=True, metavar="NAME", help="Of times without an offset.")
@click.option("--least", type=click.IntRange(2), help="Customers each segment needs (30, or as in --previous).")
@click.option("--month-days", type=click.IntRange(7), default=30, show_default=True, help="Days of a month.")
@click.option("--months", type=click.IntRange(1), default=3, show_default=True, help="Months segments look ahead.")
@click.option("--from", "moved_from", type=whole_day, metavar="DATE", help="Say who moved after this day (with --to) …")
@click.option("--to", "moved_to", type=whole_day, metavar="DATE", help="… up to this one (default: the last month).")
@click.option("--level", type=click.FloatRange(0.5, 0.9999), default=0.9, show_default=True, help="Of the forecasts.")
@click.option(
    "--previous", type=_file, metavar="FILE.json", help="A definition to bring up to date without needless change."
)
@click.option("--definition-out", type=model_file, metavar="FILE.json", help="Write the definition.")
@click.option("--moves-out", type=table_file, metavar="FILE", help="Write who moved and why (.parquet or .csv).")
@click.option("--matrix-out", type=table_file, metavar="FILE", help="Write the migration matrix (.parquet or .csv).")
@click.option("--mapping", type=layout, metavar="FILE", help="Mapping file, as for alamo import orders.")
@out_option
@html_option
@json_option
def segments(file: str, *, as_json: bool, html_file: Path | None, **columns: Any) -> None:
    """Which groups of customers behave alike, found by the data, named in words and stable from month to month.

    FILE holds order lines, as for alamo import orders: customer, time, amount (or quantity and price), and if known
    order and category. With --previous segments keep their numbers, and change only where they clearly predict better.
    The answer also says who moved between segments and why, and how large they will be.
    """
    files = {name: columns.pop(name) for name in _WRITERS}
    definition_out = columns.pop("definition_out")
    if columns["previous"] is not None:
        columns["previous"] = definition(columns["previous"])
    with announcing(not as_json) as announce:
        announce("reading orders, describing past months and finding segments")
        answer = find_segments(file, **columns)
    for name, path in files.items():
        if path is not None:
            write_table(path, _WRITERS[name](answer))
    if definition_out is not None:
        write_json(definition_out, answer.definition.to_dict())
    answer = replace(
        answer,
        out=_text(files["out"]),
        moves_file=_text(files["moves_out"]),
        matrix_file=_text(files["matrix_out"]),
        definition_file=_text(definition_out),
    )
    if html_file is not None:
        write_page(html_file, "micro-segments", answer.to_dict())
    emit(answer, view, as_json=as_json)


_WRITERS: Mapping[str, Callable[[SegmentsResult], pa.Table]] = {
    "out": SegmentsResult.customers_table,
    "moves_out": SegmentsResult.moves_table,
    "matrix_out": SegmentsResult.migration_table,
}
"""Option → the table that it writes."""


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
