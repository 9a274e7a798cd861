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
from alamo.numerics.folds import fold_splits

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
        for arm in range(self.n_arms):
            design = _design(rows, np.full(len(rows.prior), arm), self.n_arms)
            mu[:, arm] = self.slope * rows.prior + scale * self.learner.predict(design)
        return mu


def fit_outcome_model(rows: OutcomeRows, n_arms: int, learner: OutcomeLearner) -> OutcomeModel:
    """Fit μ(x, a) on `rows`; arms nobody drew are predicted as if they had no effect of their own."""
    unit = float(rows.prior.mean())
    design = _design(rows, rows.arm, n_arms)
    if unit <= 0.0:
        return OutcomeModel(0.0, 0.0, learner.fit(design, rows.outcome), n_arms)
    scale = rows.prior + unit
    slope = _prior_slope(rows, 1.0 / scale**2)
    return OutcomeModel(slope, unit, learner.fit(design, (rows.outcome - slope * rows.prior) / scale), n_arms)


def cross_fitted(rows: OutcomeRows, folds: Integers, n_arms: int, learner: OutcomeLearner) -> Floats:
    """Return μ(x, a) of every row from a model that never saw the row's fold, shape (n, n_arms)."""
    mu = np.empty((len(rows.prior), n_arms))
    for train, held_out in fold_splits(folds):
        mu[held_out] = fit_outcome_model(rows.take(train), n_arms, learner).predict(rows.take(held_out))
    return mu


def _design(rows: OutcomeRows, arm: Integers, n_arms: int) -> Floats:
    indicators = np.equal.outer(arm, np.arange(1, n_arms)).astype(np.float64)
    return np.column_stack([rows.features, rows.prior, indicators])


def _prior_slope(rows: OutcomeRows, weight: Floats) -> float:
    """Return the weighted slope of outcome on prior value; the spread of an outcome grows with the value."""
    x = rows.prior - np.average(rows.prior, weights=weight)
    y = rows.outcome - np.average(rows.outcome, weights=weight)
    spread = float(weight @ (x * x))
    return float(weight @ (x * y)) / spread if spread > 0.0 else 0.0
