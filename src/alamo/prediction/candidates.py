"""Candidate effects: zero, one effect, one effect per segment, and learners; each in one of three units.

Money as it is; money divided by the customer's money scale and multiplied back (`RELATIVE`), so that a point of
conversion is worth more with a customer of large orders; or the chance of an order, times what an order is worth
(`ORDERS`, see `alamo.prediction.orders`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from alamo.domain.errors import AlamoError
from alamo.numerics.folds import fold_splits
from alamo.prediction.inputs import EffectInputs
from alamo.prediction.learners import (
    ALWAYS,
    BUILT_IN,
    CrossFit,
    EffectLearner,
    FittedEffect,
    learner_named,
    unusable_learner,
)
from alamo.prediction.orders import OrderRows
from alamo.prediction.rows import EffectRows
from alamo.prediction.segment_effects import SegmentCells, SegmentEffect

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

ZERO, ONE, SEGMENTS = ALWAYS
RIDGE, BOOSTING = "ridge", "boosting"
LOOP_LEARNERS = (RIDGE, BOOSTING)
"""Learners beside zero, one effect and segments where nothing else is asked for."""
MONEY, RELATIVE, ORDERS = "money", "relative", "orders"
"""Units of a candidate's target."""


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
    unit
        `MONEY`, `RELATIVE` or `ORDERS`.
    model
        `ConstantEffect`, `SegmentEffect`, or a learner's model.
    worth
        Of one unit, in units of the money scale; 1 but for `ORDERS`.
    view
        What the model looks at: ``"segment"``, or a learner's `View`.
    """

    learner: str
    unit: str
    model: FittedEffect
    worth: float = 1.0
    view: str = "segment"

    def predict(self, inputs: EffectInputs) -> Floats:
        """Return the gross effect in money, shape (n,)."""
        return in_money(self.model.predict(_seen(self.view, inputs)), self, inputs.scale)

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON-able values."""
        return {"learner": self.learner, "unit": self.unit, "model": self.model.to_dict(), "worth": self.worth}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Candidate:
        """Return the candidate that `to_dict` wrote; a learner of another package has to be installed.

        Raises
        ------
        UsageError
            If there is no such learner here.
        """
        name, unit, state = str(values["learner"]), str(values["unit"]), values["model"]
        model: FittedEffect
        if name in (ZERO, ONE, SEGMENTS):
            model = SegmentEffect.from_dict(state) if name == SEGMENTS else ConstantEffect.from_dict(state)
            return cls(name, unit, model, float(values["worth"]))
        learner = learner_named(name)
        return cls(name, unit, learner.read(state), float(values["worth"]), learner.view)


def _seen(view: str, inputs: EffectInputs) -> Any:
    if view == "segment":
        return inputs.segment
    return inputs.linear if view == "linear" else inputs.tree


@dataclass(frozen=True, slots=True)
class Target:
    """What candidates of one kind are fitted to: the score in money, divided by the money scale, or of ordering.

    Attributes
    ----------
    unit
        `MONEY`, `RELATIVE` or `ORDERS`.
    score, weight, noise
        Shape (n,); the weight of a relative score is the money weight times scale², its noise divided by it.
    worth
        Of one unit, in units of the money scale.
    """

    unit: str
    score: Floats
    weight: Floats
    noise: Floats
    worth: float = 1.0

    @classmethod
    def money(cls, rows: EffectRows) -> Target:
        """Return the score of `rows` in money."""
        return cls(MONEY, rows.score, rows.weight, rows.noise)

    @classmethod
    def relative(cls, rows: EffectRows) -> Target:
        """Return the score of `rows` divided by the money scale."""
        square = rows.inputs.scale**2
        return cls(RELATIVE, rows.score / rows.inputs.scale, rows.weight * square, rows.noise / square)

    @classmethod
    def ordering(cls, orders: OrderRows) -> Target:
        """Return the score of ordering."""
        return cls(ORDERS, orders.score, 1.0 / orders.noise, orders.noise, orders.worth)

    @property
    def mean(self) -> float:
        """Weighted mean score."""
        return float(self.weight @ self.score / self.weight.sum())


def in_money(effect: Floats, kind: Candidate | Target, scale: Floats) -> Floats:
    """Return an effect in the unit of `kind` as money, shape (n,)."""
    return effect if kind.unit == MONEY else effect * (kind.worth * scale)


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
    """Return a learner's out-of-fold effects and its model for new rows.

    Raises
    ------
    UsageError
        If a learner of another package fails, or gives something else than one finite effect per row.
    """
    given = (_seen(learner.view, rows.inputs), target.score, target.weight, rows.folds)
    fitted = learner.cross_fit(*given) if learner.name in BUILT_IN else _cross_fit_foreign(learner, given)
    return fitted.held_out, fitted.model


def _cross_fit_foreign(learner: EffectLearner, given: tuple[Any, Floats, Floats, Integers]) -> CrossFit:
    """Cross-fit a learner of another package, whose code may fail in any way, and check what it gives."""
    features, score, _, _ = given
    try:
        fitted = learner.cross_fit(*given)
        effects = {"out of fold": fitted.held_out, "for new rows": fitted.model.predict(features)}
        found = {part: np.asarray(values, dtype=np.float64) for part, values in effects.items()}
    except AlamoError:
        raise
    except Exception as error:
        raise unusable_learner(learner.name, f"{type(error).__name__}: {error}") from error
    for part, values in found.items():
        if values.shape != score.shape:
            raise unusable_learner(learner.name, f"its effects {part} have the shape {values.shape}, not {score.shape}")
        if not np.isfinite(values).all():
            raise unusable_learner(learner.name, f"its effects {part} are not all finite")
    return CrossFit(found["out of fold"], fitted.model)
