"""Trees that choose an action: exact to depth 2 over given cuts, greedy with a look-ahead of 2 beyond.

The reward of a tree is Σ_i r[i, action of the leaf of i]. A tree of depth 2 is found by trying every root cut and, on
either side, every cut: sums of rewards by pairs of bins hold all that is needed, so the rows are read once per column.

Source: Zhou, Athey & Wager (2023), "Offline multi-action policy learning: generalization and optimization", Operations
Research 71(1), §5 (exact search, cuts, hybrid trees).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alamo.numerics.binary_tree import BinaryTree
from alamo.numerics.compiled import compiled

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_EXACT = 2
_TIE = 1e-9


@dataclass(frozen=True, slots=True)
class ActionTree(BinaryTree):
    """A tree that chooses an action in each leaf.

    Attributes
    ----------
    action
        What a leaf chooses; −1 inside.
    """

    action: tuple[int, ...]


def grow_tree(bins: Integers, rewards: Floats, *, depth: int, least: int) -> ActionTree:
    """Return the tree with the largest reward: exactly for depth ≤ 2, by greedy look-ahead beyond.

    Parameters
    ----------
    bins
        Bin of each row in each column, from 0 up, shape (n, d).
    rewards
        What each action would bring to each row, shape (n, k).
    depth
        At most this many cuts on the way to a leaf; 0 gives the best single action.
    least
        Least rows of a leaf.

    Raises
    ------
    ValueError
        Without rows or actions, or if `depth` is negative or `least` below 1.
    """
    if not rewards.size or depth < 0 or least < 1:
        raise ValueError(f"no tree of depth {depth} with leaves of {least} rows from rewards of shape {rewards.shape}")
    growing = _Growing([], [], [], [], [])
    _grow(growing, np.ascontiguousarray(bins, dtype=np.int64), np.ascontiguousarray(rewards, float), depth, least)
    return ActionTree(*(tuple(part) for part in growing.parts))


@dataclass(frozen=True, slots=True)
class _Growing:
    column: list[int]
    cut: list[int]
    left: list[int]
    right: list[int]
    action: list[int]

    @property
    def parts(self) -> tuple[list[int], ...]:
        return self.column, self.cut, self.left, self.right, self.action

    def add(self, column: int, cut: int, action: int) -> int:
        for part, value in zip(self.parts, (column, cut, -1, -1, action), strict=True):
            part.append(value)
        return len(self.column) - 1


def _grow(tree: _Growing, bins: Integers, rewards: Floats, depth: int, least: int) -> int:
    """Add the best subtree for these rows and return its node."""
    column, cut = -1, -1
    if depth and bins.shape[1]:
        column, cut = _best_root(bins, int(bins.max(initial=0)) + 1, rewards, min(depth, _EXACT), least)
    if column < 0:
        return tree.add(-1, -1, int(rewards.sum(axis=0).argmax()))
    node = tree.add(column, cut, -1)
    goes_left = bins[:, column] <= cut
    tree.left[node] = _grow(tree, bins[goes_left], rewards[goes_left], depth - 1, least)
    tree.right[node] = _grow(tree, bins[~goes_left], rewards[~goes_left], depth - 1, least)
    return node


@compiled
def _best_root(bins: Integers, n_bins: int, rewards: Floats, depth: int, least: int) -> tuple[int, int]:
    """Return column and cut at the root of the best tree of this depth (1 or 2); (−1, −1) where no cut adds reward."""
    n, d = bins.shape
    k = rewards.shape[1]
    total = np.zeros(k)
    size = 0.0
    for i in range(n):
        size += np.abs(rewards[i]).max()
        for a in range(k):
            total[a] += rewards[i, a]
    tie = _TIE * size
    best, best_column, best_cut = total.max() + tie, -1, -1
    sums = np.zeros((n_bins, d, n_bins, k))
    counts = np.zeros((n_bins, d, n_bins))
    for j in range(d):
        sums[:] = 0.0
        counts[:] = 0.0
        for i in range(n):
            b = bins[i, j]
            for m in range(d if depth > 1 else 1):
                counts[b, m, bins[i, m]] += 1.0
                for a in range(k):
                    sums[b, m, bins[i, m], a] += rewards[i, a]
        every_sum, every_count = sums.sum(axis=0), counts.sum(axis=0)
        left_sum, left_count = np.zeros((d, n_bins, k)), np.zeros((d, n_bins))
        for c in range(n_bins - 1):
            left_sum += sums[c]
            left_count += counts[c]
            n_left = left_count[0].sum()
            if n_left < least or n - n_left < least:
                continue
            found = _best_side(left_sum, left_count, depth, least, tie)
            found += _best_side(every_sum - left_sum, every_count - left_count, depth, least, tie)
            if found > best:
                best, best_column, best_cut = found + tie, j, c
    return best_column, best_cut


@compiled
def _best_side(sums: Floats, counts: Floats, depth: int, least: int, tie: float) -> float:
    """Return the reward of the best leaf or, at depth 2, cut of one side; sums (d, bins, k), counts (d, bins)."""
    d, n_bins, k = sums.shape
    whole = np.zeros(k)
    n = 0.0
    for b in range(n_bins):
        n += counts[0, b]
        for a in range(k):
            whole[a] += sums[0, b, a]
    best = whole.max()
    if depth < 2:
        return best
    plain = best
    low = np.zeros(k)
    for m in range(d):
        low[:] = 0.0
        n_low = 0.0
        for c in range(n_bins - 1):
            n_low += counts[m, c]
            left, right = -np.inf, -np.inf
            for a in range(k):
                low[a] += sums[m, c, a]
                left = max(left, low[a])
                right = max(right, whole[a] - low[a])
            if n_low >= least and n - n_low >= least and left + right > best and left + right > plain + tie:
                best = left + right
    return best
