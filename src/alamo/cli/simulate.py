"""The loop in a market whose truth is known."""

from __future__ import annotations

import click

from alamo.cli.options import json_option
from alamo.cli.output import announcing, emit
from alamo.cli.views.simulation import simulation
from alamo.project import simulate as play

POLICIES = ("engine", "nothing", "blast", "best-offer-per-segment", "uniform", "oracle")


@click.command(epilog="Example: alamo simulate shop --cycles 8 --seed 1   ·   alamo simulate my-market.toml")
@click.argument("scenario")
@click.option("--cycles", type=click.IntRange(1, 1000), help="Cycles to play (default: those of the scenario).")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Seed of the simulated world.")
@click.option("--policy", type=click.Choice(POLICIES), default="engine", show_default=True, help="Who decides.")
@json_option
@click.pass_obj
def simulate(folder: str, scenario: str, cycles: int | None, seed: int, policy: str, as_json: bool) -> None:
    """Play a scenario: what the loop earned in truth and by its own estimate, cycle by cycle.

    SCENARIO is the name of a scenario or the path of a .toml file. No customer is written to.
    """
    with announcing(not as_json) as announce:
        answer = play(
            scenario,
            folder=folder,
            cycles=cycles,
            seed=seed,
            policy=policy,
            announce=lambda cycle, doing: announce(f"cycle {cycle}: {doing}"),
        )
    emit(answer, simulation, as_json=as_json)
