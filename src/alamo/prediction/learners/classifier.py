"""Boosted trees for the probability of a 0/1 target, read at several lengths, with each column's part in a score."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from alamo.prediction.learners.booster import BoosterSettings, Trees

Floats = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float64]

STAGES = (40, 80, 140, 220, 320)
"""Numbers of trees at which an ensemble is read; which one is best is chosen on rows it has not seen."""

_SETTINGS = BoosterSettings(
    trees=STAGES[-1],
    rate=0.04,
    leaves=16,
    least_rows_share=0.0025,
    least_rows=20,
    l2=10.0,
    column_sample=0.5,
    least_curvature=0.5,
)
_MOST_LEAST_ROWS = 100.0


@dataclass(frozen=True, slots=True)
class BoostedClassifier:
    """A fitted ensemble, or the base rate where there was nothing to grow on."""

    trees: Trees | None
    base: float

    def log_odds_by_stage(self, features: Matrix) -> Floats:
        """Return the log-odds after each number of trees of `STAGES`, shape (n, stages)."""
        if self.trees is None:
            return np.full((len(features), len(STAGES)), self.base)
        parts, start = [], 0
        for stage in STAGES:
            parts.append(self.trees.log_odds(features, start, stage - start))
            start = stage
        return np.cumsum(np.column_stack(parts), axis=1)

    def log_odds(self, features: Matrix, stage: int) -> Floats:
        """Return the log-odds after `stage` trees, shape (n,)."""
        if self.trees is None:
            return np.full(len(features), self.base)
        return self.trees.log_odds(features, 0, stage)

    def contributions(self, features: Matrix, stage: int) -> tuple[float, Floats]:
        """Return the base and what each column adds to the log-odds of each row after `stage` trees, shape (n, d).

        Source: Lundberg et al. (2020), "From local explanations to global understanding with explainable AI for
        trees", Nature Machine Intelligence 2 (path-dependent TreeSHAP, as LightGBM computes it).
        """
        if self.trees is None:
            return self.base, np.zeros(features.shape)
        parts = self.trees.contributions(features, stage)
        return (float(parts[0, -1]) if len(parts) else self.base), parts[:, :-1]


@dataclass(frozen=True, slots=True)
class BoostedClassifierLearner:
    """Fits `BoostedClassifier`.

    Attributes
    ----------
    settings
        Growing; a leaf holds at least 20 rows or n / 400, at most 100.
    """

    settings: BoosterSettings = field(default_factory=lambda: _SETTINGS)

    def fit(self, features: Matrix, target: Floats) -> BoostedClassifier:
        """Fit on features (n, d), NaN for missing, and a target of zeros and ones (n,)."""
        rate = float(target.mean())
        base = float(np.log(rate / (1.0 - rate)))
        if not features.shape[1] or len(target) < 4 * self.settings.least_rows:
            return BoostedClassifier(None, base)
        share = min(self.settings.least_rows_share, _MOST_LEAST_ROWS / len(target))
        settings = replace(self.settings, least_rows_share=share)
        return BoostedClassifier(Trees.grow(features, target, None, settings, objective="binary"), base)
