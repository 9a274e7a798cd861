"""Contracts: retention counted and modelled, renewals to come, cohorts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import RenderableType

from alamo.cli import formats
from alamo.cli.output import column, interval_column, note, refusals, table

Data = Mapping[str, Any]


def contracts(data: Data) -> Iterator[RenderableType]:
    """Retention by renewal, the model, renewals to come, the hold-out and cohorts."""
    level = formats.percent(data.get("level"), 0)
    columns = [
        column("renewal", "renewal", formats.count),
        column("up for it", "at_risk", formats.count),
        column("left", "left", formats.count),
        column("retention", "retention", formats.percent),
        interval_column(f"{level} interval", "lower", "upper", formats.percent),
        column("by the model", "retention_model", formats.percent),
        column("still here", "survival", formats.percent),
        column("by the model", "survival_model", formats.percent),
    ]
    yield table("Retention", columns, data.get("rows", []))
    known = "" if data.get("until") is None else f" · known up to {data['until']}"
    yield note(
        f"{formats.count(data.get('n_customers'))} contracts, {formats.count(data.get('n_active'))} go on · "
        f"{data.get('model') or 'no model'} · converged {formats.yes(data.get('converged'))}{known}",
        "dim",
    )
    if data.get("parameters"):
        columns = [
            column("parameter", "parameter"),
            column("estimate", "estimate", formats.number),
            column("se", "se", formats.number),
        ]
        what = "Parameters" if data.get("model") != "hazard" else "Effect on the log-odds of leaving, per unit"
        yield table(what, columns, data["parameters"])
    if data.get("total"):
        yield note(to_come(data))
    if data.get("holdout"):
        yield note(judged(data["holdout"]))
    if data.get("cohorts"):
        columns = [
            column("began", "cohort"),
            column("renewal", "renewal", formats.count),
            column("customers", "customers", formats.count),
            column("still here", "active", formats.count),
            column("retention", "retention", formats.percent),
        ]
        yield table("Still here, by the period in which contracts began", columns, data["cohorts"])
    if data.get("out"):
        yield note(f"Per customer: {data['out']}")
    yield from refusals(data)


def to_come(data: Data) -> str:
    """Write what the customers who are here will bring."""
    total = data["total"]
    ends = "" if total.get("lower") is None else f" ({formats.interval(total['lower'], total['upper'], formats.count)})"
    value = "" if data.get("value_money") is None else f", worth {formats.money(data['value_money'])}"
    return (
        f"The next {formats.count(data.get('horizon'))} renewals of those who are here: "
        f"{formats.count(total['mean'])}{ends}{value}"
    )


def judged(holdout: Data) -> str:
    """Write how the forecast did on renewals it had not seen."""
    predicted, error = holdout["predicted"], holdout.get("aggregate_error")
    ends = (
        ""
        if predicted.get("lower") is None
        else f" ({formats.interval(predicted['lower'], predicted['upper'], formats.count)})"
    )
    told = "" if error is None else f": {'+' if error > 0 else ''}{formats.percent(error)}"
    who = f"{formats.count(holdout['customers'])} customers"
    made = formats.count(holdout["actual"])
    return (
        f"Hold-out: {formats.count(predicted['mean'])}{ends} renewals of {who} were predicted, {made} were made{told}"
    )
