"""What changes from one plan to another, and advice from the prices of one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import RenderableType

from alamo.cli import formats
from alamo.cli.output import Column, column, interval_column, next_step, note, refusals, table
from alamo.cli.views.limits import SIDE

Data = Mapping[str, Any]


def diff(data: Data) -> Iterator[RenderableType]:
    """Who moves, what that brings and costs, and every figure that differs."""
    before, after = data.get("before"), data["after"]
    if data.get("moves"):
        yield table("Who moves", _MOVES, data["moves"])
    if data.get("same") is not None:
        moved = sum(int(row["customers"]) for row in data["moves"])
        yield note(f"{formats.count(moved)} customers move, {formats.count(data['same'])} keep what they had.")
    if data.get("gain_change"):
        yield note(change(data))
    if data.get("unscored"):
        yield note(f"{formats.count(data['unscored'])} of them have no score for one of the two and are not in it.")
    columns = [
        column("", "what"),
        column("before", "before", formats.amount),
        column("now", "after", formats.amount),
    ]
    yield table(f"From {before or 'nothing'} to {after}", columns, data["rows"])
    if not data["rows"]:
        yield note("Nothing differs.")


def change(data: Data) -> str:
    """Write what the moves bring and cost, with the interval."""
    gain = data["gain_change"]
    ends = formats.interval(gain["lower"], gain["upper"], formats.money)
    unsure = ", zero not excluded" if gain["lower"] <= 0 <= gain["upper"] else ""
    cost = data.get("cost_change_money") or 0.0
    return (
        f"The moves bring {formats.money(gain['mean'], signed=True)} {data.get('currency') or ''} ({ends}{unsure}) and "
        f"cost {formats.money(abs(cost))} {'less' if cost < 0 else 'more'}; values net of cost, as of the scores "
        f"of {formats.moment(data.get('as_of'))}."
    )


def advice(data: Data) -> Iterator[RenderableType]:
    """What more of each limit is worth, and what a new action must bring."""
    level = formats.percent(data.get("level"), 0)
    yield note(f"Plan {data.get('plan')} of cycle {data.get('cycle')}", "bold")
    yield from limits_advice(data, level)
    yield from (note(said) for said in sentences(data))
    yield note(
        f"Given the scores as of {formats.moment(data.get('as_of'))} and all other limits as they are; intervals "
        f"({level}) hold what the scores are unsure about.",
        "dim",
    )
    yield from refusals(data)
    if data.get("rows"):
        yield from next_step("alamo plan diff --limits FILE.toml")


def limits_advice(data: Data, level: str = "") -> Iterator[RenderableType]:
    """Return the tables of advice: limits, then new actions."""
    columns = [
        column("limit", "limit"),
        SIDE,
        column("bound", "bound", formats.amount),
        column("used", "used", formats.amount),
        column("price", "price", formats.number),
        Column("room", step_words),
        column("is worth", "worth_money", formats.money),
        interval_column(f"{level} interval".strip(), "worth_lower", "worth_upper", formats.money),
        column("steady for", "steady_for", formats.amount),
        column("worth it for", "useful_for", formats.amount),
        column("costs in all", "lifted_money", formats.money),
    ]
    if data.get("rows"):
        yield table("What more room is worth", columns, data["rows"])
    entries = data.get("new_actions") or []
    if entries:
        yield table("What a new action would have to bring per contact, net of its cost", _ENTRIES, entries)


def step_words(row: Data) -> str:
    """Write the step of a limit: more of a maximum, less of a minimum."""
    sign = "+" if row.get("side") == "maximum" else "−"
    return f"{sign}{formats.amount(row.get('step'))}"


def sentences(data: Data) -> Iterator[str]:
    """Say in words what binding limits are worth."""
    currency = data.get("currency") or "in money"
    for row in data.get("rows", []):
        if not row.get("price"):
            continue
        what = "more" if row["side"] == "maximum" else "less to be met"
        yield (
            f"{row['limit']}: {formats.amount(row['step'])} {what} would bring {formats.money(row['worth_money'])} "
            f"{currency}. Each is worth at least three quarters of its price up to "
            f"{formats.amount(row['steady_for'])} {what}, and nothing beyond {formats.amount(row['useful_for'])}."
        )


_MOVES = (
    column("from", "from"),
    column("to", "to"),
    column("customers", "customers", formats.count),
    Column("gain", lambda row: formats.money(row.get("gain_money"), signed=True)),
    Column("cost", lambda row: formats.money(row.get("cost_money"), signed=True)),
)
_ENTRIES = (
    Column("like", lambda row: ", ".join(row.get("like") or ()), right=False),
    column("customers", "customers", formats.count),
    column("limits charge a contact", "price_of_use_money", formats.money),
    column("and a unit of cost", "price_per_cost_money", formats.money),
    column("for the best tenth", "first_money", formats.money),
    column("for half", "half_money", formats.money),
)
