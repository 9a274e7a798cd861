"""The outcome model behind doubly robust scores: one pooled booster; the caller appends the arm indicators."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from alamo.domain.ports import OutcomeLearner
from alamo.prediction.learners.booster import BoosterSettings, Trees

Floats = npt.NDArray[np.float64]

_TAIL = 0.995


@dataclass(frozen=True, slots=True)
class BoostedOutcome:
    """A fitted outcome model: `centre` + `spread` · trees, or the trees' probability where `spread` is 0."""

    trees: Trees | None
    centre: float
    spread: float

    def predict(self, features: Floats) -> Floats:
        """Return E[outcome | features], shape (n,)."""
        if self.trees is None:
            return np.full(len(features), self.centre)
        raw = self.trees.predict(features)
        return raw if self.spread == 0.0 else self.centre + self.spread * raw


@dataclass(frozen=True, slots=True)
class BoostedOutcomeLearner:
    """Gradient boosting for outcomes; implements `alamo.domain.ports.OutcomeLearner`.

    A 0/1 outcome is fitted by log loss. Any other is standardised and fitted by squared error with its tails drawn in
    to the 99.5 % quantile of the non-zero distances from the median: one wholesale order would otherwise bend a whole
    leaf. Doubly robust scores with known propensities stay unbiased whatever the outcome model is.
    """

    settings: BoosterSettings = field(default_factory=BoosterSettings)

    def fit(self, features: Floats, outcome: Floats, weight: Floats | None = None) -> BoostedOutcome:
        """Fit on features (n, d), outcome (n,), optional positive weights (n,)."""
        values = np.asarray(outcome, dtype=np.float64)
        if not len(values) or values.min() == values.max() or not features.shape[1]:
            mean = float(np.average(values, weights=weight)) if len(values) else 0.0
            return BoostedOutcome(None, mean, 0.0)
        if np.isin(values, (0.0, 1.0)).all():
            return BoostedOutcome(Trees.grow(features, values, weight, self.settings, objective="binary"), 0.0, 0.0)
        drawn_in = draw_in_tails(values)
        centre, spread = float(drawn_in.mean()), float(drawn_in.std())
        trees = Trees.grow(features, (drawn_in - centre) / spread, weight, self.settings)
        return BoostedOutcome(trees, centre, spread)


def draw_in_tails(values: Floats) -> Floats:
    """Return `values` with the distance from the median capped at the 99.5 % quantile of the non-zero distances."""
    middle = float(np.median(values))
    distance = np.abs(values - middle)
    reach = float(np.quantile(distance[distance > 0.0], _TAIL)) if (distance > 0.0).any() else 0.0
    return np.clip(values, middle - reach, middle + reach)


def boosted_outcome() -> OutcomeLearner:
    """Return the outcome learner with its standard settings (100 trees, rate .05, 8 leaves, least leaf n/200)."""
    return BoostedOutcomeLearner()
