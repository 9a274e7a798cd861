"""Doubly robust scores of an experiment file, plain or adjusted, whichever the variance favours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alamo.domain.ports import OutcomeLearner
from alamo.inference.experiment_design import Propensities
from alamo.inference.experiment_table import ExperimentRows
from alamo.inference.outcome_model import OutcomeRows, cross_fitted
from alamo.numerics.doubly_robust import mean_by_group, scores, weighted_arm_means
from alamo.numerics.folds import unit_folds

Floats = npt.NDArray[np.float64]

WORTH_ADJUSTING = 0.05
"""Least share of the variance that adjustment must remove before it is preferred to a difference in means."""

_FOLDS = 5
_MOST_ROWS = 200_000
"""Rows from which an outcome model is learnt as well as its few trees can."""


@dataclass(frozen=True, slots=True)
class ArmScores:
    """Scores of every arm, shapes (n, k).

    Attributes
    ----------
    outcome
        Outcome net of cost, shape (n,).
    mu, gamma
        Outcome model and scores behind the pooled effects.
    fine_mu, fine_gamma
        Likewise behind segment effects: always adjusted, since a segment's arms are never balanced.
    method
        Of the pooled effects, in words.
    variance_removed
        Share of the variance that adjustment removes; None without features.
    """

    outcome: Floats
    mu: Floats
    gamma: Floats
    fine_mu: Floats
    fine_gamma: Floats
    method: str
    variance_removed: float | None


def score_arms(
    rows: ExperimentRows,
    chance: Propensities,
    outcome: Floats,
    design: Floats,
    learner: OutcomeLearner,
    share: Floats,
) -> ArmScores:
    """Return the scores of every arm; features `design` (n, d), d may be 0; `share` of its unit each row is."""
    n_arms = len(rows.arms)
    means = weighted_arm_means(rows.arm, outcome, chance.drawn, n_arms)
    plain_mu = np.tile(np.nan_to_num(means), (len(rows), 1))
    plain = scores(plain_mu, rows.arm, outcome, chance.drawn)
    if not design.shape[1]:
        return ArmScores(outcome, plain_mu, plain, plain_mu, plain, "difference in means", None)
    data = OutcomeRows(design, np.zeros(len(rows)), rows.arm, outcome)
    mu = cross_fitted(data, _folds(rows), n_arms, learner, _MOST_ROWS)
    adjusted = scores(mu, rows.arm, outcome, chance.drawn)
    removed = 1.0 - _variance(rows, adjusted, share) / _variance(rows, plain, share)
    if removed < WORTH_ADJUSTING:
        return ArmScores(outcome, plain_mu, plain, mu, adjusted, "difference in means", removed)
    return ArmScores(outcome, mu, adjusted, mu, adjusted, "doubly robust", removed)


def _folds(rows: ExperimentRows) -> npt.NDArray[np.int64]:
    """Folds by independent group, from a hash of its number in the file, so that a second run has the same folds."""
    groups = np.arange(len(rows)) if rows.groups is None else rows.groups
    return unit_folds(groups.astype(np.uint64), "experiment", _FOLDS)


def _variance(rows: ExperimentRows, gamma: Floats, share: Floats) -> float:
    """Return the variance of the effects, summed over actions."""
    groups = rows.groups
    return sum(mean_by_group(gamma[:, arm] - gamma[:, 0], groups, share).variance for arm in range(1, gamma.shape[1]))
