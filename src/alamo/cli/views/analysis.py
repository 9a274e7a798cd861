"""Analyses of a file: experiment, lifetime value, allocation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import RenderableType

from alamo.cli import formats
from alamo.cli.output import Column, column, heading, interval_column, note, refusals, table


def experiment(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Effects of each action against control, per outcome and segment."""
    level = formats.percent(data.get("level"), 0)
    rows = data.get("rows", [])
    columns = [
        column("action", "action"),
        *([column("segment", "segment")] if any(row.get("segment") is not None for row in rows) else []),
        column("outcome", "outcome"),
        column("effect", "mean", formats.signed),
        interval_column(f"{level} interval", "lower", "upper", formats.signed),
        interval_column("always valid", "anytime_lower", "anytime_upper", formats.signed),
        column("without it", "baseline", formats.number),
        column("n", "n", formats.count),
        column("control", "n_control", formats.count),
        Column("", _verdict, right=False),
    ]
    yield table("Effect per unit against control", columns, rows)
    yield note(
        f"{formats.count(data.get('units'))} units · {formats.count(data.get('intervals_shown'))} intervals shown, "
        "not adjusted for their number · always valid: may be looked at after every new row",
        "dim",
    )
    yield from _ratio_check(data.get("ratio_check") or {})
    yield from refusals(data)


def lifetime_value(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    """The fitted model and how it forecasts."""
    columns = [
        column("parameter", "parameter"),
        column("estimate", "estimate", formats.figure),
        column("se", "se", formats.number),
    ]
    yield table(f"{data.get('model')} on {formats.count(data.get('n_customers'))} customers", columns, data["rows"])
    likelihood = "log-likelihood " + (
        formats.ABSENT if data.get("log_likelihood") is None else f"{data['log_likelihood']:,.4f}"
    )
    yield note(f"{likelihood} · converged {formats.yes(data.get('converged'))}", "dim")
    if data.get("identified") is False:
        yield note("The spread of lifetimes is not identified: the forecast is that of the limit.", "yellow")
    holdout = data.get("holdout")
    if holdout:
        columns = [column(formats.label(key), key, formats.number) for key in holdout]
        yield table("Numbers of purchases on the hold-out", columns, [holdout])
    yield from _lifetime_forecast(data)
    if data.get("out"):
        yield note(f"Per customer: {data['out']}")
    yield from refusals(data)


def _lifetime_forecast(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    total, recalibration = data.get("total"), data.get("recalibration")
    if total:
        yield note(
            f"All customers in the next {formats.number(total['horizon_days'])} days: {formats.number(total['mean'])} "
            f"purchases [{formats.number(total['lower'])}, {formats.number(total['upper'])}]"
        )
    if data.get("choice"):
        columns = [
            column("model", "model"),
            column("loss on time held back", "loss", formats.figure),
            column("to the plainest", "difference", formats.figure),
            column("± se", "se", formats.figure),
            column("why", "reason"),
        ]
        yield table("Models compared", columns, data["choice"])
    if data.get("cohorts"):
        columns = [
            column("cohort", "cohort"),
            column("age", "age"),
            column("customers", "customers", formats.count),
            column("active", "active", formats.count),
            column("retention", "retention", formats.percent),
        ]
        yield table("Bought again, by period of the first purchase", columns, data["cohorts"])
    if recalibration:
        yield note(
            f"Recalibration: {recalibration['chosen']} × {formats.figure(recalibration['level'])}, because "
            f"{recalibration['reason']}. Season {recalibration['season']}."
        )


def allocation(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    """The plan's value, its certificate, and what each limit costs."""
    columns = [
        column("limit", "limit"),
        column("bound", "bound", formats.figure),
        column("used", "used", formats.figure),
        column("price", "price", formats.number),
    ]
    yield table("Limits", columns, data.get("rows", []))
    yield note(
        f"value {formats.money(data.get('value'))} · at most {formats.money(data.get('dual_bound'))} is possible · "
        f"gap {formats.percent(data.get('gap'), 4)} · {formats.seconds(data.get('seconds'))}"
    )
    if data.get("feasible") is False:
        yield heading("These limits cannot be met together")
        for item in data.get("infeasible_limits", []):
            yield note(f"  {item['limit']}: relax by {formats.number(item.get('relax_by'))}", "yellow")
    if data.get("out"):
        yield note(f"Per customer: {data['out']}")
    yield from refusals(data)


def _verdict(row: Mapping[str, Any]) -> str:
    if row.get("found") is None:
        return ""
    if not row["found"]:
        return "nothing found"
    return "helps" if (row.get("mean") or 0) > 0 else "harms"


def _ratio_check(check: Mapping[str, Any]) -> Iterator[RenderableType]:
    p_value = check.get("p_value")
    if p_value is None:
        return
    counts = ", ".join(f"{arm} {formats.count(n)}" for arm, n in (check.get("counts") or {}).items())
    if p_value < 0.001:
        yield note(f"The arms' sizes do not fit the design (p = {p_value:.2g}: {counts}); trust no effect.", "bold red")
    else:
        yield note(f"Arms fit the design (p = {p_value:.2g}: {counts})", "dim")
