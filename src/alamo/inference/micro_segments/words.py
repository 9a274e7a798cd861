"""The name of a segment: its stage, and what else sets it apart, in words a person understands.

A name is the exact description: who fits its words is in the segment, and nobody else.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from alamo.inference.micro_segments.features import SHARE_IN, STAGE, STAGES, Feature
from alamo.numerics.partition_tree import PartitionTree

EVERYBODY = "everybody"
BETWEEN = " · "

_FLAGS = {
    "answered_last": ("answered the last message", "did not answer the last message"),
    "bought_on_discount": ("bought on offer", "bought unprompted"),
}
_UNITS = {
    "recency_days": "last bought {} days ago",
    "tenure_days": "first bought {} days ago",
    "purchase_days": "{} purchase days",
    "orders_30d": "{} orders in 30 days",
    "orders_90d": "{} orders in 90 days",
    "categories": "{} categories",
    "returns_365d": "{} returned lines in a year",
    "money": "spent {} in all",
    "money_per_day": "{} a purchase",
    "money_90d": "spent {} in 90 days",
}
_ONE = {
    "purchase_days": "{} purchase day",
    "orders_30d": "{} order in 30 days",
    "orders_90d": "{} order in 90 days",
    "categories": "{} category",
    "returns_365d": "{} returned line in a year",
}
_WHOLE = frozenset({"purchase_days", "orders_30d", "orders_90d", "categories", "returns_365d"})


def leaf_names(tree: PartitionTree, features: Sequence[Feature]) -> tuple[str, ...]:
    """Return the name of each leaf, from left to right; names are distinct."""
    return tuple(BETWEEN.join(_parts(tree, leaf, features)) or EVERYBODY for leaf in tree.leaves)


def bounds(tree: PartitionTree, leaf: int, features: Sequence[Feature]) -> dict[int, tuple[float, float]]:
    """Return the half-open interval [low, high) of each feature that is cut on the way to `leaf`, by its place."""
    found: dict[int, tuple[float, float]] = {}
    for node, goes_left in tree.path(leaf):
        place = tree.column[node]
        at = features[place].cuts[tree.cut[node]]
        low, high = found.get(place, (-np.inf, np.inf))
        found[place] = (low, min(high, at)) if goes_left else (max(low, at), high)
    return found


def feature_words(name: str, low: float, high: float) -> str:
    """Return the words for a feature in [low, high), one end of which may be infinite."""
    if name == STAGE:
        first = 0 if low == -np.inf else int(low)
        last = len(STAGES) - 1 if high == np.inf else int(high) - 1
        return " or ".join(STAGES[first : last + 1])
    if name in _FLAGS:
        return _FLAGS[name][0 if low > -np.inf else 1]
    if name.startswith(SHARE_IN):
        return f"{_range(100 * low, 100 * high, name)} % on {name.removeprefix(SHARE_IN)}"
    counted = _range(low, high, name)
    words = _UNITS.get(name, f"{{}} {name}").format(counted)
    return _ONE.get(name, words).format(counted) if counted == "1" else words


def _parts(tree: PartitionTree, leaf: int, features: Sequence[Feature]) -> list[str]:
    found = bounds(tree, leaf, features)
    order = sorted(found, key=lambda place: features[place].name != STAGE)  # the stage first, the rest as it was cut
    return [feature_words(features[place].name, *found[place]) for place in order]


def _range(low: float, high: float, name: str) -> str:
    if name in _WHOLE:
        if high < np.inf and high - 1 <= max(low, 0):
            return f"{high - 1:g}" if high > 1 else "no"
        if low > -np.inf and high < np.inf:
            return f"{low:g} to {high - 1:g}"
    if high == np.inf:
        return f"{low:,g}+"
    return f"under {high:,g}" if low == -np.inf else f"{low:,g} to {high:,g}"
