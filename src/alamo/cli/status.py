"""Where the loop stands, and what is wrong."""

from __future__ import annotations

import click

from alamo.cli.options import json_option, opened
from alamo.cli.output import emit
from alamo.cli.views import standing as views
from alamo.project import Project


@click.command(epilog="Example: alamo status")
@json_option
@click.pass_obj
def status(folder: str, as_json: bool) -> None:
    """Where the loop stands, what the data can and cannot support yet, and the next command."""
    with opened(folder) as project:
        answer = project.status()
    emit(answer, views.status, as_json=as_json)


@click.command(epilog="Example: alamo doctor")
@json_option
@click.pass_obj
def doctor(folder: str, as_json: bool) -> None:
    """What is wrong here, and the command that mends it. Changes nothing."""
    answer = Project.check(folder)
    emit(answer, views.doctor, as_json=as_json)
