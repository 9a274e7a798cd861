"""Pictures of what more of each limit is worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alamo.cli import formats
from alamo.cli.html.charts import WIDTH
from alamo.cli.html.marks import Picture, Scale, data_table, element, label, padded_scale, tick_text

Data = Mapping[str, Any]

_HEIGHT, _LEFT, _BOTTOM = 300, 90, 50


def plan_advice(data: Data) -> tuple[str, list[Picture]]:
    """Return the title and the pictures of the page of advice."""
    return f"What more room is worth: {data.get('plan')} of cycle {data.get('cycle')}", value_curves(data)


def new_actions(data: Data) -> str:
    """Return what a new action would have to bring, as a table; nothing where that is not told."""
    rows = [
        [", ".join(row["like"]), formats.count(row["customers"])]
        + [
            formats.money(row[key])
            for key in ("price_of_use_money", "price_per_cost_money", "first_money", "half_money")
        ]
        for row in data.get("new_actions") or []
    ]
    if not rows:
        return ""
    headings = (
        "like", "customers open to it", "limits charge a contact", "and a unit of its cost",
        "is best for the first tenth from", "for half from",
    )  # fmt: skip
    return f"<h2>What a new action would have to bring per contact, net of its cost</h2>{data_table(headings, rows)}"


def value_curves(data: Data) -> list[Picture]:
    """Return one curve for each limit that has a price."""
    currency = data.get("currency") or "money"
    return [value_curve(row, currency) for row in data.get("rows", []) if len(row.get("curve") or ()) > 1]


def value_curve(row: Data, currency: str) -> Picture:
    """Draw the value of a plan by the bound of one limit, today's bound marked, the steady stretch emphasised."""
    points = sorted(row["curve"], key=lambda point: float(point["bound"]))
    bounds = [float(point["bound"]) for point in points]
    y = padded_scale([float(point["value_money"]) for point in points], _HEIGHT - _BOTTOM, 24)
    x = Scale(bounds[0], bounds[-1], _LEFT, WIDTH - 40)
    today = float(row["bound"])
    sign = 1.0 if row["side"] == "maximum" else -1.0
    steady = [point for point in points if 0.0 <= sign * (point["bound"] - today) <= float(row["steady_for"])]
    parts = [
        part
        for tick in y.ticks()
        for part in (
            element("line", x1=_LEFT, x2=WIDTH - 40, y1=y(tick), y2=y(tick), class_="grid"),
            label(_LEFT - 8, y(tick) + 4, tick_text(tick), "tick", "end"),
        )
    ]
    parts += [label(x(tick), _HEIGHT - _BOTTOM + 18, tick_text(tick), "tick", "middle") for tick in x.ticks()]
    parts += [
        element("line", x1=x(today), x2=x(today), y1=24, y2=_HEIGHT - _BOTTOM, class_="zero"),
        label(x(today) + 6, 20, f"now {formats.amount(today)}", "tick"),
        _line(points, x, y, "line"),
        _line(_up_to(row, steady, sign), x, y, "bar good"),
        *(element("circle", cx=x(p["bound"]), cy=y(p["value_money"]), r=3, class_="dot line-dot") for p in points),
        label(_LEFT, _HEIGHT - 8, f"bound of {row['limit']}; upright: what that adds to the plan, {currency}", "tick"),
    ]
    rows = [
        [formats.amount(p["bound"]), formats.money(p["value_money"], signed=True), formats.number(p["price"])]
        for p in points
    ]
    headings = ("bound", f"adds, {currency}", "price of one more unit")
    return Picture(message(row, currency), WIDTH, _HEIGHT, "".join(parts), headings, rows)


def message(row: Data, currency: str) -> str:
    """Write what the picture says."""
    what = "more" if row["side"] == "maximum" else "less to be met"
    return (
        f"{row['limit']}: {formats.amount(row['step'])} {what} would bring {formats.money(row['worth_money'])} "
        f"{currency}; a unit keeps three quarters of its price up to {formats.amount(row['steady_for'])} {what}"
    )


def _up_to(row: Data, steady: list[Data], sign: float) -> list[Data]:
    """Return the points of the steady stretch, with its end on the straight line between two points."""
    end = float(row["bound"]) + sign * float(row["steady_for"])
    points = sorted(row["curve"], key=lambda point: sign * float(point["bound"]))
    after = next((point for point in points if sign * (point["bound"] - end) > 0), None)
    if not steady or after is None:
        return steady
    last = max(steady, key=lambda point: sign * float(point["bound"]))
    share = (end - last["bound"]) / (after["bound"] - last["bound"])
    value = last["value_money"] + share * (after["value_money"] - last["value_money"])
    return [*steady, {"bound": end, "value_money": value}]


def _line(points: list[Data], x: Scale, y: Scale, class_: str) -> str:
    if len(points) < 2:
        return ""
    ordered = sorted(points, key=lambda point: float(point["bound"]))
    written = " ".join(f"{x(point['bound'])},{y(point['value_money'])}" for point in ordered)
    return element("polyline", points=written, class_=class_, fill="none")
