"""Groups of similar rows from features alone: repeatedly cut the widest cell in two, until there are enough.

Neither outcomes nor arms are looked at, so effects per group stay honest. Cut points are kept and named, so that new
rows fall into the same groups and a person can read what a group is.

Source: Wan, Wong & Prusinkiewicz (1988), "An algorithm for multidimensional data clustering", ACM TOMS 14(2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_REACH_SD = 3.0


@dataclass(frozen=True, slots=True)
class Cut:
    """A cut of one cell: rows with `values[column] > at` move to cell `into`, the others stay in `cell`."""

    cell: int
    into: int
    column: int
    at: float


@dataclass(frozen=True, slots=True)
class Grouping:
    """A frozen partition.

    Attributes
    ----------
    names
        Of the columns, for the labels.
    fill
        What a missing value counts as, shape (d,).
    cuts
        In the order they were made.
    """

    names: tuple[str, ...]
    fill: tuple[float, ...]
    cuts: tuple[Cut, ...]

    @classmethod
    def fit(cls, features: Floats, names: Sequence[str], *, most: int = 50, least_rows: int = 200) -> Grouping:
        """Learn at most `most` groups of at least `least_rows` rows from features (n, d); missing values are NaN."""
        fill = np.array([_median(features[:, j]) for j in range(features.shape[1])])
        values = np.where(np.isnan(features), fill, features)
        spread = values.std(axis=0) if len(values) else np.ones(values.shape[1])
        scale = np.where(spread > 0.0, spread, np.inf)
        standard = np.clip((values - values.mean(axis=0)) / scale, -_REACH_SD, _REACH_SD) if len(values) else values
        cell = np.zeros(len(values), dtype=np.int64)
        cuts: list[Cut] = []
        offers = {0: _best_cut(values, standard, np.arange(len(values)), least_rows)}
        while len(cuts) + 1 < most:
            widest = max(offers, key=lambda c: offers[c][0])
            gain, column, at = offers[widest]
            if gain <= 0.0:
                break
            cut = Cut(widest, len(cuts) + 1, column, at)
            cell[(cell == widest) & (values[:, column] > at)] = cut.into
            cuts.append(cut)
            for changed in (cut.cell, cut.into):
                offers[changed] = _best_cut(values, standard, np.flatnonzero(cell == changed), least_rows)
        return cls(tuple(names), tuple(fill.tolist()), tuple(cuts))

    def assign(self, features: Floats) -> Integers:
        """Return the group of each row, 0 … number of cuts, shape (n,)."""
        values = np.where(np.isnan(features), np.asarray(self.fill), features)
        cell = np.zeros(len(values), dtype=np.int64)
        for cut in self.cuts:
            cell[(cell == cut.cell) & (values[:, cut.column] > cut.at)] = cut.into
        return cell

    def to_dict(self) -> dict[str, Any]:
        """Return the partition as JSON-able values."""
        cuts = [asdict(cut) for cut in self.cuts]
        return {"names": list(self.names), "fill": list(self.fill), "cuts": cuts}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Grouping:
        """Return the partition that `to_dict` wrote."""
        fill = tuple(float(value) for value in values["fill"])
        return cls(tuple(values["names"]), fill, tuple(Cut(**cut) for cut in values["cuts"]))

    @property
    def labels(self) -> tuple[str, ...]:
        """What each group is, in words; one entry per group, all different."""
        parts: list[dict[int, tuple[float, float]]] = [{}]
        for cut in self.cuts:
            low, high = parts[cut.cell].get(cut.column, (-np.inf, np.inf))
            parts.append(parts[cut.cell] | {cut.column: (max(low, cut.at), high)})
            parts[cut.cell] = parts[cut.cell] | {cut.column: (low, min(high, cut.at))}
        return tuple(
            " · ".join(_words(self.names[j], *bounds) for j, bounds in sorted(part.items())) or "all" for part in parts
        )


def _median(column: Floats) -> float:
    known = column[np.isfinite(column)]
    return float(np.median(known)) if len(known) else 0.0


def _best_cut(values: Floats, standard: Floats, rows: Integers, least_rows: int) -> tuple[float, int, float]:
    """Return (sum of squares removed, column, cut point) of the best cut near the mean; (0, 0, 0) where none fits."""
    best = (0.0, 0, 0.0)
    if len(rows) < 2 * least_rows:
        return best
    part = standard[rows]
    squares = part.var(axis=0) * len(rows)
    for column in np.argsort(-squares, kind="stable")[:8].tolist():
        x = values[rows, column]
        at = float(np.median(x)) if float(np.median(x)) < float(x.max()) else float(x[x < x.max()].max(initial=-np.inf))
        right = x > at
        n_right = int(right.sum())
        if min(n_right, len(rows) - n_right) < least_rows:
            continue
        z = part[:, column]
        gap = float(z[right].mean() - z[~right].mean())
        gain = gap**2 * n_right * (len(rows) - n_right) / len(rows)
        if gain > best[0]:
            best = (gain, column, at)
    return best


def _words(name: str, low: float, high: float) -> str:
    if "=" in name and low in (-np.inf, 0.0) and high in (np.inf, 0.0):  # a level of a text column
        return name if low == 0.0 else name.replace("=", " not ", 1)
    if low == -np.inf:
        return f"{name} ≤ {high:.4g}"
    return f"{name} > {low:.4g}" if high == np.inf else f"{low:.4g} < {name} ≤ {high:.4g}"
