"""One decision now, and the reason of any decision."""

from __future__ import annotations

import json
from typing import Any

import click

from alamo.cli.options import json_option, opened
from alamo.cli.output import emit
from alamo.cli.views import decision as views


def context(words: str) -> dict[str, Any]:
    """Read ``--context``: a JSON object."""
    try:
        read = json.loads(words)
    except json.JSONDecodeError as error:
        raise click.BadParameter(f"is no JSON: {error}") from None
    if not isinstance(read, dict):
        raise click.BadParameter('must be a JSON object such as {"orders": 3}')
    return read


@click.command(epilog="""Example: alamo decide 13085 --context '{"recency_days": 0}'""")
@click.argument("customer")
@click.option(
    "--context", "known", type=context, default="{}", metavar="JSON", help="What is known beyond the profile."
)
@json_option
@click.pass_obj
def decide(folder: str, customer: str, known: dict[str, Any], as_json: bool) -> None:
    """Decide for one customer now, by the policy in force."""
    with opened(folder) as project:
        answer = project.decide(customer, known)
        attribution = project.settings.attribution
    emit(answer, views.decision, as_json=as_json, attribution=attribution)


@click.command(epilog="Example: alamo explain 13085   ·   alamo explain DECISION")
@click.argument("decision")
@json_option
@click.pass_obj
def explain(folder: str, decision: str, as_json: bool) -> None:
    """Why a decision came out as it did, down to the numbers: values, prices, probabilities and the draw."""
    with opened(folder) as project:
        answer = project.explain(decision)
        attribution = project.settings.attribution
    emit(answer, views.explanation, as_json=as_json, attribution=attribution)
