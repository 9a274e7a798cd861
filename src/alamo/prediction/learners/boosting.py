"""Gradient boosting of effects: shallow trees with large leaves, because effects are small beside their noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from alamo.numerics.folds import fold_splits
from alamo.prediction.learners.booster import BoosterSettings, Trees
from alamo.prediction.learners.ensemble import EnsembleEffect, sample_rows
from alamo.prediction.learners.protocol import CrossFit, View

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_HUMBLE = BoosterSettings(trees=40, rate=0.08, leaves=4, least_rows_share=0.04, least_rows=400, l2=100.0, bins=63)


@dataclass(frozen=True, slots=True)
class BoostedEffectLearner:
    """Fits `EnsembleEffect` by gradient boosting.

    Attributes
    ----------
    settings
        Growing; leaves of less than 4 % of the rows are ruled out.
    most_rows
        Rows used for one fit; see `sample_rows`.

    Assumes nothing of the shape of the effect. Not supported: jumps for groups under 4 % of the rows.

    Source: Friedman (2001), "Greedy function approximation: a gradient boosting machine", Ann. Statist. 29(5), alg. 3,
    on doubly robust scores: Kennedy (2023), "Towards optimal doubly robust estimation of heterogeneous causal effects",
    EJS 17(2), alg. 1.
    """

    settings: BoosterSettings = field(default_factory=lambda: _HUMBLE)
    most_rows: int = 30_000

    @property
    def name(self) -> str:
        """``boosting``."""
        return "boosting"

    @property
    def view(self) -> View:
        """Trees take missing values as they are."""
        return "tree"

    def fit(self, features: Floats, score: Floats, weight: Floats) -> EnsembleEffect:
        """Fit one ensemble on features (n, d), scores (n,), weights (n,)."""
        mean = float(weight @ score / weight.sum())
        rows, share = sample_rows(weight, self.most_rows)
        return self._grow(features[rows], score[rows], share, mean)

    def cross_fit(self, features: Floats, score: Floats, weight: Floats, folds: Integers) -> CrossFit:
        """Fit once per fold; new rows are scored by the mean of the folds' ensembles."""
        rows, share = sample_rows(weight, self.most_rows)
        held_out, fitted = np.zeros(len(score)), []
        for train, test in fold_splits(folds):
            mean = float(weight[train] @ score[train] / weight[train].sum())
            kept = folds[rows] != folds[test[0]]
            model = self._grow(features[rows[kept]], score[rows[kept]], share[kept], mean)
            held_out[test] = model.predict(features[test])
            fitted.append(model)
        return CrossFit(held_out, EnsembleEffect.average(fitted))

    def read(self, state: Mapping[str, Any]) -> EnsembleEffect:
        """Return the model whose `to_dict` wrote `state`."""
        return EnsembleEffect.from_dict(state)

    def _grow(self, x: Floats, s: Floats, w: Floats, mean: float) -> EnsembleEffect:
        """Grow trees on the scores less `mean`, and shift them so that the weighted mean prediction is `mean`."""
        spread = float(np.sqrt(w @ (s - mean) ** 2 / w.sum())) if len(s) else 0.0
        if spread == 0.0 or not x.shape[1] or len(s) < 2 * self.settings.least_rows:
            return EnsembleEffect((), mean, 0.0)
        trees = Trees.grow(x, (s - mean) / spread, w, self.settings)
        drift = float(w @ trees.predict(x) / w.sum())
        return EnsembleEffect((trees,), mean - spread * drift, spread)
