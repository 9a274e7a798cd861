"""Binary trees that part rows into groups by cuts of binned columns, and what is predicted in their leaves.

A leaf's prediction is shrunk along its path: what a node adds to its parent counts for less the fewer rows the parent
held, so that a fine partition costs little where its cuts say nothing.

Source: Breiman, Friedman, Olshen & Stone (1984), "Classification and Regression Trees", ch. 8, with several outcomes;
Agarwal, Tan, Ronen, Singh & Yu (2022), "Hierarchical shrinkage", ICML, eq. (1), for the shrinkage.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alamo.numerics.binary_tree import BinaryTree

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PartitionTree(BinaryTree):
    """A tree whose children come after their parent; a single leaf until it is split."""

    column: tuple[int, ...] = (-1,)
    cut: tuple[int, ...] = (-1,)
    left: tuple[int, ...] = (-1,)
    right: tuple[int, ...] = (-1,)

    @property
    def parents(self) -> tuple[int, ...]:
        """Parent of each node, −1 at the root."""
        found = [-1] * len(self.column)
        for node in range(len(self.column)):
            if self.column[node] >= 0:
                found[self.left[node]] = found[self.right[node]] = node
        return tuple(found)

    def split(self, node: int, column: int, cut: int) -> PartitionTree:
        """Return the tree with the leaf `node` cut in two; the new nodes are the last two, left before right."""
        n = len(self.column)

        def changed(values: tuple[int, ...], value: int) -> tuple[int, ...]:
            return (*values[:node], value, *values[node + 1 :], -1, -1)

        return PartitionTree(
            changed(self.column, column), changed(self.cut, cut), changed(self.left, n), changed(self.right, n + 1)
        )

    def path(self, leaf: int) -> tuple[tuple[int, bool], ...]:
        """Return the cuts on the way to `leaf`: the node, and whether the way goes left there."""
        parents, way, node = self.parents, [], leaf
        while parents[node] >= 0:
            way.append((parents[node], self.left[parents[node]] == node))
            node = parents[node]
        return tuple(reversed(way))


@dataclass(frozen=True, slots=True)
class NodeSums:
    """Rows and sums of outcomes below each node: all that predictions need.

    Attributes
    ----------
    count
        Shape (n_nodes,).
    total
        Shape (n_nodes, q).
    """

    count: Floats
    total: Floats


def node_sums(tree: PartitionTree, bins: Integers, outcomes: Floats) -> NodeSums:
    """Return rows and sums of `outcomes` (n, q) below each node, for the rows of `bins` (n, d)."""
    n_nodes, leaf = len(tree.column), tree.leaf_of(bins)
    count = np.bincount(leaf, minlength=n_nodes).astype(np.float64)
    total: Floats = np.column_stack([np.bincount(leaf, column, minlength=n_nodes) for column in outcomes.T]).astype(
        np.float64
    )
    for node in reversed(range(n_nodes)):  # children come after their parent
        if tree.column[node] >= 0:
            for child in (tree.left[node], tree.right[node]):
                count[node] += count[child]
                total[node] += total[child]
    return NodeSums(count, total)


def shrunk_means(tree: PartitionTree, sums: NodeSums, strength: float) -> Floats:
    """Return the prediction at each node, shape (n_nodes, q); an empty node predicts what its parent does.

    Parameters
    ----------
    strength
        λ ≥ 0, in rows: a node adds ``(its mean − the mean of its parent) / (1 + λ / rows of the parent)`` to its
        parent's prediction; 0 predicts plain means.
    """
    means = sums.total / np.maximum(sums.count, 1.0)[:, None]
    found = means.copy()
    for node in range(len(tree.column)):
        if tree.column[node] < 0:
            continue
        share = sums.count[node] / (sums.count[node] + strength) if sums.count[node] else 0.0
        for child in (tree.left[node], tree.right[node]):
            step = means[child] - means[node] if sums.count[child] else 0.0
            found[child] = found[node] + share * step
    return found
