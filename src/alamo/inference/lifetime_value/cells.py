"""Customers compressed into cells: all that a purchase-process likelihood needs of a file of any size.

The likelihood of a customer depends on (x, t_x, T) alone, so equal customers are counted. Terms that depend on x only,
or on T only, need no more than the counts by x and by T; what is left to do per cell concerns repeat buyers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

_LEVELS_PER_ROW, _LEVELS = 4, 10_000  # whole numbers spread wider than this are coded by sorting


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Distinct (x, t_x, T) with the number of customers in each, ordered by x.

    Attributes
    ----------
    x, t_x, t, weight
        Repeat purchases, time of the last one, age, number of customers; shape (m,), times in the model's unit.
    n_customers
        Sum of the weights.
    beyond
        Number of customers with more than j repeat purchases, shape (max x,), j = 0, 1, ….
    ages, age_customers, age_purchases
        Distinct T with its customers and their repeat purchases, shape (k,).
    first_repeat
        Index of the first cell with x > 0.
    """

    x: Floats
    t_x: Floats
    t: Floats
    weight: Floats
    n_customers: float
    beyond: Floats
    ages: Floats
    age_customers: Floats
    age_purchases: Floats
    first_repeat: int

    @classmethod
    def of(cls, x: Floats, t_x: Floats, t: Floats, weight: Floats, by_age: tuple[Floats, Codes] | None = None) -> Cells:
        """Build from cells ordered by x; `by_age`: the distinct ages, rising, and each cell's place among them."""
        by_x = _sums(x.astype(np.int64), weight)
        ages, place = np.unique(t, return_inverse=True) if by_age is None else by_age
        return cls(
            x=x,
            t_x=t_x,
            t=t,
            weight=weight,
            n_customers=float(weight.sum()),
            beyond=by_x[::-1].cumsum()[::-1][1:],
            ages=ages,
            age_customers=_sums(place, weight),
            age_purchases=_sums(place, weight * x),
            first_repeat=int(np.searchsorted(x, 1.0)),
        )

    def thinned(self, step: int) -> Cells:
        """Return every `step`-th cell: a systematic sample, good for starting values."""
        return Cells.of(self.x[::step], self.t_x[::step], self.t[::step], self.weight[::step])


def compress(x: npt.ArrayLike, t_x: npt.ArrayLike, t: npt.ArrayLike, *, unit: float = 1.0) -> Cells:
    """Group customers by (x, t_x, T).

    Parameters
    ----------
    x
        Repeat purchases, whole numbers ≥ 0, shape (n,).
    t_x, t
        Time of the last purchase and age, 0 ≤ t_x ≤ t, shape (n,).
    unit
        Divides the times after grouping: days in, weeks out with 7.
    """
    columns = [np.asarray(column, dtype=np.float64) for column in (x, t_x, t)]
    coded = [_coded(column) for column in columns]
    spans = [len(levels) for _, levels in coded]
    if math.prod(spans) >= np.iinfo(np.int64).max:  # nearly all differ: a cell each, there is nothing to gain
        order = np.argsort(columns[0], kind="stable")
        return Cells.of(columns[0][order], columns[1][order] / unit, columns[2][order] / unit, np.ones(len(order)))
    key = (coded[0][0] * spans[1] + coded[1][0]) * spans[2] + coded[2][0]
    if math.prod(spans) < np.iinfo(np.int32).max:
        key = key.astype(np.int32)  # narrower numbers are sorted faster
    keys, counts = np.unique(key, return_counts=True)
    pairs, t_code = np.divmod(keys, spans[2])
    x_code, t_x_code = np.divmod(pairs, spans[1])
    codes = (x_code, t_x_code, t_code)
    x_cell, t_x_cell, t_cell = (levels[code] for (_, levels), code in zip(coded, codes, strict=True))
    occurs = np.bincount(t_code, minlength=spans[2]) > 0
    by_age = (coded[2][1][occurs] / unit, (np.cumsum(occurs) - 1)[t_code])
    return Cells.of(x_cell, t_x_cell / unit, t_cell / unit, counts.astype(np.float64), by_age)


def _coded(values: Floats) -> tuple[Codes, Floats]:
    """Return each value's index into levels in rising order, and the levels; whole numbers need no sorting."""
    if len(values):
        low, high = float(values.min()), float(values.max())
        whole = values.astype(np.int64)
        if high - low < _LEVELS_PER_ROW * len(values) + _LEVELS and np.array_equal(whole, values):
            return whole - int(low), np.arange(low, high + 1.0)
    levels, codes = np.unique(values, return_inverse=True)
    return codes.astype(np.int64), levels


def _sums(place: Codes, weight: Floats) -> Floats:
    return np.bincount(place, weights=weight).astype(np.float64)
