"""Plans on their way through the human gate: approving and launching are two acts."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from alamo.cli.html.file import write_page
from alamo.cli.options import (
    anyway_option,
    by_option,
    html_option,
    json_option,
    moment,
    opened,
    reason_option,
    responsible,
    whole_amount,
)
from alamo.cli.output import counting, emit
from alamo.cli.plan_review import advice, advice_on, diff
from alamo.cli.standing import standing as standing_group
from alamo.cli.views import plan as views


@click.group(epilog="Example: alamo plan show   ·   alamo plan approve   ·   alamo plan launch")
def plan() -> None:
    """Show, compare, approve, launch, stop or cancel a plan. Without an id: the newest."""


for command in (diff, advice, standing_group):
    plan.add_command(command)


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
        if html_file is not None and "restores" not in data["summary"]:
            data["room"] = advice_on(project, plan_id)
            data["load"] = project.plan_load(plan_id).to_dict()
    if html_file is not None:
        write_page(html_file, "plan", data)
    emit(data, views.plan, as_json=as_json)


@plan.command(epilog="Example: alamo plan load --at 2026-12-01T19:00 --per-hour email=5000")
@click.argument("plan_id", metavar="[PLAN]", required=False)
@click.option("--at", type=moment, metavar="TIME", help="When it is launched (UTC; default: now, or when it was).")
@click.option(
    "--per-hour",
    type=whole_amount,
    multiple=True,
    metavar="CHANNEL=NUMBER",
    help="Most messages that a channel sends on within an hour; may be given several times.",
)
@json_option
@click.pass_obj
def load(
    folder: str, plan_id: str | None, at: datetime | None, per_hour: tuple[tuple[str, int], ...], as_json: bool
) -> None:
    """The load a launch would bring: messages by hour and channel, quiet hours and slow senders counted in."""
    with opened(folder) as project:
        data = project.plan_load(plan_id, at=at, per_hour=dict(per_hour)).to_dict()
        data["time_zone"] = project.settings.time_zone
        attribution = project.settings.attribution
    emit(data, views.load, as_json=as_json, attribution=attribution)


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
@reason_option
@json_option
@click.pass_obj
def cancel(folder: str, plan_id: str | None, by: str, reason: str, as_json: bool) -> None:
    """Cancel a plan that has not been launched."""
    _move(folder, "cancel", plan_id, by, as_json=as_json, reason=reason)


@plan.command(epilog="Example: alamo plan launch")
@click.argument("plan_id", metavar="[PLAN]", required=False)
@by_option
@anyway_option
@click.option("--standing", is_flag=True, help="Approve and launch it only if a standing approval covers it.")
@json_option
@click.pass_obj
def launch(folder: str, plan_id: str | None, by: str, anyway: str, standing: bool, as_json: bool) -> None:
    """Launch an approved plan, or go on with a launch that was interrupted; nothing is sent twice."""
    if standing and anyway:
        raise click.UsageError("--standing launches nothing stale: leave --anyway out")
    with opened(folder) as project, counting("delivering", not as_json) as progress:
        if standing:
            answer = project.launch_standing(plan_id, progress=progress)
        else:
            answer = project.launch(plan_id, by=responsible(by), progress=progress, anyway=anyway)
        attribution = project.settings.attribution
    emit(answer, views.launch, as_json=as_json, attribution=attribution)


@plan.command(epilog='Example: alamo plan stop --reason "wrong voucher code"')
@click.argument("plan_id", metavar="[PLAN]", required=False)
@by_option
@reason_option
@json_option
@click.pass_obj
def stop(folder: str, plan_id: str | None, by: str, reason: str, as_json: bool) -> None:
    """Stop a launch that is under way, here or in another process: what was sent stays, the rest is not sent."""
    with opened(folder) as project:
        answer = project.stop(plan_id, by=responsible(by), reason=reason)
        attribution = project.settings.attribution
    emit(answer, views.stopped, as_json=as_json, attribution=attribution)


@plan.command(epilog='Example: alamo plan rollback --reason "too many complaints"')
@click.argument("plan_id", metavar="[PLAN]", required=False)
@by_option
@reason_option
@json_option
@click.pass_obj
def rollback(folder: str, plan_id: str | None, by: str, reason: str, as_json: bool) -> None:
    """Take a launched plan back: the policy launched before is in force again for real time. Default: the last one.

    A launch that is under way is stopped first. What was sent stays as it is.
    """
    with opened(folder) as project:
        answer = project.rollback(plan_id, by=responsible(by), reason=reason)
        attribution = project.settings.attribution
    emit(answer, views.rolled_back, as_json=as_json, attribution=attribution)


def _move(folder: str, verb: str, plan_id: str | None, by: str, *, as_json: bool, **told: str) -> None:
    with opened(folder) as project:
        moved = getattr(project, verb)(plan_id, by=responsible(by), **told)
        record = project.plan_at_gate(moved.plan_id)
        attribution = project.settings.attribution
    emit(record, views.moved, as_json=as_json, attribution=attribution)
