"""Grows partitions best first: of all cuts of all leaves, the one that explains most of the outcomes comes next.

The order makes a nested path of partitions, from one group to as many as there are rows for; how far to follow it is
for rows to say that it was not grown on (`alamo.numerics.partition_choice`).

Source: Friedman (2001), "Greedy function approximation", Annals of Statistics 29(5), §4 (best-first trees, least
squares); several outcomes: Segal (1992), "Tree-structured methods for longitudinal data", JASA 87.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np
import numpy.typing as npt

from alamo.numerics.compiled import compiled
from alamo.numerics.partition_tree import PartitionTree

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Growth:
    """How far a partition may grow.

    Attributes
    ----------
    least
        Least size of a leaf: `counted` adds up to at least this on both sides of a cut, and the rows
        with outcomes are at least as many.
    most
        Most leaves.
    least_gain
        Least reduction of the mean squared error over all rows that a cut has to bring, summed over outcomes.
    """

    least: float
    most: int
    least_gain: float = 0.0


@dataclass(frozen=True, slots=True)
class GrownPath:
    """A partition and the order in which it came about.

    Attributes
    ----------
    start
        The partition it grew from.
    tree
        The whole partition.
    order
        Nodes in the order in which they were cut.
    gain
        Reduction of the mean squared error by each of these cuts.
    """

    start: PartitionTree
    tree: PartitionTree
    order: tuple[int, ...]
    gain: tuple[float, ...]

    def first(self, cuts: int) -> PartitionTree:
        """Return the partition after the first `cuts` cuts."""
        tree = self.start
        for node in self.order[:cuts]:
            tree = tree.split(node, self.tree.column[node], self.tree.cut[node])
        return tree


def grow_partition(
    bins: Integers,
    outcomes: Floats,
    limits: Growth,
    *,
    counted: Floats | None = None,
    known: npt.NDArray[np.bool_] | None = None,
    start: PartitionTree | None = None,
) -> GrownPath:
    """Return the path of partitions that cuts where the squared error falls most.

    Parameters
    ----------
    bins
        Bin of each row in each column, from 0 up, shape (n, d).
    outcomes
        What the groups should tell apart, each on the scale on which it counts, shape (n, q).
    limits
        Where to stop.
    counted
        Weight of each row towards `limits.least`, shape (n,); None: one each. Outcomes are not weighted.
    known
        Whether the outcomes of a row are known, shape (n,); None: all. A row without counts towards sizes only.
    start
        A partition to grow on; None: one group.

    Raises
    ------
    ValueError
        Without rows or outcomes, or if `limits.least` is not positive.
    """
    if not outcomes.size or limits.least <= 0:
        raise ValueError(f"no partition with leaves of {limits.least} from outcomes of shape {outcomes.shape}")
    bins = np.ascontiguousarray(bins, dtype=np.int64)
    outcomes = np.ascontiguousarray(outcomes, dtype=np.float64)
    weight = np.ones(len(bins)) if counted is None else np.asarray(counted, dtype=np.float64)
    seen = np.ones(len(bins)) if known is None else np.asarray(known, dtype=np.float64)
    outcomes = np.where(seen[:, None] > 0.0, outcomes, 0.0)
    start = PartitionTree() if start is None else start
    tree, leaf = start, start.leaf_of(bins)
    order: list[int] = []
    gains: list[float] = []
    waiting: list[tuple[float, int, int, int]] = []
    n_bins, n = int(bins.max(initial=0)) + 1, float(seen.sum())

    def offer(node: int) -> None:
        rows = np.flatnonzero(leaf == node)
        if bins.shape[1] and weight[rows].sum() >= 2 * limits.least:
            gain, column, cut = _best_cut(bins, rows, (outcomes, weight, seen), limits.least, n_bins)
            if column >= 0 and gain / n > limits.least_gain:
                heappush(waiting, (-gain / n, node, column, cut))

    for node in start.leaves:
        offer(node)
    while waiting and len(start.leaves) + len(order) < limits.most:
        gain, node, column, cut = heappop(waiting)
        order.append(node)
        gains.append(-gain)
        tree = tree.split(node, column, cut)
        rows = np.flatnonzero(leaf == node)
        leaf[rows] = np.where(bins[rows, column] <= cut, tree.left[node], tree.right[node])
        offer(tree.left[node])
        offer(tree.right[node])
    return GrownPath(start, tree, tuple(order), tuple(gains))


_TIE = 1e-9
"""Least share of a leaf's squares that a cut has to explain, so that rounding never makes one."""


@compiled
def _explained(low: Floats, total: Floats, n_low: float, n: float) -> float:
    """Return the squares explained by the means of two groups, of which one has `n_low` rows that sum to `low`."""
    found = 0.0
    for a in range(len(low)):
        found += low[a] ** 2 / n_low + (total[a] - low[a]) ** 2 / (n - n_low)
    return found


@compiled
def _best_cut(
    bins: Integers, rows: Integers, values: tuple[Floats, Floats, Floats], least: float, n_bins: int
) -> tuple[float, int, int]:
    """Return gain (reduction of the sum of squares), column and cut of the best cut of `rows`; column −1 for none.

    `values` are outcomes (n, q), the weight towards the least size, and 1 where outcomes are known (then 0).
    """
    outcomes, weight, seen = values
    d, q = bins.shape[1], outcomes.shape[1]
    total, squares, weights, n = np.zeros(q), 0.0, 0.0, 0.0
    for i in rows:
        weights += weight[i]
        n += seen[i]
        for a in range(q):
            total[a] += outcomes[i, a]
            squares += outcomes[i, a] ** 2
    base = (total**2).sum() / max(n, 1.0)
    best, best_column, best_cut = _TIE * squares, -1, -1
    sums, counts, counted = np.zeros((n_bins, q)), np.zeros(n_bins), np.zeros(n_bins)
    low = np.zeros(q)
    for j in range(d):
        sums[:] = 0.0
        counts[:] = 0.0
        counted[:] = 0.0
        for i in rows:
            b = bins[i, j]
            counts[b] += seen[i]
            counted[b] += weight[i]
            for a in range(q):
                sums[b, a] += outcomes[i, a]
        low[:] = 0.0
        n_low, w_low = 0.0, 0.0
        for c in range(n_bins - 1):
            n_low += counts[c]
            w_low += counted[c]
            for a in range(q):
                low[a] += sums[c, a]
            if min(w_low, weights - w_low, n_low, n - n_low) < least:
                continue
            gain = _explained(low, total, n_low, n) - base
            if gain > best:
                best, best_column, best_cut = gain, j, c
    return best, best_column, best_cut
