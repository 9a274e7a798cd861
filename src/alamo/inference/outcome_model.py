"""The nuisance outcome model μ(x, a): one pooled learner with arm indicators, on what a customer's prior value leaves.

Money outcomes hold a residual lifetime value whose spread over customers dwarfs every effect. What was expected of the
customer before the decision is taken out first by a line; the rest is learnt *relative* to that expectation, so large
customers neither blow up the variance of the scores nor bend the learner. (A learner on plain money explained .66 of
the variance of a heavy-tailed world of ours, this .95.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alamo.domain.ports import FittedOutcome, OutcomeLearner
from alamo.numerics.folds import fold_splits, hashed_rows

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class OutcomeRows:
    """Rows to learn from or to predict for.

    Attributes
    ----------
    features
        Design matrix, shape (n, d).
    prior
        Value expected of the customer before the decision (money, ≥ 0); zeros where unknown, shape (n,).
    arm
        Index of the arm drawn, 0 for none, shape (n,).
    outcome
        Shape (n,).
    """

    features: Floats
    prior: Floats
    arm: Integers
    outcome: Floats

    def take(self, rows: Integers) -> OutcomeRows:
        """Return the rows at the positions `rows`."""
        return OutcomeRows(self.features[rows], self.prior[rows], self.arm[rows], self.outcome[rows])


@dataclass(frozen=True, slots=True)
class OutcomeModel:
    """A fitted outcome model: μ = slope·prior + (prior + unit)·learner, or the learner alone where unit is 0."""

    slope: float
    unit: float
    learner: FittedOutcome
    n_arms: int

    def predict(self, rows: OutcomeRows) -> Floats:
        """Return μ(x, a) of every row at every arm, shape (n, n_arms)."""
        mu = np.empty((len(rows.prior), self.n_arms))
        scale = rows.prior + self.unit if self.unit else np.ones(len(rows.prior))
        design = _design(rows, np.zeros(len(rows.prior), dtype=np.int64), self.n_arms)
        indicators = design[:, rows.features.shape[1] + 1 :]
        for arm in range(self.n_arms):
            indicators[:] = np.arange(1, self.n_arms) == arm
            mu[:, arm] = self.slope * rows.prior + scale * self.learner.predict(design)
        return mu


def fit_outcome_model(rows: OutcomeRows, n_arms: int, learner: OutcomeLearner) -> OutcomeModel:
    """Fit μ(x, a) on `rows`; arms nobody drew are predicted as if they had no effect of their own."""
    rest = _Rest.of(rows.prior, rows.outcome)
    return OutcomeModel(rest.slope, rest.unit, learner.fit(_design(rows, rows.arm, n_arms), rest.values), n_arms)


def cross_fitted(
    rows: OutcomeRows, folds: Integers, n_arms: int, learner: OutcomeLearner, most: int | None = None
) -> Floats:
    """Return μ(x, a) of every row from a model that never saw the row's fold, shape (n, n_arms).

    A model learns from at most `most` rows of the other folds, chosen by a hash of their number.
    """
    mu = np.empty((len(rows.prior), n_arms))
    splits = list(fold_splits(folds))
    if most is not None:
        splits = [(train[hashed_rows(len(train), most, "train")], held_out) for train, held_out in splits]
    rests = [_Rest.of(rows.prior[train], rows.outcome[train]) for train, _ in splits]
    parts = ((train, rest.values) for (train, _), rest in zip(splits, rests, strict=True))
    models = learner.fit_parts(_design(rows, rows.arm, n_arms), parts)
    for (_, held_out), rest, model in zip(splits, rests, models, strict=True):
        mu[held_out] = OutcomeModel(rest.slope, rest.unit, model, n_arms).predict(rows.take(held_out))
    return mu


@dataclass(frozen=True, slots=True)
class _Rest:
    """What a customer's prior value leaves of the outcome, relative to that value (n,); the outcome where unit is 0."""

    slope: float
    unit: float
    values: Floats

    @classmethod
    def of(cls, prior: Floats, outcome: Floats) -> _Rest:
        unit = float(prior.mean())
        if unit <= 0.0:
            return cls(0.0, 0.0, outcome)
        scale = prior + unit
        slope = _prior_slope(prior, outcome, 1.0 / scale**2)
        return cls(slope, unit, (outcome - slope * prior) / scale)


def _design(rows: OutcomeRows, arm: Integers, n_arms: int) -> Floats:
    indicators = np.equal.outer(arm, np.arange(1, n_arms)).astype(np.float64)
    return np.column_stack([rows.features, rows.prior, indicators])


def _prior_slope(prior: Floats, outcome: Floats, weight: Floats) -> float:
    """Return the weighted slope of outcome on prior value; the spread of an outcome grows with the value."""
    x = prior - np.average(prior, weights=weight)
    y = outcome - np.average(outcome, weights=weight)
    spread = float(weight @ (x * x))
    return float(weight @ (x * y)) / spread if spread > 0.0 else 0.0
