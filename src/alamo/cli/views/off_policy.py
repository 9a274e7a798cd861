"""The value of a policy before it runs: four estimators, the difference to the running policy, and the overlap."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import RenderableType

from alamo.cli import formats
from alamo.cli.output import Column, column, interval_column, note, refusals, table

NAMES = {
    "ips": "inverse propensity (ips)",
    "snips": "self-normalised (snips)",
    "dr": "doubly robust (dr)",
    "switch-dr": "switch (switch-dr)",
}
"""Estimators in words."""


def policy(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Value, difference to the running policy, and how well the log covers the new one."""
    level = formats.percent(data.get("level"), 0)
    values = [
        estimator_column(),
        column("value per row", "value", formats.number),
        column("se", "se", formats.number),
        interval_column(f"{level} interval", "lower", "upper"),
        Column("", lambda row: "go by this" if row.get("chosen") else "", right=False),
    ]
    yield table("Value of the policy", values, data.get("rows", []))
    differences = [
        estimator_column(),
        column("difference", "mean", formats.number),
        interval_column(f"{level} interval", "lower", "upper"),
        interval_column("always valid", "anytime_lower", "anytime_upper"),
        Column("", lambda row: verdict(row, data), right=False),
    ]
    yield table("Against the running policy, on the same rows", differences, data.get("differences", []))
    yield note(f"The running policy: {formats.number(data.get('behaviour_value'))} per row", "dim")
    yield note(coverage(data.get("overlap") or {}), "dim")
    if data.get("features"):
        yield note(f"used as known before the draw: {', '.join(data['features'])}", "dim")
    threshold = data.get("switch_threshold")
    if threshold is not None:
        yield note(
            f"switch-dr trusts its outcome model alone where a weight exceeds {formats.number(threshold)}", "dim"
        )
    places = (data.get("overlap") or {}).get("positions")
    if places:
        columns = [
            column("place", "position"),
            column("rows", "n", formats.count),
            column("effective", "ess", formats.count),
            column("mean weight", "mean_weight", formats.number),
        ]
        yield table("Places of the slate", columns, places)
    yield from refusals(data)


def estimator_column() -> Column:
    """Return the column of an estimator's name."""
    return Column("estimator", lambda row: NAMES.get(str(row.get("estimator")), str(row.get("estimator"))), right=False)


def coverage(overlap: Mapping[str, Any]) -> str:
    """Write how well the log covers the policy."""
    return (
        f"{formats.count(overlap.get('n'))} rows are worth {formats.count(overlap.get('ess'))} of the policy's own "
        f"(effective sample size) · largest weight {formats.number(overlap.get('largest_weight'))} · mean weight "
        f"{formats.number(overlap.get('mean_weight'))}, 1 is right"
    )


def verdict(row: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    """Say what a difference shows; nothing where no estimator is to be gone by."""
    chosen = next((item["estimator"] for item in data.get("rows", []) if item.get("chosen")), None)
    lower, upper = row.get("lower"), row.get("upper")
    if row.get("estimator") != chosen or chosen is None or lower is None or upper is None:
        return ""
    if lower <= 0.0 <= upper:
        return "no difference found"
    return "better than what runs" if lower > 0.0 else "worse than what runs"
