"""The page of a score: is it calibrated, and what does it rest on?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from alamo.cli import formats
from alamo.cli.html.charts import WIDTH, bars
from alamo.cli.html.marks import Picture, Scale, element, label, tick_text

Data = Mapping[str, Any]

_LEFT, _TOP, _SIDE = 90, 20, 380
_MOST_DRIVERS = 15


def scores(data: Data) -> tuple[str, list[Picture]]:
    """Return the title and the pictures of ``alamo.scores/1``."""
    pictures = []
    if data.get("calibration_curve"):
        error = (data.get("pooled") or {}).get("ece")
        message = f"Predicted and seen shares differ by {formats.percent(error, 2)} on average, on rows not learnt from"
        pictures.append(calibration(data["calibration_curve"], message))
    drivers = [
        {"name": item["column"], "value": item["mean_log_odds"], "written": formats.number(item["mean_log_odds"])}
        for item in (data.get("drivers") or [])[:_MOST_DRIVERS]
    ]
    if drivers:
        pictures.append(bars(drivers, f"{drivers[0]['name']} moves scores most", "mean part of the log-odds"))
    return f"Who is likely: {data.get('target')} = {data.get('positive')}", pictures


def about(data: Data) -> str:
    """Return how good the scores are, and what speaks against them, as paragraphs; nothing for other pages."""
    if "suspected_leaks" not in data:
        return ""
    told = [f"<p>{escape(_quality(data))}</p>"] if data.get("pooled") else []
    for item in data["suspected_leaks"]:
        state = "kept" if item.get("kept") else "left out"
        told.append(_warning(f"Known only after the outcome? {item['column']} ({state}): {item['why']}"))
    drift = data.get("drift") or {}
    told += [_warning(f"Drift: {words}") for words in (drift.get("messages") or []) if drift.get("warning")]
    return "".join(told)


def _quality(data: Data) -> str:
    """Say how many rows there are, and how the scores did on rows that were not learnt from."""
    auc = formats.number(data["pooled"].get("auc"), 3)
    ends: Data = next((row for row in data.get("intervals") or [] if row.get("fold") is None), {})
    within = formats.interval(ends.get("auc_lower"), ends.get("auc_upper"), lambda end: formats.number(end, 3))
    known = "" if within == formats.ABSENT else f" ({within})"
    share = formats.percent(data.get("base_rate"))
    lift = formats.number(data["pooled"].get("top_decile_lift"), 3)
    return (
        f"{formats.count(data.get('n'))} rows, {share} of them {data.get('positive')} · AUC {auc}{known} on rows "
        f"not learnt from · the highest tenth holds {lift} times as many as an average one"
    )


def _warning(words: str) -> str:
    return f'<p class="warning">{escape(words)}</p>'


def calibration(points: Sequence[Data], message: str) -> Picture:
    """Draw each tenth of the scores: predicted share across, seen share with its interval up, agreement as a line."""
    most = max(max(float(point["upper"]), float(point["predicted"])) for point in points)
    x = Scale(0.0, most, _LEFT, _LEFT + _SIDE)
    y = Scale(0.0, most, _TOP + _SIDE, _TOP)
    parts = [element("line", x1=x(0), y1=y(0), x2=x(most), y2=y(most), class_="zero")]
    for tick in x.ticks():
        parts += [
            element("line", x1=x(tick), x2=x(tick), y1=_TOP, y2=_TOP + _SIDE, class_="grid"),
            element("line", x1=_LEFT, x2=_LEFT + _SIDE, y1=y(tick), y2=y(tick), class_="grid"),
            label(x(tick), _TOP + _SIDE + 18, tick_text(tick), "tick", "middle"),
            label(_LEFT - 8, y(tick) + 4, tick_text(tick), "tick", "end"),
        ]
    for point in points:
        at = x(float(point["predicted"]))
        low, high, seen = (y(float(point[key])) for key in ("lower", "upper", "seen"))
        parts += [
            element("line", x1=at, x2=at, y1=low, y2=high, class_="bar good"),
            element("circle", cx=at, cy=seen, r=5, class_="dot good"),
        ]
    parts.append(label(_LEFT, _TOP + _SIDE + 40, "predicted across, seen upwards", "tick"))
    rows = [
        [
            formats.percent(point["predicted"]),
            formats.percent(point["seen"]),
            formats.interval(point["lower"], point["upper"], formats.percent),
            formats.count(point["n"]),
        ]
        for point in points
    ]
    return Picture(message, WIDTH, _TOP + _SIDE + 50, "".join(parts), ("predicted", "seen", "interval", "rows"), rows)
