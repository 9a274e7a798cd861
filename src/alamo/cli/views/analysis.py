"""Analyses of a file: lifetime value, allocation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from rich.console import RenderableType

from alamo.cli import formats
from alamo.cli.output import Column, column, heading, note, refusals, table
from alamo.cli.views.limits import limit_columns
from alamo.cli.views.plan_review import limits_advice

_ROUNDING = 1e-12
"""A difference of losses below it is what rounding leaves."""


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


def _choice(rows: Sequence[Mapping[str, Any]]) -> Iterator[RenderableType]:
    """The models compared; where all others were beaten alike, what speaks for the one kept stands below."""
    if not rows:
        return
    others = [row for row in rows if not row.get("chosen")]
    alike = len({row["reason"] for row in others}) <= 1 and all(row["loss"] is not None for row in others)
    columns = [
        column("model", "model"),
        column("loss on time held back", "loss", formats.figure),
        column("to the plainest", "difference", _difference),
        column("± se", "se", _difference),
        Column("", lambda row: "kept" if row.get("chosen") else "", right=False),
        *([] if alike else [column("why", "reason")]),
    ]
    yield table("Models compared", columns, rows)
    if alike:
        for row in rows:
            if row.get("chosen"):
                yield note(f"Kept: {row['model']}, {row['reason']}", "dim")


def _difference(value: Any) -> str:
    """Write a difference of losses; what is left of rounding is nothing."""
    return formats.figure(0.0 if value is not None and abs(value) < _ROUNDING else value)


def _lifetime_forecast(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    total, recalibration = data.get("total"), data.get("recalibration")
    if total:
        yield note(
            f"All customers in the next {formats.amount(total['horizon_days'])} days: {formats.count(total['mean'])} "
            f"purchases ({formats.interval(total['lower'], total['upper'], formats.count)})"
        )
    yield from _choice(data.get("choice") or [])
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
    if data.get("actions"):
        yield table("Who gets what", _given(data["actions"]), data["actions"])
    yield table("Limits", limit_columns(data.get("rows", [])), data.get("rows", []))
    if data.get("value") is not None:
        yield note(_certified(data))
    if data.get("feasible") is False:
        yield heading("These limits cannot be met together")
        yield from clash(data)
    if data.get("advice"):
        yield from limits_advice({"rows": data["advice"]["limits"], "new_actions": data["advice"]["new_actions"]})
    if data.get("out"):
        yield note(f"Per customer: {data['out']}")
    yield from refusals(data)


def _certified(data: Mapping[str, Any]) -> str:
    """Write the value beside what no plan can beat."""
    return (
        f"value {formats.money(data.get('value'))} · at most {formats.money(data.get('dual_bound'))} is possible · "
        f"gap {formats.percent(data.get('gap'), 4)} · {formats.seconds(data.get('seconds'))}"
    )


def _given(rows: Sequence[Mapping[str, Any]]) -> list[Column]:
    """Return the columns of customers, value and uses of each action."""
    uses = [Column(name, partial(_use_of, name)) for name in rows[0]["uses"]]
    return [
        column("action", "action"),
        column("customers", "customers", formats.count),
        column("value", "value", formats.money),
        *uses,
    ]


def _use_of(name: str, row: Mapping[str, Any]) -> str:
    return formats.amount(row["uses"][name])


def clash(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    """What each limit in conflict would have to give way, alone and all together, and what the plan then brings."""
    ways = data.get("relaxation") or {}
    columns = [
        column("limit", "limit"),
        column("side", "side"),
        Column("relax by", lambda row: formats.amount(row["relax_by"]) if row.get("enough") else formats.ABSENT),
        Column("enough alone", lambda row: "yes" if row.get("enough") else "no", right=False),
        column("then brings about", "value_money", formats.money),
    ]
    yield table("Each by itself", columns, ways.get("alone", []))
    if ways.get("together"):
        parts = " and ".join(
            f"the {item['side']} of {item['limit']} by {formats.amount(item['relax_by'])}" for item in ways["together"]
        )
        worth = formats.money(ways.get("value_money"))
        yield note(f"The least in all: relax {parts}; the plan then brings about {worth}.", "yellow")
