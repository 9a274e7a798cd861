"""Beginning: a project folder, and the files it takes in."""

from __future__ import annotations

from pathlib import Path

import click

from alamo.cli.options import json_option, opened
from alamo.cli.output import counting, emit
from alamo.cli.views import standing as views
from alamo.project import EXAMPLES, Project

KINDS = ("customers", "orders", "events", "experiment", "consent", "suppression", "deliveries")


@click.command(epilog="Example: alamo init demo --example shop")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--example", type=click.Choice(EXAMPLES), help="Fill the project with real orders and three offers.")
@json_option
def init(folder: Path, example: str | None, as_json: bool) -> None:
    """Make a project in a new or empty folder."""
    answer = Project.init(folder, example=example)
    emit(answer, views.created, as_json=as_json)


@click.command("import", epilog="Example: alamo import orders orders.csv.gz --preview")
@click.argument("kind", type=click.Choice(KINDS), metavar="KIND")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--mapping", type=click.Path(path_type=Path, dir_okay=False), help="Mapping file (see mappings/).")
@click.option("--preview", is_flag=True, help="Show how the file would be read; store nothing.")
@json_option
@click.pass_obj
def import_(
    folder: str, kind: str, files: tuple[str, ...], mapping: Path | None, *, preview: bool, as_json: bool
) -> None:
    """Take in files: CSV (also .gz), TSV, Parquet, or - for standard input.

    KIND: customers, orders, events, experiment, consent, suppression or deliveries.

    Columns are recognised by their headings. Rows that cannot be understood go to a quarantine file with their row
    number and reason. The same file twice adds nothing; a corrected file replaces its rows.
    """
    with opened(folder) as project, counting("reading", not as_json, in_bytes=True) as progress:
        answer = project.import_file(kind, files, mapping=mapping, preview=preview, progress=progress)
        attribution = project.settings.attribution
    emit(answer, views.imported, as_json=as_json, attribution=attribution)
