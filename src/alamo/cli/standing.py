"""Standing approvals: what may be launched without asking, until when, and taking that back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import click

from alamo.cli.options import by_option, json_option, moment, opened, reason_option, responsible
from alamo.cli.output import emit
from alamo.cli.views import plan as views
from alamo.engine.standing import StandingApproval


@click.group(epilog="Example: alamo plan standing list")
def standing() -> None:
    """Let plans within limits be launched without asking, for a time; and take that back."""


@standing.command("list", epilog="Example: alamo plan standing list")
@json_option
@click.pass_obj
def list_(folder: str, as_json: bool) -> None:
    """All standing approvals, those that are over included."""
    with opened(folder) as project:
        known = project.standing_approvals()
        attribution = project.settings.attribution
    _show(known, attribution, as_json=as_json)


@standing.command(epilog="Example: alamo plan standing grant --until 2027-01-01 --money 500 --contacts 5000")
@click.option("--until", type=moment, required=True, metavar="DATE", help="It ends at this moment (UTC).")
@click.option("--money", type=float, required=True, metavar="NUMBER", help="Most that one plan may cost.")
@click.option("--contacts", type=int, required=True, metavar="NUMBER", help="Most customers one plan may contact.")
@click.option("--total-money", type=float, metavar="NUMBER", help="Most that all its launches may cost together.")
@click.option("--channel", multiple=True, metavar="NAME", help="Only through this channel; may be given several times.")
@click.option("--action", multiple=True, metavar="ID", help="Only with this action; may be given several times.")
@by_option
@json_option
@click.pass_obj
def grant(folder: str, /, by: str, as_json: bool, **limits: object) -> None:
    """Let plans within these limits be launched by: alamo plan launch --standing."""
    wanted = _wanted(responsible(by), **limits)  # type: ignore[arg-type]
    with opened(folder) as project:
        made = project.grant_standing(wanted)
        attribution = project.settings.attribution
    _show([made], attribution, as_json=as_json)


def _wanted(
    by: str, *, until: datetime, money: float, contacts: int, total_money: float | None, **scope: tuple[str, ...]
) -> StandingApproval:
    return StandingApproval(
        id="",
        by=by,
        granted_at=datetime.fromtimestamp(0, UTC),
        until=until,
        most_money=money,
        most_contacts=contacts,
        channels=scope["channel"],
        actions=scope["action"],
        total_money=total_money,
    )


@standing.command(epilog="Example: alamo plan standing second standing-1 --by bob")
@click.argument("approval_id", metavar="ID")
@by_option
@json_option
@click.pass_obj
def second(folder: str, approval_id: str, by: str, as_json: bool) -> None:
    """Confirm a standing approval that takes two people, as the second."""
    with opened(folder) as project:
        made = project.second_standing(approval_id, by=responsible(by))
        attribution = project.settings.attribution
    _show([made], attribution, as_json=as_json)


@standing.command(epilog='Example: alamo plan standing revoke standing-1 --reason "season is over"')
@click.argument("approval_id", metavar="ID")
@by_option
@reason_option
@json_option
@click.pass_obj
def revoke(folder: str, approval_id: str, by: str, reason: str, as_json: bool) -> None:
    """Take a standing approval back: nothing is launched under it any more."""
    with opened(folder) as project:
        made = project.revoke_standing(approval_id, by=responsible(by), reason=reason)
        attribution = project.settings.attribution
    _show([made], attribution, as_json=as_json)


def _show(approvals: Sequence[StandingApproval], attribution: str, *, as_json: bool) -> None:
    rows = [one.to_dict() for one in approvals]
    emit({"schema": "alamo.standing/1", "rows": rows}, views.standing, as_json=as_json, attribution=attribution)
