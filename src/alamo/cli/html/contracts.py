"""Pictures of contracts: who is still here after each renewal, counted, and the effects on leaving."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alamo.cli import formats
from alamo.cli.html.charts import bars, forest
from alamo.cli.html.marks import Picture
from alamo.cli.views.contracts import to_come

Data = Mapping[str, Any]

_Z90 = 1.645


def contracts(data: Data) -> tuple[str, list[Picture]]:
    """Return the title and the pictures of the page."""
    lines = [
        {
            "name": f"renewal {row['renewal']}",
            "value": 100.0 * row["survival"],
            "written": f"{formats.percent(row['survival'])} (model {formats.percent(row['survival_model'])})",
        }
        for row in data["rows"]
    ]
    message = to_come(data) if data.get("total") else "Too little is known to say what will come"
    pictures = [bars(lines, message, "% still here after each renewal")]
    if data.get("model") == "hazard" and data.get("parameters"):
        effects = [_effect(row) for row in data["parameters"] if row["se"] is not None]
        pictures.append(forest(effects, "What moves leaving", "log-odds of leaving per unit, 90 % intervals"))
    return "Customers with a contract", pictures


def _effect(row: Data) -> dict[str, Any]:
    half = _Z90 * row["se"]
    lower, upper = row["estimate"] - half, row["estimate"] + half
    found = lower > 0.0 or upper < 0.0
    return {"name": row["parameter"], "mean": row["estimate"], "lower": lower, "upper": upper, "found": found}
