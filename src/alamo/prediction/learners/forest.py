"""A random forest of effects with honest leaves: two, in truth, each split on the half that values the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from alamo.numerics.folds import fold_splits
from alamo.prediction.learners.booster import BoosterSettings
from alamo.prediction.learners.ensemble import EnsembleEffect, sample_rows
from alamo.prediction.learners.honest import grow_honest, halves
from alamo.prediction.learners.protocol import CrossFit, View

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_MANY_TREES = BoosterSettings(
    trees=30,
    rate=1.0,
    leaves=8,
    least_rows_share=0.06,
    least_rows=200,
    l2=20.0,
    sample=0.5,
    column_sample=1.0,
    bins=63,
    forest=True,
    split_sample=0.5,
)


@dataclass(frozen=True, slots=True)
class ForestEffectLearner:
    """Fits `EnsembleEffect` of two forests.

    Attributes
    ----------
    settings
        Growing, on half of the rows; each tree sees half of that half, each split half of the columns.
    most_rows
        Rows used for one fit; see `sample_rows`.

    Assumes nothing of the shape of the effect. Not supported: jumps for groups under 6 % of the rows; intervals of its
    own (the spread of the mixture is used).

    Source: Breiman (2001), "Random forests", Machine Learning 45(1); Wager & Athey (2018), "Estimation and inference of
    heterogeneous treatment effects using random forests", JASA 113, procedure 1 (double-sample trees; here the halves
    are the same for all trees of a forest, and the two forests change places), on doubly robust scores.
    """

    settings: BoosterSettings = field(default_factory=lambda: _MANY_TREES)
    most_rows: int = 30_000

    @property
    def name(self) -> str:
        """``forest``."""
        return "forest"

    @property
    def view(self) -> View:
        """Trees take missing values as they are."""
        return "tree"

    def fit(self, features: Floats, score: Floats, weight: Floats) -> EnsembleEffect:
        """Fit on features (n, d), scores (n,), weights (n,); the halves fall by the number of the row."""
        return self._fit(features, score, weight, None)

    def cross_fit(self, features: Floats, score: Floats, weight: Floats, folds: Integers) -> CrossFit:
        """Fit once per fold, halves being whole folds; new rows are scored by the mean of the folds' forests."""
        held_out, fitted = np.zeros(len(score)), []
        for train, test in fold_splits(folds):
            model = self._fit(features[train], score[train], weight[train], folds[train])
            held_out[test] = model.predict(features[test])
            fitted.append(model)
        return CrossFit(held_out, EnsembleEffect.average(fitted))

    def read(self, state: Mapping[str, Any]) -> EnsembleEffect:
        """Return the model whose `to_dict` wrote `state`."""
        return EnsembleEffect.from_dict(state)

    def _fit(self, features: Floats, score: Floats, weight: Floats, folds: Integers | None) -> EnsembleEffect:
        mean = float(weight @ score / weight.sum())
        rows, share = sample_rows(weight, self.most_rows)
        first = halves(len(rows), None if folds is None else folds[rows])
        data = (features[rows], score[rows], share)
        grown = [grow_honest(*data, part, self.settings) for part in (first, ~first)]
        members = tuple(trees for trees in grown if trees is not None)
        if not members:
            return EnsembleEffect((), mean, 0.0)
        raw = EnsembleEffect(members, 0.0, 1.0)
        return EnsembleEffect(members, mean - float(share @ raw.predict(data[0]) / share.sum()), 1.0)
