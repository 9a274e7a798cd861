"""How far two groupings of the same rows agree, and which group of one is which of the other.

Source: Hubert & Arabie (1985), "Comparing partitions", Journal of Classification 2, eq. (5) (adjusted Rand index);
Kuhn (1955), "The Hungarian method for the assignment problem" (matching by the largest total overlap).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from alamo.numerics.moments import codes

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def adjusted_rand(a: npt.NDArray[np.generic], b: npt.NDArray[np.generic]) -> float:
    """Return the adjusted Rand index of two labellings, shape (n,) each: 1 alike, about 0 by chance.

    Two groupings that are both one group, or both all singletons, are alike: 1.

    Raises
    ------
    ValueError
        If they label different numbers of rows.
    """
    if len(a) != len(b):
        raise ValueError(f"{len(a)} and {len(b)} labels are not of the same rows")
    table = overlap(a, b)
    together, in_a, in_b = _pairs(table).sum(), _pairs(table.sum(axis=1)).sum(), _pairs(table.sum(axis=0)).sum()
    every = _pairs(np.array([float(len(a))])).sum()
    by_chance = in_a * in_b / every if every else 0.0
    most = 0.5 * (in_a + in_b)
    return float((together - by_chance) / (most - by_chance)) if most != by_chance else 1.0


def overlap(a: npt.NDArray[np.generic], b: npt.NDArray[np.generic]) -> Floats:
    """Return how many rows each pair of labels shares, shape (labels of a, labels of b), labels in sorted order."""
    code_a, n_a = codes(a)
    code_b, n_b = codes(b)
    return np.bincount(code_a * n_b + code_b, minlength=n_a * n_b).reshape(n_a, n_b).astype(np.float64)


def matched(shared: Floats, least: float = 0.5) -> Integers:
    """Return for each row of an overlap table its partner column, −1 for none, shape (rows,).

    Partners maximise the total overlap; a pair counts only if it shares at least `least` of all that is in either
    (their Jaccard index).
    """
    found = np.full(len(shared), -1, dtype=np.int64)
    if not shared.size:
        return found
    rows, columns = linear_sum_assignment(-shared)
    either = shared.sum(axis=1)[rows] + shared.sum(axis=0)[columns] - shared[rows, columns]
    kept = shared[rows, columns] >= least * np.maximum(either, 1.0)
    found[rows[kept]] = columns[kept]
    return found


def _pairs(counts: Floats) -> Floats:
    return 0.5 * counts * (counts - 1.0)
