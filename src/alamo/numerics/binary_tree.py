"""Binary trees over binned columns: which leaf a row falls into."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class BinaryTree:
    """A binary tree; node 0 is the root.

    Attributes
    ----------
    column
        Column a node cuts, −1 at a leaf.
    cut
        Rows whose bin of that column is at most this go left.
    left, right
        Children; −1 at a leaf.
    """

    column: tuple[int, ...]
    cut: tuple[int, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]

    @property
    def leaves(self) -> tuple[int, ...]:
        """Nodes that are leaves, from left to right."""
        found, waiting = [], [0]
        while waiting:
            node = waiting.pop()
            if self.column[node] < 0:
                found.append(node)
            else:
                waiting += [self.right[node], self.left[node]]
        return tuple(found)

    def leaf_of(self, bins: Integers) -> Integers:
        """Return the leaf (its node) of each row of bins (n, d), shape (n,)."""
        column, cut = np.array(self.column), np.array(self.cut)
        left, right = np.array(self.left), np.array(self.right)
        node, rows = np.zeros(len(bins), dtype=np.int64), np.arange(len(bins))
        while (column[node] >= 0).any():
            inside = column[node] >= 0
            goes_left = bins[rows, np.maximum(column[node], 0)] <= cut[node]
            node = np.where(inside, np.where(goes_left, left[node], right[node]), node)
        return node
