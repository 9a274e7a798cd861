"""Gradient boosting of effects: shallow trees with large leaves, because effects are small beside their noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from alamo.numerics.folds import fold_splits
from alamo.prediction.learners.booster import BoosterSettings, Trees
from alamo.prediction.learners.protocol import CrossFit

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_HUMBLE = BoosterSettings(trees=40, rate=0.08, leaves=4, least_rows_share=0.04, least_rows=400, l2=100.0, bins=63)


@dataclass(frozen=True, slots=True)
class BoostedEffect:
    """The mean of several ensembles, each with a shift that keeps the mean of its training scores."""

    members: tuple[Trees, ...]
    shift: float
    spread: float

    def predict(self, features: Floats) -> Floats:
        """Return the effect at features (n, d), shape (n,)."""
        total = np.zeros(len(features))
        for member in self.members:
            total = total + member.predict(features)
        return self.shift + (self.spread / max(len(self.members), 1)) * total

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON-able values."""
        return {"members": [member.text for member in self.members], "shift": self.shift, "spread": self.spread}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> BoostedEffect:
        """Return the model that `to_dict` wrote."""
        members = tuple(Trees(text) for text in values["members"])
        return cls(members, float(values["shift"]), float(values["spread"]))


@dataclass(frozen=True, slots=True)
class BoostedEffectLearner:
    """Fits `BoostedEffect`.

    Attributes
    ----------
    settings
        Growing; leaves of less than 4 % of the rows are ruled out.
    most_rows
        Rows used for one fit. Beyond them a systematic sample proportional to the weights is taken, each row then
        counting alike: no chance is involved, every cycle is present, and little precision is lost.
    """

    settings: BoosterSettings = field(default_factory=lambda: _HUMBLE)
    most_rows: int = 30_000

    @property
    def name(self) -> str:
        """``boosting``."""
        return "boosting"

    def fit(self, features: Floats, score: Floats, weight: Floats) -> BoostedEffect:
        """Fit one ensemble on features (n, d), scores (n,), weights (n,)."""
        mean = float(weight @ score / weight.sum())
        rows, share = self._sample(weight)
        return self._grow(features[rows], score[rows], share, mean)

    def cross_fit(self, features: Floats, score: Floats, weight: Floats, folds: Integers) -> CrossFit:
        """Fit once per fold; new rows are scored by the mean of the folds' ensembles."""
        rows, share = self._sample(weight)
        held_out, fitted = np.zeros(len(score)), []
        for train, test in fold_splits(folds):
            mean = float(weight[train] @ score[train] / weight[train].sum())
            kept = folds[rows] != folds[test[0]]
            model = self._grow(features[rows[kept]], score[rows[kept]], share[kept], mean)
            held_out[test] = model.predict(features[test])
            fitted.append(model)
        return CrossFit(held_out, _average(fitted))

    def _grow(self, x: Floats, s: Floats, w: Floats, mean: float) -> BoostedEffect:
        """Grow trees on the scores less `mean`, and shift them so that the weighted mean prediction is `mean`."""
        spread = float(np.sqrt(w @ (s - mean) ** 2 / w.sum())) if len(s) else 0.0
        if spread == 0.0 or not x.shape[1] or len(s) < 2 * self.settings.least_rows:
            return BoostedEffect((), mean, 0.0)
        trees = Trees.grow(x, (s - mean) / spread, w, self.settings)
        drift = float(w @ trees.predict(x) / w.sum())
        return BoostedEffect((trees,), mean - spread * drift, spread)

    def _sample(self, weight: Floats) -> tuple[Integers, Floats]:
        """Return at most `most_rows` row indices and their weights, of mean one."""
        if len(weight) <= self.most_rows:
            return np.arange(len(weight)), weight / weight.mean()
        mass = np.cumsum(weight)
        steps = (np.arange(self.most_rows) + 0.5) / self.most_rows * mass[-1]
        rows = np.minimum(np.searchsorted(mass, steps), len(weight) - 1).astype(np.int64)
        return rows, np.ones(self.most_rows)


def _average(fitted: list[BoostedEffect]) -> BoostedEffect:
    """Return the mean of the folds' models as one model (their spreads differ by sampling only)."""
    shift = float(np.mean([model.shift for model in fitted])) if fitted else 0.0
    grown = [model for model in fitted if model.members]
    share = len(grown) / max(len(fitted), 1)
    spread = float(np.mean([model.spread for model in grown])) * share if grown else 0.0
    return BoostedEffect(tuple(tree for model in grown for tree in model.members), shift, spread)
