"""The tables below the pictures: every row, the limits and their prices, and who is left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from alamo.cli import formats
from alamo.cli.html.marks import data_table
from alamo.cli.views.funnel import line, stages_shown, table_rows
from alamo.cli.views.reports import PROGRAMME, action_name
from alamo.domain.action import NO_ACTION

Data = Mapping[str, Any]

_MONEY = ("mean", "se", "lower", "upper", "baseline", "anytime_lower", "anytime_upper")
_TOLD_ABOVE = ("as_of",)


def all_rows(rows: Sequence[Data]) -> str:
    """Return the rows of a report as a table, each number written the way its key says."""
    if not rows:
        return "<p>None yet.</p>"
    keys = [key for key, value in rows[0].items() if not isinstance(value, list | dict) and key not in _TOLD_ABOVE]
    return _table([formats.label(key) for key in keys], [[cell(key, row.get(key)) for key in keys] for row in rows])


def limits(data: Data) -> str:
    """Return what was used of each limit and its price; nothing where there are no limits."""
    found = data.get("limits") or data.get("summary", {}).get("limits") or []
    cells = [
        [str(row["limit"]), *(formats.amount(row.get(key)) for key in ("bound", "used")), formats.number(row["price"])]
        for row in found
    ]
    if not cells:
        return ""
    return f"<h2>Limits</h2>{_table(['limit', 'bound', 'used', 'price of one more unit'], cells)}"


def left_out(data: Data) -> str:
    """Return how many customers an action was not open to, by reason; nothing where all were open."""
    found = data.get("summary", {}).get("excluded") or {}
    cells = [[str(reason), formats.count(n)] for reason, n in found.items()]
    if not cells:
        return ""
    return f"<h2>Left out</h2>{_table(['not contactable because', 'customer × action'], cells)}"


def funnel(data: Data) -> str:
    """Return the customers left to each action after each stage of a plan; nothing where no funnel was kept."""
    found = data.get("summary", {}).get("funnel")
    if not found:
        return ""
    shown = stages_shown(found)
    cells = [[str(row["action"]), *(formats.count(row[stage]) for stage in shown)] for row in table_rows(found)]
    return f"<h2>Customers left after each stage</h2><p>{escape(line(found))}</p>{_table(['action', *shown], cells)}"


def who_did_what(data: Data) -> str:
    """Return the log of a plan; nothing before anybody did anything."""
    cells = [
        [str(row["act"]), str(row["by"]), formats.moment(row["at"]), str(row["reason"])]
        for row in data.get("log") or []
    ]
    return f"<h2>Who did what</h2>{_table(['act', 'by', 'at', 'why'], cells)}" if cells else ""


def cell(key: str, value: Any) -> str:
    """Write a value the way its key says: money, a share, days, a count, a moment, a name."""
    if isinstance(value, bool):
        return formats.yes(value)
    if key == "action" and value in (PROGRAMME, NO_ACTION):
        return named({"action": value})
    if isinstance(value, str) or not isinstance(value, int | float):
        return formats.moment(value)
    return _writer(key)(value) if isinstance(value, float) or "money" in key else formats.count(value)


def named(row: Data) -> str:
    """Return the name of an action for people."""
    return "no action" if row.get("action") == NO_ACTION else action_name(row)


def _writer(key: str) -> Callable[[Any], str]:
    if "money" in key or key in _MONEY or key.startswith("gain"):
        return _money
    if key == "share" or key.startswith("share_"):
        return formats.percent
    return formats.count if key.endswith(("_days", "customers")) else formats.number


def _money(value: float) -> str:
    """Write money with cents, from 10,000 on without them: a table is to be compared down its columns."""
    return formats.money(value) if abs(value) < 10_000 else formats.count(value)


def _table(headings: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    return f'<div class="wide">{data_table(headings, cells)}</div>'
