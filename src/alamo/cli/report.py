"""Reports on the terminal, as JSON, or as a page with pictures."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from alamo.cli.html.file import write_page
from alamo.cli.options import html_option, json_option, opened, whole_day
from alamo.cli.output import emit
from alamo.cli.views.reports import VIEWS
from alamo.cli.views.segments import segments
from alamo.domain.errors import UsageError

_MICRO = "micro-segments"


@click.command(epilog="Example: alamo report effects --html effects.html")
@click.argument("kind", type=click.Choice([*VIEWS, _MICRO]), metavar="KIND")
@click.option(
    "--from", "moved_from", type=whole_day, metavar="DATE", help="Of micro-segments: who moved after this day …"
)
@click.option("--to", "moved_to", type=whole_day, metavar="DATE", help="… up to this one (default: the last cycle).")
@html_option
@json_option
@click.pass_obj
def report(
    folder: str, kind: str, moved_from: date | None, moved_to: date | None, html_file: Path | None, as_json: bool
) -> None:
    """What is known now, each number with its n, interval and date.

    KIND: effects, segments, value, policy, loop, contacts, health or micro-segments.
    """
    if kind != _MICRO and (moved_from or moved_to):
        raise UsageError(
            f"the report on {kind} is about no time that --from and --to could name",
            hint=f"Leave them out: alamo report {kind}. Who moved says: alamo report {_MICRO} --from DATE --to DATE",
            code="report.no_span",
        )
    with opened(folder) as project:
        if kind == _MICRO:
            data = project.micro_segments(moved_from, moved_to).to_dict()
            data["attribution"] = project.context.settings.attribution
        else:
            data = project.report(kind).to_dict()
    if html_file is not None:
        write_page(html_file, kind, data)
    emit(data, segments if kind == _MICRO else VIEWS[kind], as_json=as_json)
