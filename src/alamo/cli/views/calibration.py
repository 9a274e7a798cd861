"""Calibration: the effect on the short outcome, its correction and the calibrated effect, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import RenderableType

from alamo.cli import formats
from alamo.cli.output import Column, column, note, table


def side_by_side(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    """What longer outcomes make of the effects; nothing where the project does not ask for it."""
    rows = data.get("calibration") or []
    if rows:
        columns = [
            column("action", "action"),
            Column("proxy", lambda row: _estimate(row, "proxy")),
            Column("correction", lambda row: _estimate(row, "correction")),
            Column("calibrated", lambda row: _estimate(row, "calibrated")),
            column("n", "n", formats.count),
            column("seen to the end", "n_long", formats.count),
            column("until", "measured_until", formats.moment),
            Column("", standing, right=False),
        ]
        days = formats.count(rows[0].get("long_days"))
        yield table(f"Against the outcome of {days} days, as of {formats.moment(rows[0].get('as_of'))}", columns, rows)
        yield note(
            "The correction was measured on decisions that have seen all these days and is taken to hold for the "
            "newer ones; fixed-n intervals, for one look",
            "dim",
        )
    yield from _price(data.get("permission_price"))


def standing(row: Mapping[str, Any]) -> str:
    """Say whether an effect is calibrated yet, and if not for how long it stays a proxy."""
    if row.get("label") != "proxy":
        return "calibrated"
    days = row.get("days_left")
    if days is None:
        return "proxy, no spread in the longer outcome"
    return f"proxy, about {formats.count(days)} more days" if days else "proxy, about 1 more cycle"


def _estimate(row: Mapping[str, Any], part: str) -> str:
    found = row.get(part) or {}
    if found.get("mean") is None:
        return formats.ABSENT
    ends = formats.interval(found.get("lower"), found.get("upper"), formats.money)
    return f"{formats.money(found['mean'], signed=True)} ({ends})"


def _price(price: Mapping[str, Any] | None) -> Iterator[RenderableType]:
    if not price:
        return
    gain, worth = price["gain"], price["price"]
    yield note(
        f"A reachable customer brings {formats.money(gain['mean'], signed=True)} a cycle "
        f"({formats.interval(gain['lower'], gain['upper'], formats.money)}) and gets out of reach with "
        f"{formats.percent(price['p_lost'])} chance"
    )
    yield note(
        f"So being reachable is worth {formats.money(worth['mean'])} "
        f"({formats.interval(worth['lower'], worth['upper'], formats.money)}) over "
        f"{formats.count(price['horizon_days'])} days; an outcome in which it is lost is charged "
        f"{formats.money(price['charged'])}"
    )
    channels = price.get("channels") or []
    if len(channels) > 1:
        told = (f"{one['channel']} {formats.money(one['charged'])}" for one in channels)
        yield note(f"Lost for one channel only: {', '.join(told)}")
