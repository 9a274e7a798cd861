"""One regression tree of effects, with honest leaves: few groups that a person can read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from alamo.numerics.folds import fold_splits
from alamo.prediction.learners.booster import BoosterSettings
from alamo.prediction.learners.ensemble import EnsembleEffect, sample_rows
from alamo.prediction.learners.honest import Flags, grow_honest, halves
from alamo.prediction.learners.protocol import CrossFit, View

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_FEW_LEAVES = BoosterSettings(
    trees=1, rate=1.0, leaves=6, least_rows_share=0.08, least_rows=200, l2=20.0, sample=1.0, bins=63
)


@dataclass(frozen=True, slots=True)
class TreeEffectLearner:
    """Fits `EnsembleEffect` of one tree.

    Attributes
    ----------
    settings
        Growing, on half of the rows; leaves of less than 8 % of them are ruled out.
    most_rows
        Rows used for one fit; see `sample_rows`.

    Assumes that effects differ between a few groups that single columns set apart. Not supported: effects that change
    little by little over a column (they become steps).

    Source: Athey & Imbens (2016), PNAS 113(27), §2 (honest trees), on doubly robust scores: Kennedy (2023), EJS 17(2),
    alg. 1. Splits are chosen by squared error, not by their criterion.
    """

    settings: BoosterSettings = field(default_factory=lambda: _FEW_LEAVES)
    most_rows: int = 60_000

    @property
    def name(self) -> str:
        """``tree``."""
        return "tree"

    @property
    def view(self) -> View:
        """Trees take missing values as they are."""
        return "tree"

    def fit(self, features: Floats, score: Floats, weight: Floats) -> EnsembleEffect:
        """Fit on features (n, d), scores (n,), weights (n,); the halves fall by the number of the row."""
        return self._fit(features, score, weight, None)

    def cross_fit(self, features: Floats, score: Floats, weight: Floats, folds: Integers) -> CrossFit:
        """Fit once per fold, halves being whole folds; new rows get the tree of all rows."""
        held_out = np.zeros(len(score))
        for train, test in fold_splits(folds):
            model = self._fit(features[train], score[train], weight[train], folds[train])
            held_out[test] = model.predict(features[test])
        return CrossFit(held_out, self._fit(features, score, weight, folds))

    def read(self, state: Mapping[str, Any]) -> EnsembleEffect:
        """Return the model whose `to_dict` wrote `state`."""
        return EnsembleEffect.from_dict(state)

    def _fit(self, features: Floats, score: Floats, weight: Floats, folds: Integers | None) -> EnsembleEffect:
        mean = float(weight @ score / weight.sum())
        rows, share = sample_rows(weight, self.most_rows)
        first: Flags = halves(len(rows), None if folds is None else folds[rows])
        tree = grow_honest(features[rows], score[rows], share, first, self.settings)
        if tree is None:
            return EnsembleEffect((), mean, 0.0)
        drift = float(weight @ tree.predict(features) / weight.sum())
        return EnsembleEffect((tree,), mean - drift, 1.0)
