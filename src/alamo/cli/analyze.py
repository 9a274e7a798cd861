"""A first answer from any file, without a project."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from alamo.analyze import (
    allocate,
    estimate_effects,
    fit_lifetime_value,
    fit_next_product,
    fit_scores,
    fit_uplift,
    readiness_table,
)
from alamo.cli.analyze_contracts import contracts
from alamo.cli.analyze_options import (
    chosen,
    file_argument,
    mapping_option,
    model_file,
    number_or_column,
    out_option,
    table_file,
)
from alamo.cli.analyze_policy import policy, policy_choice, policy_tree
from alamo.cli.failures import report_failure
from alamo.cli.files import write_json, write_table
from alamo.cli.html.file import write_page
from alamo.cli.options import amount, html_option, json_option, labelled, moment, names
from alamo.cli.output import announcing, emit
from alamo.cli.segments import segments
from alamo.cli.views import analysis as views
from alamo.cli.views.experiment import experiment as experiment_view
from alamo.cli.views.scores import next_product as next_product_view
from alamo.cli.views.scores import scores as score_view
from alamo.cli.views.uplift import uplift as uplift_view
from alamo.domain.errors import UsageError

Command = TypeVar("Command", bound=Callable[..., Any])


@click.group(epilog="Example: alamo analyze experiment mail.csv --action arm --control none --outcome spend")
def analyze() -> None:
    """A first answer from any file, without a project.

    FILE is CSV (also .gz), TSV, Parquet, fixed-width where --mapping describes it, or - for standard input.
    """


for command in (policy, policy_choice, policy_tree, contracts, segments):
    analyze.add_command(command)


def experiment_columns(command: Command) -> Command:
    """Add the options that say which column of an experiment is what."""
    options = (
        click.option("--action", required=True, metavar="COL", help="Column of the arm."),
        click.option("--control", required=True, metavar="VALUE", help="The arm that got nothing."),
        click.option("--unit", metavar="COL", help="Unit; its rows are summed (default: each row is one)."),
        click.option("--time", metavar="COL", help="Order of the rows."),
        click.option("--propensity", type=number_or_column, metavar="NUM|COL", help="Probability of the arm drawn."),
        click.option("--cluster", metavar="COL", help="Group that was randomised as a whole."),
        click.option("--cost", multiple=True, type=amount, metavar="ACTION=MONEY", help="Cost per unit."),
        click.option("--shares", multiple=True, type=amount, metavar="ACTION=NUM", help="Shares of the design."),
        click.option("--features", type=chosen, default="auto", show_default=True, metavar="COL,COL|auto|none"),
        click.option(
            "--segments",
            type=chosen,
            default="none",
            show_default=True,
            metavar="COL,COL|auto|none",
            help="An experiment takes found, too: by differences in effect, estimated on other units.",
        ),
        click.option("--level", type=click.FloatRange(0.5, 0.9999), default=0.95, show_default=True),
        mapping_option,
        json_option,
    )
    for option in reversed(options):
        command = option(command)
    return command


@analyze.command(
    epilog='Example: alamo analyze experiment mail.csv --action segment --control "No E-Mail" --outcome visit,spend'
)
@file_argument
@click.option(
    "--outcome", required=True, type=names, metavar="COL[,COL…]", help="Numbers, 0/1, or a ratio of two: spend/orders."
)
@click.option("--planned", type=click.IntRange(1), metavar="N", help="Units at the planned end, if you look before it.")
@click.option(
    "--guardrail",
    multiple=True,
    type=labelled,
    metavar="COL=up|down[:MARGIN]",
    help="Must not get worse, by more than MARGIN (0.002 or 10%).",
)
@click.option(
    "--detect",
    multiple=True,
    type=labelled,
    metavar="OUTCOME=SIZE",
    help="Effect worth finding (0.5 or 10%): says how much longer that takes.",
)
@click.option("--winsorise", type=float, metavar="QUANTILE", help="Cap outcomes there, such as 0.999.")
@click.option(
    "--aa", type=click.IntRange(0, 10_000), default=0, metavar="N", help="Compare control with itself N times."
)
@click.option(
    "--over-time", type=click.Choice(["day", "week", "month"]), help="Effects by period of --time, and their trend."
)
@click.option("--fdr", type=float, metavar="RATE", help="Adjust for the number of effects (Benjamini–Hochberg).")
@experiment_columns
@click.option(
    "--sums",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Keep the sums of Parquet files: the next run counts new ones only.",
)
def experiment(file: str, *, as_json: bool, **columns: Any) -> None:
    """What each action of a randomised experiment really changed, with intervals; or why it cannot be said.

    FILE may also be a folder of Parquet files. Parquet is counted in place with --features none: memory does not grow
    with rows.
    """
    columns |= {word: dict(columns[word]) for word in ("guardrail", "detect")}
    with announcing(not as_json) as announce:
        announce("reading and estimating")
        answer = estimate_effects(file, **_by_arm(columns))
    emit(answer, experiment_view, as_json=as_json)


@analyze.command(epilog='Example: alamo analyze uplift mail.csv --action segment --control "No E-Mail" --outcome spend')
@file_argument
@click.option("--outcome", required=True, metavar="COL", help="A number or 0/1.")
@experiment_columns
@click.option(
    "--holdout", type=click.FloatRange(0.05, 0.95), default=0.5, show_default=True, help="Share kept to judge."
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of the split.")
@click.option(
    "--learners",
    type=names,
    default="ridge,boosting",
    show_default=True,
    metavar="NAME[,NAME…]",
    help="Beside zero, one effect, segments: ridge, tree, forest, boosting, network, or an installed one.",
)
@click.option("--explain", type=click.IntRange(0), default=0, metavar="N", help="Say for N rows what columns add.")
@click.option("--explain-out", type=table_file, metavar="FILE", help="Write what they add (.parquet or .csv).")
@click.option("--what-if", type=names, metavar="COL[,COL…]", help="Show the effect along these columns.")
@click.option("--model-out", type=model_file, metavar="FILE", help="Write the fitted model (.json).")
@out_option
def uplift(file: str, out: Path | None, *, as_json: bool, **columns: Any) -> None:
    """Which action adds most for whom, and what acting on it earns on rows the models never saw."""
    model_out, explain_out = columns.pop("model_out"), columns.pop("explain_out")
    if explain_out is not None and not columns["explain"]:
        raise UsageError(
            "--explain-out writes what columns add, but for no rows",
            hint="Say for how many: --explain 100",
            code="uplift.not_explained",
        )
    with announcing(not as_json) as announce:
        announce("reading and fitting")
        answer = fit_uplift(file, **_by_arm(columns))
    if explain_out is not None:
        write_table(explain_out, answer.contributions_table())
        answer = replace(answer, contributions=str(explain_out))
    if model_out is not None:
        write_json(model_out, answer.model.to_dict())
        answer = replace(answer, model_file=str(model_out))
    if out is not None:
        write_table(out, answer.scores_table())
        answer = replace(answer, scores=str(out))
    emit(answer, uplift_view, as_json=as_json)


@analyze.command("lifetime-value", epilog="Example: alamo analyze lifetime-value orders.csv --customer id --time date")
@file_argument
@click.option("--customer", required=True, metavar="COL", help="Column of the customer.")
@click.option("--time", required=True, metavar="COL", help="Column of the purchase date.")
@click.option("--amount", metavar="COL", help="Column of the money spent.")
@click.option("--time-format", metavar="FMT", help="As for strptime, such as %Y%m%d.")
@click.option("--unit", type=click.Choice(["day", "week"]), default="week", show_default=True)
@click.option("--calibrate-until", type=moment, metavar="DATE", help="Last day the model may see; the rest judges it.")
@click.option("--horizon", type=click.FloatRange(0, min_open=True), help="How far ahead to predict, in units.")
@click.option("--model", default="auto", show_default=True, metavar="auto|bg-nbd|mbg-nbd|pareto-nbd|bg-cnbd-k|bg-bb")
@click.option("--stages", type=click.IntRange(1), metavar="K", help="k of --model bg-cnbd-k (default: most likely).")
@click.option("--recalibrate", default="none", show_default=True, metavar="auto|none", help="By past forecasts.")
@click.option("--level", type=click.FloatRange(0.5, 0.9999), default=0.9, show_default=True, help="Of intervals.")
@click.option("--cohorts", metavar="week|month|quarter|year", help="Show retention by first purchase.")
@click.option("--margin", type=float, default=1.0, show_default=True, help="Share of money that is margin.")
@click.option("--discount-rate", type=float, default=0.0, show_default=True, help="Per year, of the value.")
@mapping_option
@out_option
@json_option
def lifetime_value(
    file: str, out: Path | None, calibrate_until: datetime | None, *, as_json: bool, **columns: Any
) -> None:
    """How often customers will buy again and what they are worth, judged on purchases the model never saw."""
    with announcing(not as_json) as announce:
        announce("reading and fitting")
        answer = fit_lifetime_value(file, calibrate_until=calibrate_until, **columns)
    if out is not None:
        write_table(out, answer.customers_table())
        answer = replace(answer, out=str(out))
    emit(answer, views.lifetime_value, as_json=as_json)


def score_options(command: Command) -> Command:
    """Add the options of a score."""
    options = (
        click.option("--target", required=True, metavar="COL", help="Column of two values: did it happen?"),
        click.option("--positive", metavar="VALUE", help="The value that counts as yes (default: the obvious one)."),
        click.option("--id", metavar="COL", help="Column that names the row; it is not learnt from."),
        click.option("--drop", type=names, metavar="COL[,COL…]", help="Columns to leave out."),
        click.option("--keep", type=names, metavar="COL[,COL…]", help="Suspected leaks to learn from all the same."),
        click.option("--time", metavar="COL", help="Column that orders the rows: judge forward in time, too."),
        click.option("--folds", type=click.IntRange(2, 50), default=5, show_default=True),
        click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the random folds."),
        click.option("--level", type=click.FloatRange(0.5, 0.9999), default=0.95, show_default=True),
        mapping_option,
        out_option,
        html_option,
        json_option,
    )
    for option in reversed(options):
        command = option(command)
    return command


@analyze.command(epilog="Example: alamo analyze churn customers.csv --target left --id customer --out scores.csv")
@file_argument
@score_options
def churn(file: str, out: Path | None, html_file: Path | None, *, as_json: bool, **columns: Any) -> None:
    """Who will leave: a calibrated probability per row, judged on rows the model never saw."""
    _score(file, "churn", (out, html_file), as_json=as_json, **columns)


@analyze.command(epilog="Example: alamo analyze readiness leads.csv --target bought --drop call_seconds --time called")
@file_argument
@score_options
def readiness(file: str, out: Path | None, html_file: Path | None, *, as_json: bool, **columns: Any) -> None:
    """Who is ready to buy or answer: a calibrated probability per row, judged on rows the model never saw."""
    _score(file, "readiness", (out, html_file), as_json=as_json, **columns)


@analyze.command(
    "next-product", epilog="Example: alamo analyze next-product orders.csv --customer id --time date --product sku"
)
@file_argument
@click.option("--customer", required=True, metavar="COL", help="Column of the customer.")
@click.option("--time", required=True, metavar="COL", help="Column of the order's date.")
@click.option("--product", required=True, metavar="COL", help="Column of the product, or of its category.")
@click.option("--within", type=click.FloatRange(0, min_open=True), default=28.0, show_default=True, help="Days ahead.")
@click.option("--top", type=click.IntRange(1, 50), default=5, show_default=True, help="Products listed per customer.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the customers learnt from.")
@click.option("--ready", metavar="PRODUCT", help="Score instead who is ready to buy this one within the days ahead.")
@mapping_option
@out_option
@json_option
def next_product(file: str, out: Path | None, ready: str | None, *, as_json: bool, **columns: Any) -> None:
    """What each customer buys next, from orders alone, judged on the file's last days beside "buy again"."""
    if ready is not None:
        known = readiness_table(file, ready, **columns)
        _score(known, "readiness", (out, None), as_json=as_json, target="bought", id="customer", time="as_of_day")
        return
    with announcing(not as_json) as announce:
        announce("reading and fitting")
        answer = fit_next_product(file, **columns)
    if out is not None:
        write_table(out, answer.lists_table())
        answer = replace(answer, out=str(out))
    emit(answer, next_product_view, as_json=as_json)


def _score(file: Any, purpose: str, files: tuple[Path | None, Path | None], *, as_json: bool, **columns: Any) -> None:
    """Fit, write the table of scores and the page where asked for, and print."""
    out, html_file = files
    with announcing(not as_json) as announce:
        announce("reading and fitting")
        answer = fit_scores(file, purpose=purpose, **columns)
        if out is not None:
            announce("scoring every row")
            write_table(out, answer.scores_table())
            answer = replace(answer, out=str(out))
    if html_file is not None:
        write_page(html_file, "scores", answer.to_dict())
    emit(answer, score_view, as_json=as_json)


@analyze.command(
    epilog="Example: alamo analyze allocation scores.parquet --customer id --action action --value value "
    "--limits limits.toml"
)
@file_argument
@click.option("--customer", required=True, metavar="COL", help="Column of the customer.")
@click.option("--action", required=True, metavar="COL", help="Column of the action.")
@click.option("--value", required=True, metavar="COL", help="Column of the value, net of variable cost.")
@click.option("--use", type=names, metavar="COL[,COL…]", help="Columns that limits may use.")
@click.option(
    "--limits",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.toml",
    help="Limits, as in a project's limits.toml.",
)
@click.option("--temperature", type=click.FloatRange(0, min_open=True), metavar="MONEY", help="Draw instead.")
@click.option("--gap", type=click.FloatRange(0, min_open=True), default=0.001, show_default=True, help="Gap to reach.")
@click.option("--advice", is_flag=True, help="Say what more of each limit is worth, and what a new action must bring.")
@out_option
@json_option
@click.pass_context
def allocation(ctx: click.Context, /, file: str, out: Path | None, *, as_json: bool, **columns: Any) -> None:
    """Who gets which action under shared limits, with a certificate of how good the plan is."""
    with announcing(not as_json) as announce:
        announce("reading and allocating")
        answer = allocate(file, **columns)
    error = answer.error()
    if out is not None and error is None:
        write_table(out, answer.assignments_table())
        answer = replace(answer, out=str(out))
    emit(answer, views.allocation, as_json=as_json)
    if error is not None:  # the answer is printed all the same: it names the limits in conflict
        ctx.exit(report_failure(error, as_json=False, words=ctx.meta.get("words", ())))


def _by_arm(columns: dict[str, Any]) -> dict[str, Any]:
    """Turn the repeated ``NAME=NUMBER`` options into mappings."""
    return columns | {"cost": dict(columns["cost"]), "shares": dict(columns["shares"])}
