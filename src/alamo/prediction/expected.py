"""What a customer is expected to bring in a window by themselves: learnt from the features, in money."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from alamo.numerics.folds import fold_splits, systematic_rows
from alamo.prediction.learners.booster import BoosterSettings, Trees

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]

_ENOUGH_ROWS = 60_000
"""Rows from which expected money is learnt well enough to weigh by."""
_LEAST_EARNING = 200
"""Rows with margin before expected money is looked at."""
_TAIL = 0.995
_LEAST_SHARE = 0.02
"""Nobody is expected to bring less than this share of the mean: no row may weigh without bound."""
_SETTINGS = BoosterSettings(trees=80, rate=0.1, leaves=12)


@dataclass(frozen=True, slots=True)
class ExpectedMargin:
    """Margin of a window in units of the customer's money scale, whatever is done: boosting by Poisson deviance.

    Attributes
    ----------
    trees
        Fitted model.
    least
        Lower bound of a prediction.
    """

    trees: Trees
    least: float

    @classmethod
    def fit(cls, features: Singles, margin: Floats, scale: Floats) -> ExpectedMargin | None:
        """Fit on features (n, d), margin (n,) and money scale (n,); None where too few rows have a margin."""
        relative = _relative(margin, scale)
        if relative is None or not features.shape[1]:
            return None
        rows = systematic_rows(len(relative), _ENOUGH_ROWS)
        if not relative[rows].any():
            return None
        return cls(_grow(features[rows], relative[rows]), _LEAST_SHARE * float(relative.mean()))

    def of(self, features: Singles, scale: Floats) -> Floats:
        """Return the expected margin in money, positive, shape (n,)."""
        return np.maximum(self.trees.predict(features), self.least) * scale

    def held_out(self, features: Singles, margin: Floats, scale: Floats, folds: Integers) -> Floats:
        """Return the margin expected of each row by models of the other folds, shape (n,)."""
        relative, rows = _relative(margin, scale), systematic_rows(len(margin), _ENOUGH_ROWS)
        expected = np.full(len(margin), self.least) * scale
        for _, test in fold_splits(folds):
            train = rows[folds[rows] != folds[test[0]]]
            if relative is not None and relative[train].any():
                model = replace(self, trees=_grow(features[train], relative[train]))
                expected[test] = model.of(features[test], scale[test])
        return expected

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON-able values."""
        return {"trees": self.trees.text, "least": self.least}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ExpectedMargin:
        """Return the model that `to_dict` wrote."""
        return cls(Trees(str(values["trees"])), float(values["least"]))


def _relative(margin: Floats, scale: Floats) -> Floats | None:
    """Return the margin in units of the scale, without losses and with its largest values drawn in, shape (n,)."""
    relative = np.maximum(margin, 0.0) / scale
    earning = relative > 0.0
    if earning.sum() < _LEAST_EARNING:
        return None
    return np.minimum(relative, np.quantile(relative[earning], _TAIL))


def _grow(features: Singles, relative: Floats) -> Trees:
    return Trees.grow(features, relative, None, _SETTINGS, objective="poisson")
