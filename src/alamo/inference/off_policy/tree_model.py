"""A grown tree as a thing to keep: from columns of any table to an action and the words that say why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.domain.errors import UsageError
from alamo.inference.off_policy.tree_words import TreeColumns
from alamo.numerics.encoding import FeatureEncoder
from alamo.numerics.policy_tree import ActionTree

Floats = npt.NDArray[np.float64]

SCHEMA = "alamo.policy_tree_model/1"
_COPY = "asinh("  # of a skewed number: the same order, so the same cuts


@dataclass(frozen=True, slots=True)
class PolicyTreeModel:
    """A tree with what turns a table into its columns.

    Attributes
    ----------
    encoder
        From a table to numbers.
    columns
        Cut points.
    tree
        What chooses.
    actions
        Names of the actions.
    """

    encoder: FeatureEncoder
    columns: TreeColumns
    tree: ActionTree
    actions: tuple[str, ...]

    def choose(self, table: pa.Table) -> pa.Table:
        """Return one row per row of `table`: ``action``, and ``who`` in the words of its leaf.

        A column that the table lacks counts as missing; a level of text the tree has not seen as a rare one.
        """
        matrix, _ = plain_columns(self.encoder, self.encoder.transform(table))
        node = pa.array(self.tree.leaf_of(self.columns.bins(matrix)))
        words = dict(zip(self.tree.leaves, self.columns.words(self.tree), strict=True))
        nodes = range(len(self.tree.action))
        actions = pa.array([self.actions[max(self.tree.action[at], 0)] for at in nodes])
        return pa.table({"action": actions.take(node), "who": pa.array([words.get(at) for at in nodes]).take(node)})

    def to_dict(self) -> dict[str, Any]:
        """Return the model as JSON-able values."""
        return {
            "schema": SCHEMA,
            "actions": list(self.actions),
            "encoder": self.encoder.to_dict(),
            "columns": asdict(self.columns),
            "tree": asdict(self.tree),
        }


def policy_tree_from_dict(values: Mapping[str, Any]) -> PolicyTreeModel:
    """Return the model that `PolicyTreeModel.to_dict` wrote.

    Raises
    ------
    UsageError
        If it is of another kind or version.
    """
    if values.get("schema") != SCHEMA:
        raise UsageError(
            f"this is no policy tree but {values.get('schema') or 'of no schema'}",
            hint="Write one with: alamo analyze policy-tree FILE … --model-out tree.json",
            code="policy.tree_schema",
            details={"schema": values.get("schema")},
        )
    columns = values["columns"]
    return PolicyTreeModel(
        encoder=FeatureEncoder.from_dict(values["encoder"]),
        columns=TreeColumns(
            names=tuple(columns["names"]),
            cuts=tuple(tuple(cuts) for cuts in columns["cuts"]),
            flags=tuple(columns["flags"]),
            gaps=tuple(columns["gaps"]),
        ),
        tree=ActionTree(**{name: tuple(nodes) for name, nodes in values["tree"].items()}),
        actions=tuple(values["actions"]),
    )


def plain_columns(encoder: FeatureEncoder, matrix: Floats) -> tuple[Floats, tuple[str, ...]]:
    """Return the columns of an encoded matrix that a tree can use, shape (n, d), and their names."""
    kept = [j for j, name in enumerate(encoder.names) if not name.startswith(_COPY)]
    return matrix[:, kept], tuple(encoder.names[j] for j in kept)
