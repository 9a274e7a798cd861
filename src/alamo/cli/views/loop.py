"""Steps and turns of the loop."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rich.console import RenderableType

from alamo.cli import formats
from alamo.cli.output import Column, column, next_step, note, refusals, table
from alamo.cli.views.plan import plan_summary

_TOLD_ELSEWHERE = {"step", "cycle", "changed", "seconds", "refusals", "attribution", "plan", "fingerprint"}
_UNITS: Mapping[str, Callable[[Any], str]] = {
    "_money": formats.money,
    "_share": formats.percent,
    "_at": formats.moment,
    "as_of": formats.moment,
}
_KINDS: Mapping[type, Callable[[Any], str]] = {bool: formats.yes, int: formats.count, float: formats.number}
_DONE = {"measure": "measured", "infer": "inferred", "predict": "predicted", "steer": "steered"}


def step(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    """One step: what it did, in its own numbers."""
    yield note(f"{_DONE.get(str(data.get('step')), 'done')}, cycle {data.get('cycle')}: {_what_changed(data)}", "bold")
    for key, value in data.items():
        if key not in _TOLD_ELSEWHERE and _plain(value):
            yield note(f"  {formats.label(key)}: {written(key, value)}")
    if data.get("plan"):
        yield from next_step(f"alamo plan show {data['plan']}")
    yield from refusals(data)


def turn(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    """One turn: its steps, and the plan that waits at the human gate."""
    columns = [
        column("step", "step"),
        Column("", _what_changed, right=False),
        Column("what it saw", _numbers, right=False),
    ]
    yield table(f"Cycle {data['cycle']}", columns, data["steps"])
    for one in data["steps"]:
        yield from refusals(one)
    plan = data["plan"]
    yield from plan_summary({"plan_id": plan["id"], "cycle": data["cycle"], **plan})


def turns(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    """One turn in full, or several: a line each, then the last in full."""
    played = data["turns"]
    if len(played) > 1:
        columns = [
            column("cycle", "cycle", formats.count),
            Column("plan", lambda row: row["plan"]["id"], right=False),
            Column("contacted", lambda row: formats.count(row["plan"]["summary"].get("contacted"))),
            Column("cost", lambda row: formats.money(row["plan"]["summary"].get("cost_money"))),
            Column("expected gain", lambda row: formats.money(_gain(row).get("mean"), signed=True)),
            Column(
                "interval",
                lambda row: formats.interval(_gain(row).get("lower"), _gain(row).get("upper"), formats.money),
            ),
            Column("seconds", lambda row: f"{sum(one['seconds'] for one in row['steps']):.1f}"),
        ]
        yield table("Turns", columns, played)
    if played:
        yield from turn(played[-1])


def written(key: str, value: Any) -> str:
    """Write a value the way its key says: the unit is in the name."""
    if isinstance(value, list):
        return ", ".join(str(item) for item in value) or "none"
    for ending, write in _UNITS.items():
        if key.endswith(ending):
            return write(value)
    kind = type(value)
    return _KINDS[kind](value) if kind in _KINDS else str(value)


def _gain(row: Mapping[str, Any]) -> Mapping[str, Any]:
    return row["plan"]["summary"].get("gain") or {}


def _what_changed(data: Mapping[str, Any]) -> str:
    return formats.seconds(data.get("seconds")) if data.get("changed") else "nothing new, left as it was"


def _numbers(data: Mapping[str, Any]) -> str:
    told = {key: value for key, value in data.items() if key not in _TOLD_ELSEWHERE and isinstance(value, int | float)}
    return " · ".join(f"{formats.label(key)} {written(key, value)}" for key, value in told.items())


def _plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(isinstance(item, str | int | float) for item in value)
    return isinstance(value, str | int | float) and value != ""
