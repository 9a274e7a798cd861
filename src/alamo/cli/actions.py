"""Actions as they stand: paused by a guardrail or a person, resumed by a person."""

from __future__ import annotations

import click

from alamo.cli.options import by_option, json_option, opened, responsible
from alamo.cli.output import emit
from alamo.cli.views import actions as views

_WHY = click.option("--reason", required=True, metavar="WORDS", help="Why; kept with the action.")


@click.group(invoke_without_command=True, epilog="Example: alamo actions list")
@click.pass_context
def actions(context: click.Context) -> None:
    """List actions and what is known of their harm; pause one, or bring a paused one back."""
    if context.invoked_subcommand is None:
        context.invoke(list_, as_json=False)


@actions.command("list", epilog="Example: alamo actions list")
@json_option
@click.pass_obj
def list_(folder: str, as_json: bool) -> None:
    """Every action, whether it is paused and why, and its harm by each guardrail with an always-valid bound."""
    with opened(folder) as project:
        answer = project.actions()
    emit(answer, views.states, as_json=as_json)


@actions.command(epilog="""Example: alamo actions pause spring-mail --reason "wrong price in the mail" """)
@click.argument("action", metavar="ACTION")
@_WHY
@by_option
@json_option
@click.pass_obj
def pause(folder: str, action: str, reason: str, by: str, as_json: bool) -> None:
    """Open an action to nobody from now on. A plan that holds it can no longer be approved or launched."""
    with opened(folder) as project:
        answer = project.pause_action(action, by=responsible(by), reason=reason)
    emit(answer, views.states, as_json=as_json)


@actions.command(epilog="""Example: alamo actions resume spring-mail --reason "new text" """)
@click.argument("action", metavar="ACTION")
@_WHY
@by_option
@json_option
@click.pass_obj
def resume(folder: str, action: str, reason: str, by: str, as_json: bool) -> None:
    """Bring a paused action back from the next plan on. Its guardrails begin anew with what is decided from now on."""
    with opened(folder) as project:
        answer = project.resume_action(action, by=responsible(by), reason=reason)
    emit(answer, views.states, as_json=as_json)
