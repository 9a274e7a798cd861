"""What the candidates look at: two encodings of the features, the segment, and the customer's money scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.numerics.encoding import FeatureEncoder
from alamo.numerics.folds import systematic_rows
from alamo.prediction.expected import ExpectedMargin

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]

_BLOCK = 32_768
_ENOUGH_ROWS = 50_000
"""Rows from which medians, levels and spreads of features are learnt well enough."""


@dataclass(frozen=True, slots=True)
class EffectInputs:
    """Inputs of n rows.

    Attributes
    ----------
    tree, linear
        Design matrices for trees (missing stays NaN) and for linear models (imputed, standardised), (n, d) and (n, e);
        single precision, because half the memory is worth more than the last digits of a feature.
    segment
        Index of the segment, shape (n,); the number of segments itself stands for a segment never seen in training.
    scale
        Expected money of an order, shape (n,), positive; all ones where effects are not measured against a scale.
    expected
        Margin expected in the window whatever is done, money, shape (n,), positive; None where it is not known.
    """

    tree: Singles
    linear: Singles
    segment: Integers
    scale: Floats
    expected: Floats | None = None

    def __len__(self) -> int:
        return len(self.segment)

    def take(self, rows: Integers) -> EffectInputs:
        """Return the inputs of `rows`; all rows in order share memory with this object."""
        if len(rows) == len(self) and np.array_equal(rows, np.arange(len(rows))):
            return self
        expected = None if self.expected is None else self.expected[rows]
        return EffectInputs(self.tree[rows], self.linear[rows], self.segment[rows], self.scale[rows], expected)


@dataclass(frozen=True, slots=True)
class OrderScale:
    """The expected money of one order: the customer's own mean, drawn towards everybody's as if by one order of theirs.

    Effects of offers work on *whether* an order comes; what it brings grows with the customer's usual order. Measured
    against this scale, effects of large and small customers are alike and their noise comparable.

    Attributes
    ----------
    mean_money
        Mean money of a purchase day over customers.
    """

    mean_money: float

    @classmethod
    def fit(cls, table: pa.Table) -> OrderScale | None:
        """Learn the mean from columns ``money`` and ``purchase_days``; `None` where they are absent or empty."""
        if not {"money", "purchase_days"} <= set(table.column_names):
            return None
        money, days = _numbers(table, "money"), _numbers(table, "purchase_days")
        bought = (days > 0.0) & (money > 0.0)
        return cls(float(np.mean(money[bought] / days[bought]))) if bought.any() else None

    def of(self, table: pa.Table) -> Floats:
        """Return the scale of each row, shape (n,), at least a twentieth of the mean."""
        money, days = _numbers(table, "money"), _numbers(table, "purchase_days")
        return np.maximum((self.mean_money + np.maximum(money, 0.0)) / (1.0 + days), 0.05 * self.mean_money)


@dataclass(frozen=True, slots=True)
class InputEncoder:
    """The frozen map from a table to `EffectInputs`.

    Attributes
    ----------
    tree, linear
        Encoders of the features.
    segments
        Names of the segments known from training.
    scale
        Money scale; `None` measures all effects in money only.
    expected
        What customers bring in a window whatever is done; None where margins are not known.
    """

    tree: FeatureEncoder
    linear: FeatureEncoder
    segments: tuple[str, ...]
    scale: OrderScale | None
    expected: ExpectedMargin | None = None

    @classmethod
    def fit(cls, table: pa.Table, features: tuple[str, ...], segment: str, *, scaled: bool) -> InputEncoder:
        """Learn from the columns `features` and the text column `segment` of `table`.

        Trees get no asinh copies: a monotone copy splits no better than the number itself.
        """
        some = table.take(pa.array(systematic_rows(table.num_rows, _ENOUGH_ROWS)))
        tree = FeatureEncoder.fit(some, features)
        tree = replace(tree, columns=tuple(replace(column, scale=0.0) for column in tree.columns))
        scale = OrderScale.fit(table) if scaled else None
        margin = None if scale is None else _window_margin(table)
        expected = None
        if scale is not None and margin is not None:
            expected = ExpectedMargin.fit(_in_blocks(tree, table), margin, scale.of(table))
        return cls(
            tree=tree,
            linear=FeatureEncoder.fit(some, features, linear=True),
            segments=tuple(sorted(pc.unique(table.column(segment).drop_null()).to_pylist())),
            scale=scale,
            expected=expected,
        )

    def transform(self, table: pa.Table, segment: str) -> EffectInputs:
        """Return the inputs of `table`, whose column `segment` names the segment (null: unknown)."""
        index = pc.index_in(table.column(segment), value_set=pa.array(self.segments, pa.string()))
        tree = _in_blocks(self.tree, table)
        scale = np.ones(table.num_rows) if self.scale is None else self.scale.of(table)
        return EffectInputs(
            tree=tree,
            linear=_in_blocks(self.linear, table),
            segment=np.asarray(pc.fill_null(index, len(self.segments)), dtype=np.int64),
            scale=scale,
            expected=None if self.expected is None else self.expected.of(tree, scale),
        )

    def held_out(self, table: pa.Table, inputs: EffectInputs, folds: Integers) -> EffectInputs:
        """Return the `inputs` of the training `table` with what was expected learnt on the other folds only."""
        margin = _window_margin(table)
        if self.expected is None or margin is None:
            return inputs
        return replace(inputs, expected=self.expected.held_out(inputs.tree, margin, inputs.scale, folds))

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON-able values."""
        return {
            "tree": self.tree.to_dict(),
            "linear": self.linear.to_dict(),
            "segments": list(self.segments),
            "order_money": None if self.scale is None else self.scale.mean_money,
            "expected": None if self.expected is None else self.expected.to_dict(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> InputEncoder:
        """Return the encoder that `to_dict` wrote."""
        money, expected = values["order_money"], values["expected"]
        return cls(
            tree=FeatureEncoder.from_dict(values["tree"]),
            linear=FeatureEncoder.from_dict(values["linear"]),
            segments=tuple(values["segments"]),
            scale=None if money is None else OrderScale(float(money)),
            expected=None if expected is None else ExpectedMargin.from_dict(expected),
        )


def _in_blocks(encoder: FeatureEncoder, table: pa.Table) -> Singles:
    """Encode block by block, so that the double-precision matrix never exists as a whole."""
    matrix = np.empty((table.num_rows, len(encoder.names)), dtype=np.float32)
    for start in range(0, table.num_rows, _BLOCK):
        part = table.slice(start, _BLOCK)
        matrix[start : start + part.num_rows] = encoder.transform(part)
    return matrix


def _window_margin(table: pa.Table) -> Floats | None:
    """Return the margin of each window, nulls as 0, shape (n,); None where there is none."""
    return _numbers(table, "margin_money") if "margin_money" in table.column_names else None


def _numbers(table: pa.Table, name: str) -> Floats:
    return np.asarray(pc.fill_null(table.column(name).cast(pa.float64()), 0.0), dtype=np.float64)
