"""Beginning: a project folder, and the files it takes in."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from alamo.cli.options import day, json_option, opened
from alamo.cli.output import counting, emit
from alamo.cli.views import imports, standing
from alamo.project import EXAMPLES, Project

KINDS = ("customers", "orders", "events", "experiment", "consent", "suppression", "deliveries")


@click.command(epilog="Example: alamo init demo --example shop")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--example", type=click.Choice(EXAMPLES), help="Fill the project with real orders and three offers.")
@json_option
def init(folder: Path, example: str | None, as_json: bool) -> None:
    """Make a project in a new or empty folder."""
    answer = Project.init(folder, example=example)
    emit(answer, standing.created, as_json=as_json)


@click.command("import", epilog="Example: alamo import orders orders.csv.gz --preview")
@click.argument("kind", type=click.Choice(KINDS), metavar="KIND")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--mapping", type=click.Path(path_type=Path, dir_okay=False), help="Mapping file (see mappings/).")
@click.option("--preview", is_flag=True, help="Show how the file would be read; store nothing.")
@click.option(
    "--complete-until",
    type=day,
    metavar="DATE",
    help="The files hold every order up to the end of DATE, even if the last was earlier: outcomes need not wait.",
)
@json_option
@click.pass_obj
def import_(folder: str, /, kind: str, files: tuple[str, ...], *, as_json: bool, **options: Any) -> None:
    """Take in files: CSV (also .gz), TSV, Parquet, or - for standard input.

    KIND: customers, orders, events, experiment, consent, suppression or deliveries.

    Columns are recognised by their headings. Rows that cannot be understood go to a quarantine file with their row
    number and reason. The same file twice adds nothing; a corrected file replaces its rows.
    """
    with opened(folder) as project, counting("reading", not as_json, in_bytes=True) as progress:
        answer = project.import_file(kind, files, progress=progress, **options)
        attribution = project.settings.attribution
    emit(answer.to_dict() | _then(answer.preview), imports.imported, as_json=as_json, attribution=attribution)


def _then(preview: bool) -> dict[str, str]:
    """Return the next command after a preview: the same without it, mapping and all."""
    words = click.get_current_context().meta.get("words", ())
    wanted = [word for word in words if word not in ("--preview", "--json")]
    return {"next": shlex.join(["alamo", *wanted])} if preview and wanted else {}
