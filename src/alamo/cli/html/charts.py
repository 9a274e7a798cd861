"""The charts of the reports: effects as a forest plot, the loop over time, the plan as bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from alamo.cli import formats
from alamo.cli.html.marks import Picture, Scale, element, label, padded_scale, tick_text

WIDTH = 960
_LEFT, _RIGHT, _ROW, _TOP = 350, 210, 28, 24

Rows = Sequence[Mapping[str, Any]]


def forest(rows: Rows, message: str, unit: str) -> Picture:
    """Draw one line per effect: the interval as a bar, the estimate as a dot, zero as a line.

    Parameters
    ----------
    rows
        With the keys ``name mean lower upper found``; a row without an interval is left out of the drawing and
        stands in the table as a dash.
    message
        What the picture says.
    unit
        Of the effects.
    """
    drawn = [row for row in rows if row.get("lower") is not None and row.get("upper") is not None]
    ends = [float(row[key]) for row in drawn for key in ("lower", "upper")]
    scale = padded_scale(ends, _LEFT, WIDTH - _RIGHT)
    bottom = _TOP + _ROW * len(drawn)
    parts = _grid(scale, bottom)
    parts.append(element("line", x1=scale(0), x2=scale(0), y1=_TOP - 8, y2=bottom, class_="zero"))
    for index, row in enumerate(drawn):
        parts += _forest_line(row, scale, _TOP + _ROW * index + _ROW / 2)
    parts.append(label(_LEFT, bottom + 36, unit, "tick"))
    table = [[str(row["name"]), formats.money(row.get("mean"), signed=True), _ends(row)] for row in rows]
    return Picture(message, WIDTH, bottom + 46, "".join(parts), ("", f"effect, {unit}", "interval"), table)


def _forest_line(row: Mapping[str, Any], scale: Scale, y: float) -> list[str]:
    kind = "none" if not row.get("found") else "good" if float(row["mean"]) > 0 else "bad"
    written = f"{formats.money(row['mean'], signed=True)}  ({_ends(row)})"
    return [
        label(_LEFT - 12, y + 4, _short(str(row["name"])), anchor="end"),
        element("line", x1=scale(row["lower"]), x2=scale(row["upper"]), y1=y, y2=y, class_=f"bar {kind}"),
        element("circle", cx=scale(row["mean"]), cy=y, r=5, class_=f"dot {kind}"),
        label(WIDTH - _RIGHT + 10, y + 4, written, "tick"),
    ]


def over_time(rows: Rows, message: str, unit: str, beside: str = "truth") -> Picture:
    """Draw one value per cycle with its interval as a band and, where known, what stands beside it as a dashed line.

    Parameters
    ----------
    rows
        With the keys ``cycle value lower upper`` and optionally `beside`; an absent value leaves a gap.
    message
        What the picture says.
    unit
        Of the values.
    beside
        Key of the dashed line, and the heading of its column.
    """
    height, left = 300, 80
    known = [float(row[key]) for row in rows for key in ("value", "lower", "upper", beside) if row.get(key) is not None]
    y = padded_scale(known, height - 40, 20)
    cycles = [int(row["cycle"]) for row in rows]
    x = Scale(min(cycles, default=0), max(cycles, default=1), left + 20, WIDTH - 30)
    parts = [
        part
        for tick in y.ticks()
        for part in (
            element("line", x1=left, x2=WIDTH - 20, y1=y(tick), y2=y(tick), class_="grid"),
            label(left - 8, y(tick) + 4, tick_text(tick), "tick", "end"),
        )
    ]
    parts.append(element("line", x1=left, x2=WIDTH - 20, y1=y(0), y2=y(0), class_="zero"))
    parts += [label(x(cycle), height - 14, str(cycle), "tick", "middle") for cycle in cycles]
    parts.append(_band([row for row in rows if row.get("lower") is not None and row.get("upper") is not None], x, y))
    parts.append(_line(rows, beside, x, y, "truth"))
    parts.append(_line(rows, "value", x, y, "line"))
    parts += [
        element("circle", cx=x(row["cycle"]), cy=y(row["value"]), r=4, class_="dot line-dot")
        for row in rows
        if row.get("value") is not None
    ]
    parts.append(label(left, 12, f"{unit}, by cycle", "tick"))
    known_beside = any(row.get(beside) is not None for row in rows)
    headings = ("cycle", f"estimate, {unit}", "interval", *((beside,) if known_beside else ()))
    table = [
        [
            str(row["cycle"]),
            formats.money(row.get("value"), signed=True),
            _ends(row),
            *([formats.money(row.get(beside), signed=True)] if known_beside else []),
        ]
        for row in rows
    ]
    return Picture(message, WIDTH, height, "".join(parts), headings, table)


def _band(rows: Rows, x: Scale, y: Scale) -> str:
    if not rows:
        return ""
    upper = [f"{x(row['cycle'])},{y(row['upper'])}" for row in rows]
    lower = [f"{x(row['cycle'])},{y(row['lower'])}" for row in reversed(rows)]
    return element("polygon", points=" ".join(upper + lower), class_="band")


def _line(rows: Rows, key: str, x: Scale, y: Scale, class_: str) -> str:
    points = [f"{x(row['cycle'])},{y(row[key])}" for row in rows if row.get(key) is not None]
    return element("polyline", points=" ".join(points), class_=class_) if len(points) > 1 else ""


def bars(rows: Rows, message: str, unit: str) -> Picture:
    """Draw one horizontal bar per row.

    Parameters
    ----------
    rows
        With the keys ``name value written``; `written` stands at the end of the bar.
    message
        What the picture says.
    unit
        Of the values.
    """
    scale = padded_scale([float(row["value"]) for row in rows], _LEFT, WIDTH - _RIGHT)
    bottom = _TOP + _ROW * len(rows)
    parts = _grid(scale, bottom)
    for index, row in enumerate(rows):
        y, value = _TOP + _ROW * index, float(row["value"])
        start, end = sorted((scale(0), scale(value)))
        kind = "bad" if value < 0 else "good"
        parts += [
            label(_LEFT - 12, y + _ROW / 2 + 4, _short(str(row["name"])), anchor="end"),
            element("rect", x=start, y=y + 6, width=round(end - start, 1), height=_ROW - 12, class_=f"fill {kind}"),
            label(WIDTH - _RIGHT + 10, y + _ROW / 2 + 4, str(row["written"]), "tick"),
        ]
    parts.append(label(_LEFT, bottom + 36, unit, "tick"))
    table = [[str(row["name"]), str(row["written"])] for row in rows]
    return Picture(message, WIDTH, bottom + 46, "".join(parts), ("", unit), table)


def _grid(scale: Scale, bottom: float) -> list[str]:
    return [
        part
        for tick in scale.ticks()
        for part in (
            element("line", x1=scale(tick), x2=scale(tick), y1=_TOP - 8, y2=bottom, class_="grid"),
            label(scale(tick), bottom + 18, tick_text(tick), "tick", "middle"),
        )
    ]


def _ends(row: Mapping[str, Any]) -> str:
    return formats.interval(row.get("lower"), row.get("upper"), formats.money)


def _short(words: str, limit: int = 52) -> str:
    return words if len(words) <= limit else words[: limit - 1] + "…"
