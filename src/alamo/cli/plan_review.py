"""Plans weighed before a person approves one: what changes, and what more of each limit would be worth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from alamo.cli.html.file import write_page
from alamo.cli.options import html_option, json_option, opened
from alamo.cli.output import announcing, emit
from alamo.cli.views import plan_review as views
from alamo.domain.errors import AlamoError
from alamo.project import Project


@click.command(epilog="Example: alamo plan diff   ·   alamo plan diff --limits more.toml")
@click.argument("plan_id", metavar="[PLAN]", required=False)
@click.option("--from", "before", metavar="PLAN", help="The plan to compare with (default: the one made before).")
@click.option(
    "--limits",
    multiple=True,
    metavar="FILE.toml",
    help="What the plan would be under these limits; nothing is stored. Twice: from the one set to the other.",
)
@json_option
@click.pass_obj
def diff(folder: str, plan_id: str | None, before: str | None, limits: tuple[str, ...], as_json: bool) -> None:
    """What changes in people and in money, from the plan before to this one, or from this one to other limits."""
    with opened(folder) as project, announcing(not as_json) as announce:
        announce("comparing")
        answer = project.plan_diff(plan_id, before=before, limits=limits)
        attribution = project.settings.attribution
    emit(answer, views.diff, as_json=as_json, attribution=attribution)


@click.command(epilog="Example: alamo plan advice --html advice.html")
@click.argument("plan_id", metavar="[PLAN]", required=False)
@html_option
@json_option
@click.pass_obj
def advice(folder: str, plan_id: str | None, html_file: Path | None, as_json: bool) -> None:
    """What more of each limit is worth and up to where, what minimums cost, what a new action would have to earn."""
    with opened(folder) as project, announcing(not as_json) as announce:
        announce("solving for other bounds")
        data = project.plan_advice(plan_id).to_dict()
        data["attribution"] = project.settings.attribution
    if html_file is not None:
        write_page(html_file, "plan-advice", data)
    emit(data, views.advice, as_json=as_json)


def advice_on(project: Project, plan_id: str | None) -> dict[str, Any] | None:
    """Return the advice that goes with a plan's page; None where what the plan was made from is gone."""
    try:
        return project.plan_advice(plan_id).to_dict()
    except AlamoError:
        return None
