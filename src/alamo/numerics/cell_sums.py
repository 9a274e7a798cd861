"""Sums of a number by cell: all that passes from rows, or from SQL, to the effects of an experiment.

A cell is one arm in one segment (on one day, in one file). Cells of disjoint rows merge, in any order and any grouping,
so a new day costs that day's rows. Kept are the mean and the squares *about the mean*, not raw sums: amounts of a
million that differ by a cent lose nothing.

Source: Chan, Golub & LeVeque (1983), "Algorithms for computing the sample variance", The American Statistician 37(3),
eq. 2.1, for many parts at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from alamo.numerics.moments import sums_by

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class CellSums:
    """Additive statistics of one number in many cells, shapes (n_cells,).

    Attributes
    ----------
    n
        How many numbers; whole, as float64.
    mean
        Their mean; 0 in an empty cell.
    scatter
        Sum of squares about the cell's mean.
    nonzero
        How many are not zero.
    least, most
        Smallest and largest; ∞ and −∞ in an empty cell.
    """

    n: Floats
    mean: Floats
    scatter: Floats
    nonzero: Floats
    least: Floats
    most: Floats

    def __len__(self) -> int:
        return len(self.n)

    @classmethod
    def of(cls, values: Floats, cell: Integers, n_cells: int) -> CellSums:
        """Return the sums of `values` (n,), all finite, in the cells 0 … `n_cells` − 1 that `cell` (n,) names."""
        n = np.bincount(cell, minlength=n_cells).astype(np.float64)
        mean = _divided(sums_by(cell, values, n_cells), n)
        mean = mean + _divided(sums_by(cell, values - mean[cell], n_cells), n)
        least, most = np.full(n_cells, np.inf), np.full(n_cells, -np.inf)
        np.minimum.at(least, cell, values)
        np.maximum.at(most, cell, values)
        return cls(
            n=n,
            mean=mean,
            scatter=sums_by(cell, (values - mean[cell]) ** 2, n_cells),
            nonzero=sums_by(cell, (values != 0.0).astype(np.float64), n_cells),
            least=least,
            most=most,
        )

    @classmethod
    def joined(cls, parts: Sequence[CellSums]) -> CellSums:
        """Return the cells of `parts`, one after the other; `grouped` then merges those that are the same."""
        return cls(**{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)})

    def __add__(self, other: CellSums) -> CellSums:
        if len(other) != len(self):
            raise ValueError(f"sums of {len(self)} and of {len(other)} cells do not add")
        return CellSums.joined([self, other]).grouped(np.tile(np.arange(len(self)), 2), len(self))

    def take(self, places: Integers) -> CellSums:
        """Return the cells at `places`."""
        return CellSums(**{f.name: getattr(self, f.name)[places] for f in fields(self)})

    def grouped(self, group: Integers, n_groups: int) -> CellSums:
        """Return the cells merged into the groups 0 … `n_groups` − 1 that `group` (n_cells,) names."""
        n = sums_by(group, self.n, n_groups)
        mean = _divided(sums_by(group, self.n * self.mean, n_groups), n)
        mean = mean + _divided(sums_by(group, self.n * (self.mean - mean[group]), n_groups), n)
        least, most = np.full(n_groups, np.inf), np.full(n_groups, -np.inf)
        np.minimum.at(least, group, self.least)
        np.maximum.at(most, group, self.most)
        return CellSums(
            n=n,
            mean=mean,
            scatter=sums_by(group, self.scatter + self.n * (self.mean - mean[group]) ** 2, n_groups),
            nonzero=sums_by(group, self.nonzero, n_groups),
            least=least,
            most=most,
        )


def quantiles(values: Floats, n: Floats, shares: Floats) -> Floats:
    """Return the quantiles, linear between neighbours, of `values` that occur `n` times each, shape of `shares`."""
    order = np.argsort(values, kind="stable")
    ends = np.cumsum(n[order])
    place = (ends[-1] - 1.0) * shares
    low, high = (values[order][np.searchsorted(ends, at, side="right")] for at in (np.floor(place), np.ceil(place)))
    part = place - np.floor(place)
    found: Floats = np.where(part < 0.5, low + (high - low) * part, high - (high - low) * (1.0 - part))
    return found


def _divided(total: Floats, n: Floats) -> Floats:
    return np.divide(total, n, out=np.zeros(len(n)), where=n > 0.0)
