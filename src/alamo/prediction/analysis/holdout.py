"""What a policy is worth on rows it was not fitted on: paired doubly robust means, with intervals by unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alamo.numerics.doubly_robust import ScoreMean, mean_by_group
from alamo.numerics.few_clusters import ClusterError
from alamo.numerics.laws import average_ranks
from alamo.numerics.normal import z_value
from alamo.prediction.analysis.result import Gain, HoldoutRow

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Held-out rows.

    Attributes
    ----------
    score
        Net score of each action against none, Γ(a) − Γ(none) − cost, shape (n, k).
    predicted
        Net predicted effect, shape (n, k).
    training_mean
        Net mean score of each action on the training rows, shape (k,); the best single action is chosen by it.
    group, units
        Group that variances go by and how much of a unit each row stands for, shape (n,).
    level
        Of the intervals.
    """

    score: Floats
    predicted: Floats
    training_mean: Floats
    group: Integers
    units: Floats
    level: float

    def judge(self, actions: tuple[str, ...]) -> tuple[HoldoutRow, ...]:
        """Return one row for the policy over all actions, then one for each action against none."""
        every = self._row(None, list(range(len(actions))))
        return (every, *(self._row(name, [j]) for j, name in enumerate(actions)))

    def chosen(self, columns: Sequence[int]) -> Integers:
        """Return what the policy over `columns` chooses: 0 none, j + 1 action j, shape (n,)."""
        predicted = self.predicted[:, columns]
        best = predicted.argmax(axis=1)
        return np.where(predicted[np.arange(len(best)), best] > 0.0, np.asarray(columns)[best] + 1, 0)

    def best_single(self, columns: Sequence[int]) -> int:
        """Return the best single choice among `columns` and none, chosen on the training rows: 0 none, j + 1 action."""
        best = max(columns, key=lambda j: float(self.training_mean[j]))
        return best + 1 if self.training_mean[best] > 0.0 else 0

    def value_of(self, choice: Integers | int) -> Floats:
        """Return the score by row of a choice, shape (n,)."""
        with_none = np.column_stack([np.zeros(len(self.score)), self.score])
        return with_none[np.arange(len(self.score)), choice]

    def mean(self, values: Floats) -> ScoreMean:
        """Return the mean per unit of scores by row."""
        return mean_by_group(values, self.group, self.units)

    def reach(self, groups: int) -> float:
        """Return how many standard errors an interval reaches: Student's, where several rows are one of `groups`.

        Two groups are spent, on the level of either arm.
        """
        if groups == len(self.score):
            return z_value(self.level)
        return ClusterError(1.0, max(groups - 2.0, 1.0)).quantile(self.level)

    def _row(self, action: str | None, columns: list[int]) -> HoldoutRow:
        score, predicted = self.score[:, columns], self.predicted[:, columns]
        value, single = self.value_of(self.chosen(columns)), self.value_of(self.best_single(columns))
        policy, fixed, gain = self.mean(value), self.mean(single), self.mean(value - single)
        z = self.reach(policy.n)
        alone = len(columns) == 1 and action is not None
        return HoldoutRow(
            action=action,
            qini=area_beyond_random(score[:, 0], predicted[:, 0]) if alone else None,
            auuc=area_under_curve(score[:, 0], predicted[:, 0]) if alone else None,
            value_of_policy=policy.mean,
            lower=policy.mean - z * policy.se,
            upper=policy.mean + z * policy.se,
            value_of_best_single_action=fixed.mean,
            gain=Gain(gain.mean, gain.mean - z * gain.se, gain.mean + z * gain.se),
            calibration_slope=calibration_slope(score[:, 0], predicted[:, 0]) if alone else None,
        )


def area_under_curve(score: Floats, predicted: Floats) -> float:
    """Return ∫ of the effect gained by treating the best share q, over q: mean of score · (1 − rank share)."""
    return float(np.mean(score * (1.0 - rank_share(predicted))))


def area_beyond_random(score: Floats, predicted: Floats) -> float:
    """Return the Qini coefficient, mean of score · (½ − rank share); ties share their mean rank.

    Source: Radcliffe (2007), on doubly robust scores; Yadlowsky et al. (2024), "Evaluating treatment prioritization
    rules via rank-weighted average treatment effects", JASA.
    """
    return float(np.mean(score * (0.5 - rank_share(predicted))))


def calibration_slope(score: Floats, predicted: Floats) -> float | None:
    """Return the least-squares slope of the score on the predicted effect; None where predictions are constant."""
    centred = predicted - predicted.mean()
    square = float(centred @ centred)
    return float(centred @ score) / square if square > 1e-18 * max(float(predicted @ predicted), 1e-300) else None


def rank_share(predicted: Floats) -> Floats:
    """Return each row's rank from the top as a share in (0, 1)."""
    return (average_ranks(-predicted) - 0.5) / max(len(predicted), 1)
