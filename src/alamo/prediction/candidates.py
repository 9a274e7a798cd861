"""Candidate effects: zero, one effect, one effect per segment, ridge, boosting; in money or against the order scale.

A *relative* candidate models the effect divided by the customer's money scale and is multiplied back, so that a point
of conversion is worth more with a customer of large orders.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from alamo.numerics.folds import fold_splits
from alamo.prediction.inputs import EffectInputs
from alamo.prediction.learners import BoostedEffect, EffectLearner, FittedEffect, RidgeEffect
from alamo.prediction.rows import EffectRows
from alamo.prediction.segment_effects import SegmentCells, SegmentEffect

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

ZERO, ONE, SEGMENTS, RIDGE, BOOSTING = "zero", "one effect", "segments", "ridge", "boosting"
PRIOR_IN_MONEY = {ZERO: 0.10, ONE: 0.30, SEGMENTS: 0.25, RIDGE: 0.20, BOOSTING: 0.15}
"""Prior weights without a money scale. Chosen on twelve draws of six worlds of `benchmarks/hillstrom_worlds.py`: most
gained on visits among the priors that lost at most .2 % on rare conversions; judged on other draws."""
PRIOR_SCALED = {ZERO: 0.10, ONE: 0.04, SEGMENTS: 0.03}
"""Prior weights in money where relative candidates exist beside them."""
PRIOR_RELATIVE = {ONE: 0.16, SEGMENTS: 0.32, RIDGE: 0.32, BOOSTING: 0.03}
"""Prior weights of the relative candidates. Segments and ridge shrink to one effect by themselves where nothing more is
seen; chosen on six draws of three worlds of `benchmarks/uplift_worlds.py`, judged on others."""


@dataclass(frozen=True, slots=True)
class ConstantEffect:
    """The same effect for everybody."""

    value: float

    def predict(self, features: Floats) -> Floats:
        """Return the effect, shape (n,)."""
        return np.full(len(features), self.value)

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON-able values."""
        return {"value": self.value}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ConstantEffect:
        """Return the model that `to_dict` wrote."""
        return cls(float(values["value"]))


@dataclass(frozen=True, slots=True)
class Candidate:
    """A fitted candidate.

    Attributes
    ----------
    learner
        Name shown in results.
    relative
        Whether the model gives the effect divided by the money scale.
    model
        `ConstantEffect`, `SegmentEffect`, `RidgeEffect`, `BoostedEffect` or another learner's model.
    """

    learner: str
    relative: bool
    model: FittedEffect

    def predict(self, inputs: EffectInputs) -> Floats:
        """Return the gross effect in money, shape (n,)."""
        effect = self.model.predict(_view(self.learner, inputs))
        return effect * inputs.scale if self.relative else effect

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON-able values."""
        return {"learner": self.learner, "relative": self.relative, "model": self.model.to_dict()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Candidate:
        """Return the candidate that `to_dict` wrote."""
        learner = str(values["learner"])
        return cls(learner, bool(values["relative"]), _read_model(learner, values["model"]))


def _read_model(learner: str, state: Mapping[str, Any]) -> FittedEffect:
    if learner == SEGMENTS:
        return SegmentEffect.from_dict(state)
    if learner == RIDGE:
        return RidgeEffect.from_dict(state)
    return BoostedEffect.from_dict(state) if learner == BOOSTING else ConstantEffect.from_dict(state)


def _view(learner: str, inputs: EffectInputs) -> Any:
    """Return what a learner looks at."""
    if learner in (ZERO, ONE, SEGMENTS):
        return inputs.segment
    return inputs.linear if learner == RIDGE else inputs.tree


@dataclass(frozen=True, slots=True)
class Target:
    """What candidates of one kind are fitted to: the score in money, or divided by the money scale.

    Attributes
    ----------
    relative
        Which of the two.
    score, weight, noise
        Shape (n,); the weight of a relative score is the money weight times scale², its noise divided by it.
    """

    relative: bool
    score: Floats
    weight: Floats
    noise: Floats

    @classmethod
    def of(cls, rows: EffectRows, *, relative: bool) -> Target:
        """Build the target of `rows`."""
        if not relative:
            return cls(False, rows.score, rows.weight, rows.noise)
        square = rows.inputs.scale**2
        return cls(True, rows.score / rows.inputs.scale, rows.weight * square, rows.noise / square)

    @property
    def mean(self) -> float:
        """Weighted mean score."""
        return float(self.weight @ self.score / self.weight.sum())


def explained_variance(effects: Floats, target: Target) -> Floats:
    """Return the variance of the true effect that each out-of-fold candidate (n, k) explains, shape (k,).

    The squared weighted covariance with the score over the candidate's variance, less its expectation under no
    relation. May be slightly negative.
    """
    share = target.weight / target.weight.sum()
    centred = effects - share @ effects
    left = target.score - target.mean
    level = float(np.mean(left**2 / target.noise))
    variance = np.maximum(share @ centred**2, 1e-300)
    chance = level * ((share**2 * target.noise) @ centred**2) / variance
    explained = (share * left @ centred) ** 2 / variance - chance
    return np.where(variance > 1e-300, explained, 0.0)


def cross_fit_constant(target: Target, folds: Integers) -> tuple[Floats, ConstantEffect]:
    """Return the mean of the other folds at each row, and the overall mean."""
    held_out = np.zeros(len(folds))
    for train, test in fold_splits(folds):
        held_out[test] = target.weight[train] @ target.score[train] / target.weight[train].sum()
    return held_out, ConstantEffect(target.mean)


def cross_fit_segments(rows: EffectRows, target: Target, cells: SegmentCells) -> tuple[Floats, SegmentEffect]:
    """Return the shrunk segment effects of the other folds at each row, and those of all rows."""
    held_out = np.zeros(len(rows))
    for train, test in fold_splits(rows.folds):
        model = cells.point_effects(target.score[train], target.weight[train], target.noise[train], train)
        held_out[test] = model.predict(rows.inputs.segment[test])
    everybody = np.arange(len(rows))
    return held_out, cells.point_effects(target.score, target.weight, target.noise, everybody)


def cross_fit_learner(learner: EffectLearner, rows: EffectRows, target: Target) -> tuple[Floats, FittedEffect]:
    """Return a learner's out-of-fold effects and its model for new rows."""
    fitted = learner.cross_fit(_view(learner.name, rows.inputs), target.score, target.weight, rows.folds)
    return fitted.held_out, fitted.model
