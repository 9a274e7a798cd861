"""The entrance of the command line: the table of commands, and what happens when one fails."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence

import click

from alamo.cli.failures import report_failure
from alamo.cli.lazy import Entry, LazyGroup

COMMANDS = {
    "init": Entry("alamo.cli.project", "init", "Make a project; --example shop fills it with real orders."),
    "import": Entry("alamo.cli.project", "import_", "Take in files of customers, orders, events or consent."),
    "measure": Entry("alamo.cli.loop", "measure", "Step 1: profiles of every customer, outcomes of past decisions."),
    "infer": Entry("alamo.cli.loop", "infer", "Step 2: what each action really changes, with intervals."),
    "predict": Entry("alamo.cli.loop", "predict", "Step 3: what each action is worth for each customer."),
    "steer": Entry("alamo.cli.loop", "steer", "Step 4: a plan within limits and consent, with a control group."),
    "run": Entry("alamo.cli.loop", "run", "One turn of the loop, up to the plan that waits for a person."),
    "plan": Entry("alamo.cli.plan", "plan", "Show, compare, approve, launch, stop or cancel a plan."),
    "actions": Entry("alamo.cli.actions", "actions", "List actions, pause one, or bring a paused one back."),
    "decide": Entry("alamo.cli.decide", "decide", "Decide for one customer now."),
    "explain": Entry("alamo.cli.decide", "explain", "Say why a decision came out as it did, down to the numbers."),
    "report": Entry("alamo.cli.report", "report", "Effects, segments, value, policy, the loop over time, or health."),
    "simulate": Entry("alamo.cli.simulate", "simulate", "Turn the loop in a market whose truth is known."),
    "analyze": Entry("alamo.cli.analyze", "analyze", "A first answer from any file, without a project."),
    "status": Entry("alamo.cli.status", "status", "Where the loop stands and what the data support."),
    "doctor": Entry("alamo.cli.status", "doctor", "What is wrong here, and the command that mends it."),
}
"""Every command, in the order a newcomer meets them."""


@click.group(
    cls=LazyGroup,
    entries=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Begin with: alamo init demo --example shop",
)
@click.option(
    "-C",
    "--project",
    "folder",
    default=".",
    envvar="ALAMO_PROJECT",
    type=click.Path(),
    metavar="DIR",
    help="Project folder (default: this one).",
)
@click.version_option(package_name="alamo-engine", prog_name="alamo")
@click.pass_context
def alamo(ctx: click.Context, folder: str) -> None:
    """Alamo: measure what customers do, infer what each marketing action changes, predict, steer, and measure again.

    Every command knows --help and --json. Exit code 0: an answer · 1: a mistake in what was typed or
    configured · 2: input that cannot be read · 3: a fault of the program.
    """
    ctx.meta["words"] = ctx.obj or []
    ctx.obj = folder


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code; `arguments` default to those of the process."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    exit_code = run(words)
    if exit_code:
        sys.exit(exit_code)


def run(words: list[str]) -> int:
    """Run the command line on `words` and return the exit code."""
    logging.basicConfig(
        level=os.environ.get("ALAMO_LOG", "warning").upper(), format="%(levelname)s %(name)s: %(message)s"
    )
    try:
        done = alamo.main(args=words, prog_name="alamo", standalone_mode=False, obj=words)
        sys.stdout.flush()
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 # the reader of a pipe left; nothing more to say
        return 0
    except click.exceptions.NoArgsIsHelpError as shown:
        shown.show()
        return 1
    except KeyboardInterrupt as error:
        return report_failure(error, as_json="--json" in words, words=words)
    except Exception as error:  # noqa: BLE001 # the last door: everything becomes one message and an exit code
        return report_failure(error, as_json="--json" in words, words=words)
    return done if isinstance(done, int) else 0
