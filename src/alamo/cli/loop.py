"""The four steps and the turn of the loop."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import click

from alamo.cli.options import engine_option, json_option, moment, opened
from alamo.cli.output import announcing, emit
from alamo.cli.views import loop as views

Step = Callable[..., None]


def _step(name: str, about: str, *, carried: bool = False) -> click.Command:
    """Return the command of one step; all four are called alike, those that can be `carried` know ``--engine``."""

    @click.command(name=name, help=about, epilog=f"Example: alamo {name}")
    @json_option
    @click.pass_obj
    def command(folder: str, /, as_json: bool, **options: Any) -> None:
        with opened(folder) as project, announcing(not as_json) as announce:
            announce(name)
            answer = getattr(project, name)(**options)
            attribution = project.settings.attribution
        emit(answer, views.step, as_json=as_json, attribution=attribution)

    return engine_option(command) if carried else command


measure = _step(
    "measure",
    "Step 1: take in what happened, describe every customer as of today, and observe the decisions whose outcome "
    "window has closed. Again on the same data changes nothing.",
)
infer = _step(
    "infer",
    "Step 2: value the observed outcomes and say what each action really changed, with intervals. What the data "
    "cannot support is refused with a reason and a cure.",
)
predict = _step(
    "predict", "Step 3: score what each action adds for each customer, in money, with its uncertainty.", carried=True
)
steer = _step(
    "steer",
    "Step 4: propose a plan: who gets what, within consent, caps, budgets and control groups. Nothing is sent before "
    "a person approves and launches it.",
    carried=True,
)


@click.command(epilog="Example: alamo run   ·   replay: alamo run --until 2011-07-22 --approve-as me")
@click.option("--until", type=moment, metavar="DATE", help="Turn cycle after cycle up to this date (UTC).")
@click.option(
    "--approve-as",
    metavar="NAME",
    help="With --until in a simulated world: approve and launch each plan but the last under this name.",
)
@engine_option
@json_option
@click.pass_obj
def run(folder: str, until: datetime | None, approve_as: str | None, engine: str | None, as_json: bool) -> None:
    """One turn of the loop: measure, infer, predict, steer, up to the plan that waits for a person.

    A turn that was interrupted goes on where it stopped.
    """
    with opened(folder) as project, announcing(not as_json) as announce:
        answer: Any = project.run(until=until, approve_as=approve_as, announce=announce, engine=engine)
        attribution = project.settings.attribution
    emit(answer, views.turns, as_json=as_json, attribution=attribution)
