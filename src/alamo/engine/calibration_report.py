"""What stands beside the effects: proxy, correction and calibrated effect, and the price of a lost permission."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alamo.engine.context import Context

_PARTS = ("proxy", "correction", "calibrated")


def beside_effects(context: Context, inferred: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys that the report of effects has where the settings ask for a longer outcome or for prices.

    Parameters
    ----------
    inferred
        What the newest inference step recorded.
    """
    found: dict[str, Any] = {}
    if context.settings.outcome.long_days:
        found["calibration"] = _side_by_side(context)
    if "permission_price" in inferred:
        found["permission_price"] = inferred["permission_price"]
    return found


def _side_by_side(context: Context) -> list[dict[str, Any]]:
    table = context.history.query(
        "SELECT * FROM calibrated_effects WHERE as_of = (SELECT max(as_of) FROM calibrated_effects) ORDER BY action_id"
    )
    return [
        {
            "action": row["action_id"],
            "label": row["label"],
            **{
                part: {
                    "mean": row[f"{part}_money"],
                    "se": row[f"{part}_se"],
                    "lower": row[f"{part}_lower"],
                    "upper": row[f"{part}_upper"],
                }
                for part in _PARTS
            },
            "long_days": row["long_days"],
            "n": row["n"],
            "n_long": row["n_long"],
            "cycles_long": row["cycles_long"],
            "measured_until": row["measured_until"],
            "days_left": row["days_left"],
            "method": row["method"],
            "as_of": row["as_of"],
        }
        for row in table.to_pylist()
    ]
