"""One self-contained page per report: pictures first, then every row, then where the numbers come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Any

from alamo.cli import formats
from alamo.cli.html.charts import bars, over_time
from alamo.cli.html.contracts import contracts
from alamo.cli.html.effects import effects
from alamo.cli.html.health import advice, health
from alamo.cli.html.marks import Picture, figures
from alamo.cli.html.off_policy import pictures as _off_policy
from alamo.cli.html.plan_advice import new_actions, plan_advice, value_curves
from alamo.cli.html.policies import policy_choice, policy_tree
from alamo.cli.html.scores import about, scores
from alamo.cli.html.segments import segments
from alamo.cli.html.tables import all_rows, funnel, left_out, limits, named, who_did_what
from alamo.cli.views.funnel import line, of_rows

Data = Mapping[str, Any]


def page(kind: str, data: Data) -> str:
    """Return the page of a report (one of `PAGES`), of a ``plan`` or of an ``off-policy``."""
    title, pictures = PAGES[kind](data)
    style = files("alamo.cli.html").joinpath("page.css").read_text(encoding="utf-8")
    rows = data.get("rows") or data.get("summary", {}).get("actions", [])
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{style}</style></head><body>"
        f"<main><h1>{escape(title)}</h1><p>{escape(_provenance(data))}</p>{_warnings(data)}{advice(data)}{about(data)}{figures(pictures)}"
        f"{_refusals(data)}<h2>All rows</h2>{all_rows(rows)}{_below(data)}</main>"
        f"<footer>{escape(str(data.get('attribution') or ''))} Made by Alamo.</footer></body></html>\n"
    )


def _below(data: Data) -> str:
    return f"{new_actions(data.get('room') or data)}{limits(data)}{funnel(data)}{left_out(data)}{who_did_what(data)}"


def _segments(data: Data) -> tuple[str, list[Picture]]:
    lines = _lines(data["rows"], "segment", "margin_365d_per_customer", formats.money)
    return "Segments", [
        bars(lines, _largest(lines, "earns most per customer"), _unit(data, "margin a year per customer"))
    ]


def _value(data: Data) -> tuple[str, list[Picture]]:
    lines = _lines(data["rows"], "segment", "residual_value_money_per_customer", formats.money)
    return "Residual lifetime value", [
        bars(lines, _largest(lines, "is worth most per customer"), _unit(data, "per customer"))
    ]


def _policy(data: Data) -> tuple[str, list[Picture]]:
    lines = _lines(data["rows"], "action", "share", formats.percent, times=100.0)
    return "The policy", [bars(lines, _largest(lines, "is drawn most often"), "per cent of the customers")]


def _loop(data: Data) -> tuple[str, list[Picture]]:
    rows = [
        {
            "cycle": row["cycle"],
            "value": row.get("gain_money"),
            "lower": row.get("gain_lower"),
            "upper": row.get("gain_upper"),
        }
        for row in data["rows"]
    ]
    matured = [row for row in rows if row["value"] is not None]
    message = "No cycle has matured yet"
    if matured:
        last = matured[-1]
        message = f"Cycle {last['cycle']} gained {_within(last['value'], last)} net of cost"
    return "The loop over time", [over_time(rows, message, f"incremental {data.get('currency') or 'money'}")]


def _contacts(data: Data) -> tuple[str, list[Picture]]:
    overall = of_rows(data["rows"])["overall"]
    left = [
        {"name": row["stage"], "value": float(row["customers"]), "written": formats.count(row["customers"])}
        for row in overall
    ]
    message = line({"overall": overall}) if overall else "No plan yet"
    return f"Contacts of plan {data['plan']}", [bars(left, message, "customers left with any action")]


def _plan(data: Data) -> tuple[str, list[Picture]]:
    summary = data["summary"]
    title = f"Plan {data['plan_id']} of cycle {data['cycle']} ({data['state']})"
    if summary.get("restores"):  # it plans nobody
        return title, []
    gains = _lines(summary.get("actions", []), "action", "expected_gain_money", formats.money)
    drawn = _lines(summary.get("actions", []), "action", "customers", formats.count)
    gain = summary.get("gain") or {}
    expected = _within(gain.get("mean"), gain)
    return (
        title,
        [
            bars(gains, f"The plan is expected to gain {expected} net of cost", _unit(data, "expected gain")),
            bars(drawn, _largest(drawn, "goes to most customers"), "customers"),
            *_hours(data.get("load") or {}),
            *value_curves(data.get("room") or {}),
        ],
    )


def _hours(load: Data) -> list[Picture]:
    """Draw the messages of a plan hour by hour, the first two days of them; nothing where it sends none."""
    rows = [
        {
            "name": f"{formats.moment(row['hour'])} {row['channel']}",
            "value": row["messages"],
            "written": formats.count(row["messages"]),
        }
        for row in load.get("rows") or []
    ]
    message = f"Launched {formats.moment(load.get('at'))} (UTC), its channels get this many messages an hour"
    return [bars(rows[:48], message, "messages in the hour from")] if rows else []


PAGES: dict[str, Callable[[Data], tuple[str, list[Picture]]]] = {
    "effects": effects,
    "segments": _segments,
    "value": _value,
    "policy": _policy,
    "loop": _loop,
    "contacts": _contacts,
    "health": health,
    "plan": _plan,
    "plan-advice": plan_advice,
    "off-policy": _off_policy,
    "contracts": contracts,
    "policy-choice": policy_choice,
    "policy-tree": policy_tree,
    "scores": scores,
    "micro-segments": segments,
}
"""Title and pictures of each page."""


def _lines(
    rows: Sequence[Data], name: str, key: str, write: Callable[[Any], str], times: float = 1.0
) -> list[dict[str, Any]]:
    known = [row for row in rows if row.get(key) is not None]
    return [
        {
            "name": named(row) if name == "action" else row[name],
            "value": times * float(row[key]),
            "written": write(row[key]),
        }
        for row in known
    ]


def _unit(data: Data, words: str) -> str:
    currency = data.get("currency") or data.get("summary", {}).get("currency")
    return f"{words}, {currency}" if currency else words


def _within(value: Any, ends: Data) -> str:
    """Write an amount with its interval, and say where the interval holds zero."""
    lower, upper = ends.get("lower"), ends.get("upper")
    if lower is None or upper is None:
        return formats.money(value, signed=True)
    unsure = ", zero not excluded" if lower <= 0 <= upper else ""
    return f"{formats.money(value, signed=True)} ({formats.interval(lower, upper, formats.money)}{unsure})"


def _largest(lines: Sequence[Data], words: str) -> str:
    return f"{max(lines, key=lambda line: line['value'])['name']} {words}" if lines else "Nothing to show yet"


def _provenance(data: Data) -> str:
    parts = []
    if data.get("as_of"):
        parts.append(f"As of {formats.moment(data['as_of'])} (UTC)")
    if data.get("valid_until"):
        parts.append(f"valid until {formats.moment(data['valid_until'])} (UTC)")
    if data.get("level"):
        parts.append(f"{formats.percent(data['level'], 0)} intervals")
    return " · ".join(parts)


def _warnings(data: Data) -> str:
    found = [f"Warning: {words}" for words in data.get("summary", {}).get("warnings") or []]
    stopped = data.get("paused") or data.get("summary", {}).get("paused") or []
    found += [f"Paused: {row['action']}, by {row['by']}: {row['reason']}" for row in stopped]
    found += [f"Stale: {change['said']}" for change in data.get("stale") or []]
    found += [f"Takes two people: {data['lacks_person']}"] if data.get("lacks_person") else []
    return "".join(f'<p class="warning">{escape(words)}</p>' for words in found)


def _refusals(data: Data) -> str:
    found = data.get("refusals") or data.get("summary", {}).get("refusals") or []
    if not found:
        return ""
    lines = "".join(
        f"<li><strong>{escape(item['what'])}</strong>: {escape(item['reason'])} → {escape(item['cure'])}</li>"
        for item in found
    )
    return f"<h2>Not answered</h2><ul>{lines}</ul>"
