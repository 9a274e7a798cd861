"""Columns of a tree: where they may be cut, which bin a value falls into, and how a leaf reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alamo.numerics.binary_tree import BinaryTree

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TreeColumns:
    """Frozen cut points.

    Attributes
    ----------
    names
        Of the columns.
    cuts
        Cut points of each column, rising; a row lies left of a cut if its value is at most that, or missing.
    flags
        Which columns hold nothing but 0 and 1.
    gaps
        Which columns had missing values.
    """

    names: tuple[str, ...]
    cuts: tuple[tuple[float, ...], ...]
    flags: tuple[bool, ...]
    gaps: tuple[bool, ...]

    @classmethod
    def fit(cls, features: Floats, names: Sequence[str], *, most: int) -> TreeColumns:
        """Learn at most `most` cut points a column from features (n, d): every value where few, else quantiles."""
        known = [column[np.isfinite(column)] for column in features.T]
        return cls(
            names=tuple(names),
            cuts=tuple(_cuts(values, most) for values in known),
            flags=tuple(bool(len(values)) and bool(np.isin(values, (0.0, 1.0)).all()) for values in known),
            gaps=tuple(len(values) < len(features) for values in known),
        )

    def bins(self, features: Floats) -> Integers:
        """Return the bin of each value, shape (n, d): 0 up to the number of the column's cuts."""
        bins = np.zeros(features.shape, dtype=np.int64)
        for j, cuts in enumerate(self.cuts):
            column = features[:, j]
            bins[:, j] = np.where(np.isnan(column), 0, np.searchsorted(np.array(cuts), column, side="left"))
        return bins

    def words(self, tree: BinaryTree) -> tuple[str, ...]:
        """Return who is in each leaf of `tree`, from left to right."""
        found: dict[int, str] = {}
        waiting: list[tuple[int, dict[int, tuple[float, float]]]] = [(0, {})]
        while waiting:
            node, bounds = waiting.pop()
            j = tree.column[node]
            if j < 0:
                parts = [self._part(column, *ends) for column, ends in sorted(bounds.items())]
                found[node] = " and ".join(parts) or "everybody"
                continue
            at = self.cuts[j][tree.cut[node]]
            low, high = bounds.get(j, (-np.inf, np.inf))
            waiting.append((tree.left[node], bounds | {j: (low, min(high, at))}))
            waiting.append((tree.right[node], bounds | {j: (max(low, at), high)}))
        return tuple(found[node] for node in tree.leaves)

    def _part(self, j: int, low: float, high: float) -> str:
        name = self.names[j]
        above, missing = low > -np.inf, " (or missing)" if self.gaps[j] and low == -np.inf else ""
        column, sign, level = name.partition("=")
        if self.flags[j]:
            if sign:
                return f"{column} is {'' if above else 'not '}{level}"
            return f"{name} is {int(above)}{missing}"
        if above and high < np.inf:
            return f"{low:.4g} < {name} ≤ {high:.4g}"
        return f"{name} > {low:.4g}" if above else f"{name} ≤ {high:.4g}{missing}"


def _cuts(values: Floats, most: int) -> tuple[float, ...]:
    distinct = np.unique(values)
    if len(distinct) <= most + 1:
        return tuple(distinct[:-1].tolist())
    inner = np.quantile(values, np.arange(1, most + 1) / (most + 1), method="inverted_cdf")
    return tuple(np.unique(inner[inner < distinct[-1]]).tolist())
