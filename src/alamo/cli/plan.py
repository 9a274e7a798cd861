"""Plans on their way through the human gate: approving and launching are two acts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from alamo.cli.formats import label
from alamo.cli.html.file import write_page
from alamo.cli.options import anyway_option, by_option, html_option, json_option, opened, responsible
from alamo.cli.output import counting, emit
from alamo.cli.views import plan as views


@click.group(epilog="Example: alamo plan show   ·   alamo plan approve   ·   alamo plan launch")
def plan() -> None:
    """Show, compare, approve, launch or cancel a plan. Without an id: the newest."""


@plan.command("list", epilog="Example: alamo plan list")
@json_option
@click.pass_obj
def list_(folder: str, as_json: bool) -> None:
    """All plans, oldest first."""
    with opened(folder) as project:
        rows = [{key: item for key, item in record.to_dict().items() if key != "schema"} for record in project.plans()]
        attribution = project.settings.attribution
    emit({"schema": "alamo.plans/1", "rows": rows}, views.plans, as_json=as_json, attribution=attribution)


@plan.command(epilog="Example: alamo plan show --html plan.html")
@click.argument("plan_id", metavar="[PLAN]", required=False)
@html_option
@json_option
@click.pass_obj
def show(folder: str, plan_id: str | None, html_file: Path | None, as_json: bool) -> None:
    """The proposal in money with intervals, its limits and prices, and who is left out."""
    with opened(folder) as project:
        data = project.plan_at_gate(plan_id).to_dict()
        data["attribution"] = project.settings.attribution
    if html_file is not None:
        write_page(html_file, "plan", data)
    emit(data, views.plan, as_json=as_json)


@plan.command(epilog="Example: alamo plan diff")
@click.argument("plan_id", metavar="[PLAN]", required=False)
@json_option
@click.pass_obj
def diff(folder: str, plan_id: str | None, as_json: bool) -> None:
    """What changes from the plan before to this one."""
    with opened(folder) as project:
        new = project.plan(plan_id)
        earlier = [record for record in project.plans() if record.created_at < new.created_at]
        old = earlier[-1] if earlier else None
        attribution = project.settings.attribution
    data = {
        "schema": "alamo.plan.diff/1",
        "before": old.plan_id if old else None,
        "after": new.plan_id,
        "rows": differences(old.summary if old else {}, new.summary),
    }
    emit(data, views.diff, as_json=as_json, attribution=attribution)


@plan.command(epilog="Example: alamo plan log")
@click.argument("plan_id", metavar="[PLAN]", required=False)
@json_option
@click.pass_obj
def log(folder: str, plan_id: str | None, as_json: bool) -> None:
    """Who did what with a plan, when and why. Without an id: with all of them."""
    with opened(folder) as project:
        rows = [act.to_dict() for act in project.plan_log(plan_id)]
        attribution = project.settings.attribution
    emit({"schema": "alamo.plan.log/1", "rows": rows}, views.log, as_json=as_json, attribution=attribution)


@plan.command(epilog="Example: alamo plan approve")
@click.argument("plan_id", metavar="[PLAN]", required=False)
@by_option
@anyway_option
@json_option
@click.pass_obj
def approve(folder: str, plan_id: str | None, by: str, anyway: str, as_json: bool) -> None:
    """Approve a proposed plan, or one that takes two people as the second. Nothing is sent yet."""
    _move(folder, "approve", plan_id, by, as_json=as_json, anyway=anyway)


@plan.command(epilog="Example: alamo plan cancel")
@click.argument("plan_id", metavar="[PLAN]", required=False)
@by_option
@click.option("--reason", default="", metavar="WORDS", help="Why; written into the log.")
@json_option
@click.pass_obj
def cancel(folder: str, plan_id: str | None, by: str, reason: str, as_json: bool) -> None:
    """Cancel a plan that has not been launched."""
    _move(folder, "cancel", plan_id, by, as_json=as_json, reason=reason)


@plan.command(epilog="Example: alamo plan launch")
@click.argument("plan_id", metavar="[PLAN]", required=False)
@by_option
@anyway_option
@json_option
@click.pass_obj
def launch(folder: str, plan_id: str | None, by: str, anyway: str, as_json: bool) -> None:
    """Launch an approved plan, or go on with a launch that was interrupted; nothing is sent twice."""
    with opened(folder) as project, counting("delivering", not as_json) as progress:
        answer = project.launch(plan_id, by=responsible(by), progress=progress, anyway=anyway)
        attribution = project.settings.attribution
    emit(answer, views.launch, as_json=as_json, attribution=attribution)


def differences(before: Any, after: Any) -> list[dict[str, Any]]:
    """Return the figures of two plan summaries that differ, one row each: totals, then actions, then limits."""
    old, new = figures(before), figures(after)
    names = dict.fromkeys([*new, *old])
    rows = [{"what": name, "before": old.get(name), "after": new.get(name)} for name in names]
    return [row for row in rows if row["before"] != row["after"]]


def figures(summary: Any) -> dict[str, float]:
    """Return the numbers of a plan summary by a name a person understands."""
    named = {label(key): value for key, value in summary.items() if isinstance(value, int | float) and key != "cycle"}
    if summary.get("gain"):
        named["expected gain"] = summary["gain"].get("mean")
    for action in summary.get("actions", ()):
        named[f"customers with {action['action']}"] = action.get("customers")
    for limit in summary.get("limits", ()):
        named[f"price of {limit['limit']}"] = limit.get("price")
        named[f"used of {limit['limit']}"] = limit.get("used")
    return named


def _move(folder: str, verb: str, plan_id: str | None, by: str, *, as_json: bool, **told: str) -> None:
    with opened(folder) as project:
        moved = getattr(project, verb)(plan_id, by=responsible(by), **told)
        record = project.plan_at_gate(moved.plan_id)
        attribution = project.settings.attribution
    emit(record, views.moved, as_json=as_json, attribution=attribution)
