"""Policies before they run: ``alamo analyze policy``, ``policy-choice`` and ``policy-tree``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click

from alamo.analyze import choose_policy, evaluate_policy, grow_policy
from alamo.cli.analyze_options import chosen, file_argument, mapping_option, model_file, out_option
from alamo.cli.files import write_json, write_table
from alamo.cli.html.file import write_page
from alamo.cli.options import amount, html_option, json_option, name_pair
from alamo.cli.output import announcing, emit
from alamo.cli.views import off_policy, policies

Command = TypeVar("Command", bound=Callable[..., Any])


def log_columns(command: Command) -> Command:
    """Add the options that say which column of a log is what."""
    options = (
        click.option("--action", required=True, metavar="COL", help="Column of the action drawn."),
        click.option("--propensity", required=True, metavar="COL", help="Logged probability of the action drawn."),
        click.option("--outcome", required=True, metavar="COL", help="A number or 0/1."),
        click.option(
            "--features", type=chosen, default="auto", show_default=True, metavar="COL,COL|auto|none", help="Context."
        ),
        click.option(
            "--unit", metavar="COL", help="Unit; its rows may depend on each other (default: each row is one)."
        ),
        click.option(
            "--level", type=click.FloatRange(0.5, 0.9999), default=0.95, show_default=True, help="Of the intervals."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command(
    epilog="Example: alamo analyze policy log.csv --action offer --propensity p --outcome click --target-prefix P_"
)
@file_argument
@log_columns
@click.option("--target", metavar="COL", help="The new policy's probability of the action drawn.")
@click.option("--target-prefix", metavar="P_", help="Prefix of its probability of each action, a column per action.")
@click.option("--position", metavar="COL", help="Place in a slate; context.")
@click.option("--planned", type=click.IntRange(1), metavar="N", help="Units at the planned end, if you look before it.")
@mapping_option
@html_option
@json_option
def policy(file: str, html_file: Path | None, *, as_json: bool, **columns: Any) -> None:
    """What a policy would earn before it runs, from a log of decisions with their probabilities; or why not.

    Describe the policy by --target or by --target-prefix: the latter lets the outcome model compare actions.
    """
    with announcing(not as_json) as announce:
        announce("reading and valuing")
        answer = evaluate_policy(file, **columns)
    if html_file is not None:
        write_page(html_file, "off-policy", answer.to_dict())
    emit(answer, off_policy.policy, as_json=as_json)


@click.command(
    "policy-choice",
    epilog="Example: alamo analyze policy-choice log.csv --action offer --propensity p --outcome click "
    "--candidate idea=P_ --always mail",
)
@file_argument
@log_columns
@click.option(
    "--candidate",
    multiple=True,
    type=name_pair,
    metavar="NAME=PREFIX",
    help="A policy by the prefix of its columns, one per action with its probability.",
)
@click.option("--always", multiple=True, metavar="ACTION", help="A policy that always takes this action.")
@click.option("--position", metavar="COL", help="Place in a slate; context.")
@mapping_option
@html_option
@json_option
def policy_choice(file: str, html_file: Path | None, *, as_json: bool, **columns: Any) -> None:
    """The best of several policies, valued on units that had no part in the choice; or why it cannot be said."""
    with announcing(not as_json) as announce:
        announce("reading and choosing")
        answer = choose_policy(file, **columns | {"candidate": dict(columns["candidate"])})
    if html_file is not None:
        write_page(html_file, "policy-choice", answer.to_dict())
    emit(answer, policies.policy_choice, as_json=as_json)


@click.command(
    "policy-tree",
    epilog="Example: alamo analyze policy-tree log.csv --action offer --propensity p --outcome margin --control none",
)
@file_argument
@log_columns
@click.option("--control", metavar="ACTION", help="What leaves are compared with (default: drawn most often).")
@click.option("--cost", multiple=True, type=amount, metavar="ACTION=MONEY", help="Cost of taking an action once.")
@click.option(
    "--depth", type=click.IntRange(0, 6), default=2, show_default=True, help="Most cuts on the way to a leaf."
)
@click.option("--least-leaf", type=click.IntRange(1), default=500, show_default=True, help="Least rows of a leaf.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of the split into grow and judge.")
@click.option("--model-out", type=model_file, metavar="FILE", help="Write the tree (.json), to choose for others.")
@mapping_option
@out_option
@html_option
@json_option
def policy_tree(file: str, out: Path | None, html_file: Path | None, *, as_json: bool, **columns: Any) -> None:
    """A policy that a person can read, grown on one part of a log's units and valued on the other.

    Every leaf says who, which action, and what that brings against --control on units the tree has not seen.
    """
    model_out = columns.pop("model_out")
    with announcing(not as_json) as announce:
        announce("reading and growing")
        answer = grow_policy(file, **columns | {"cost": dict(columns["cost"])})
    if model_out is not None:
        write_json(model_out, answer.model.to_dict())
        answer = replace(answer, model_file=str(model_out))
    if out is not None:
        write_table(out, answer.choices_table())
        answer = replace(answer, out=str(out))
    if html_file is not None:
        write_page(html_file, "policy-tree", answer.to_dict())
    emit(answer, policies.policy_tree, as_json=as_json)
