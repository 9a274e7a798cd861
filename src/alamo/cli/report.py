"""Reports on the terminal, as JSON, or as a page with pictures."""

from __future__ import annotations

from pathlib import Path

import click

from alamo.cli.html.file import write_page
from alamo.cli.options import html_option, json_option, opened
from alamo.cli.output import emit
from alamo.cli.views.reports import VIEWS


@click.command(epilog="Example: alamo report effects --html effects.html")
@click.argument("kind", type=click.Choice(list(VIEWS)), metavar="KIND")
@html_option
@json_option
@click.pass_obj
def report(folder: str, kind: str, html_file: Path | None, as_json: bool) -> None:
    """What is known now, each number with its n, interval and date.

    KIND: effects, segments, value, policy, loop or health.
    """
    with opened(folder) as project:
        data = project.report(kind).to_dict()
    if html_file is not None:
        write_page(html_file, kind, data)
    emit(data, VIEWS[kind], as_json=as_json)
