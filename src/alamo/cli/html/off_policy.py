"""Pictures of a policy before it runs: its value beside the running one, and the difference."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import NormalDist
from typing import Any

from alamo.cli import formats
from alamo.cli.html.charts import forest
from alamo.cli.html.marks import Picture
from alamo.cli.views.off_policy import NAMES, coverage, verdict

Data = Mapping[str, Any]


def pictures(data: Data) -> tuple[str, list[Picture]]:
    """Return the title and the pictures of the page."""
    chosen = next((row for row in data["rows"] if row["chosen"]), None)
    differences = data["differences"]
    told = next((words for row in differences if (words := verdict(row, data))), "")
    message = "The log says too little about this policy to go by any of these"
    if chosen is not None:
        message = f"By {NAMES[chosen['estimator']]} the policy earns {formats.number(chosen['value'])} per row"
    values = [
        {"name": NAMES[row["estimator"]], "mean": row["value"], "lower": row["lower"], "upper": row["upper"]}
        | {"found": row["chosen"]}
        for row in data["rows"]
    ]
    half = NormalDist().inv_cdf(0.5 + 0.5 * data["level"]) * data["behaviour_se"]
    mean = data["behaviour_value"]
    values.append({"name": "the running policy", "mean": mean, "lower": mean - half, "upper": mean + half})
    gains = [{**row, "name": NAMES[row["estimator"]], "found": bool(verdict_found(row, chosen))} for row in differences]
    return "A policy before it runs", [
        forest(values, message, "outcome per row"),
        forest(gains, f"Against the running policy: {told or 'nothing to go by'}", coverage(data["overlap"])),
    ]


def verdict_found(row: Data, chosen: Data | None) -> bool:
    """Say whether this is the difference to go by and its interval excludes zero."""
    if chosen is None or row.get("estimator") != chosen["estimator"]:
        return False
    lower, upper = row.get("lower"), row.get("upper")
    return lower is not None and upper is not None and (lower > 0.0 or upper < 0.0)
