"""``alamo analyze contracts``: retention, and what customers who stay will bring."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from alamo.analyze import fit_contracts
from alamo.cli.analyze_options import file_argument, mapping_option, number_or_column, out_option
from alamo.cli.files import write_table
from alamo.cli.html.file import write_page
from alamo.cli.options import html_option, json_option, moment, names
from alamo.cli.output import announcing, emit
from alamo.cli.views import contracts as view

_PERIODS = click.Choice(["week", "month", "quarter", "year"])


@click.command(epilog="Example: alamo analyze contracts contracts.csv --start began --end ended --every month")
@file_argument
@click.option("--start", metavar="COL", help="Column of the first day.")
@click.option("--end", metavar="COL", help="Column of the last day, or the day after; empty while it goes on.")
@click.option("--every", type=_PERIODS, default="month", show_default=True, help="Time between renewals.")
@click.option("--until", type=moment, metavar="DATE", help="Last day known (default: the last date that has come).")
@click.option("--periods", metavar="COL", help="Instead of dates: renewals a customer was up for.")
@click.option("--left", metavar="COL", help="With --periods: whether the last of them was refused.")
@click.option("--time-format", metavar="FMT", help="As for strptime, such as %Y%m%d.")
@click.option("--calibrate-until", type=moment, metavar="DATE", help="Last day the model may see; the rest judges it.")
@click.option("--customer", metavar="COL", help="Column of the customer.")
@click.option("--covariates", type=names, metavar="COL[,COL…]", help="Known at the start; do they move leaving?")
@click.option("--model", default="auto", show_default=True, metavar="auto|shifted-beta-geometric|hazard")
@click.option("--horizon", type=click.IntRange(1), default=12, show_default=True, help="Renewals to look ahead.")
@click.option("--margin", type=number_or_column, metavar="NUM|COL", help="Money of a renewal.")
@click.option("--discount", type=float, default=0.0, show_default=True, help="Rate per period.")
@click.option("--cohorts", type=_PERIODS, help="Show retention by the period in which contracts began.")
@click.option("--level", type=click.FloatRange(0.5, 0.9999), default=0.9, show_default=True, help="Of intervals.")
@mapping_option
@out_option
@html_option
@json_option
def contracts(
    file: str,
    out: Path | None,
    html_file: Path | None,
    until: datetime | None,
    calibrate_until: datetime | None,
    *,
    as_json: bool,
    **columns: Any,
) -> None:
    """How long customers with a contract stay, and what those who are here will bring.

    Describe contracts by --start and --end, or count renewals yourself: --periods and --left.
    """
    with announcing(not as_json) as announce:
        announce("reading and fitting")
        answer = fit_contracts(file, until=until, calibrate_until=calibrate_until, **columns)
    if out is not None:
        write_table(out, answer.customers_table())
        answer = replace(answer, out=str(out))
    if html_file is not None:
        write_page(html_file, "contracts", answer.to_dict())
    emit(answer, view.contracts, as_json=as_json)
