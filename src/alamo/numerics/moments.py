"""Additive moments: the few sums that every mean, variance and interval needs, computed once and added up freely."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Moments:
    """Count, sum and sum of squares of numbers; moments of disjoint sets add.

    Squares are kept about `origin`, so that subtracting large equal parts does not lose digits.

    Attributes
    ----------
    n
        How many numbers.
    total
        Sum of (value − origin).
    squares
        Sum of (value − origin)².
    origin
        Fixed reference point; moments with different origins do not add.
    """

    n: int = 0
    total: float = 0.0
    squares: float = 0.0
    origin: float = 0.0

    @classmethod
    def of(cls, values: Floats, origin: float = 0.0) -> Moments:
        """Return the moments of `values`, shape (n,)."""
        shifted = np.asarray(values, dtype=np.float64) - origin
        return cls(len(shifted), float(shifted.sum()), float(shifted @ shifted), origin)

    def __add__(self, other: Moments) -> Moments:
        if other.origin != self.origin:
            raise ValueError(f"moments about {self.origin} and {other.origin} do not add")
        return Moments(self.n + other.n, self.total + other.total, self.squares + other.squares, self.origin)

    @property
    def mean(self) -> float:
        """Mean; NaN without numbers."""
        return self.origin + self.total / self.n if self.n else float("nan")

    @property
    def variance(self) -> float:
        """Sample variance (n − 1); NaN with fewer than two numbers."""
        if self.n < 2:
            return float("nan")
        return self.scatter / (self.n - 1)

    @property
    def scatter(self) -> float:
        """Sum of squares about the mean; 0 without numbers."""
        return max(self.squares - self.total * self.total / self.n, 0.0) if self.n else 0.0


def codes(values: npt.NDArray[np.generic]) -> tuple[Integers, int]:
    """Return a dense code 0 … k − 1 per entry, shape (n,), in sorted order of the values, and k."""
    levels, inverse = np.unique(values, return_inverse=True)
    return inverse.astype(np.int64).reshape(-1), len(levels)


def sums_by(groups: Integers, values: Floats, n_groups: int) -> Floats:
    """Return the sum of `values` (n,) in each group, shape (n_groups,)."""
    return np.bincount(groups, weights=values, minlength=n_groups).astype(np.float64)
