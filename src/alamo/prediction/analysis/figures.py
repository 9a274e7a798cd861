"""Figures of a policy on held-out rows with both intervals, and how far the rows cover it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alamo.domain.reasons import Refusal
from alamo.numerics.confidence_sequence import LEAST_CHANCE, LEAST_NONZERO, half_width
from alamo.numerics.moments import sums_by
from alamo.prediction.analysis.holdout import (
    HeldOut,
    area_beyond_random,
    area_under_curve,
    calibration_slope,
    rank_share,
)
from alamo.prediction.analysis.result import FigureRow, OverlapRow

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

LEAST_EFFECTIVE = 1000.0
"""Effective rows below which a file is not to rank policies."""


@dataclass(frozen=True, slots=True)
class Draws:
    """What held-out rows drew.

    Attributes
    ----------
    arm, p_drawn
        Arm drawn (0: control) and its probability, shape (n,).
    shares
        Mean probability of each arm, shape (k + 1,).
    outcome, residual
        Outcome, and what the outcome model leaves of it, shape (n,).
    """

    arm: Integers
    p_drawn: Floats
    shares: Floats
    outcome: Floats
    residual: Floats


@dataclass(frozen=True, slots=True)
class Figures:
    """Held-out rows, what they drew, and the names of the actions."""

    held_out: HeldOut
    draws: Draws
    actions: tuple[str, ...]

    def rows(self) -> tuple[FigureRow, ...]:
        """Return every figure of the policy over all actions, then of each action against none."""
        found = self._values(None, list(range(len(self.actions))))
        for j, action in enumerate(self.actions):
            found += self._values(action, [j])
            found += self._rankings(action, self.held_out.score[:, j], self.held_out.predicted[:, j])
        return tuple(found)

    def overlap(self) -> tuple[OverlapRow, ...]:
        """Return how many held-out rows speak of each policy."""
        every: list[tuple[str | None, list[int]]] = [(None, list(range(len(self.actions))))]
        every += [(action, [j]) for j, action in enumerate(self.actions)]
        found = []
        for action, columns in every:
            choice = self.held_out.chosen(columns)
            weight = np.where(choice == self.draws.arm, 1.0 / self.draws.p_drawn, 0.0)
            largest = float(weight.max(initial=0.0))
            found.append(OverlapRow(action, effective_rows(weight), largest, float((choice > 0).mean())))
        return tuple(found)

    def _values(self, action: str | None, columns: Sequence[int]) -> list[FigureRow]:
        choice, single = self.held_out.chosen(columns), self.held_out.best_single(columns)
        none = np.zeros(len(choice), dtype=np.int64)
        return [
            self._mean(action, "value of policy", choice, none),
            self._mean(action, "value of best single action", none + single, none),
            self._mean(action, "gain", choice, none + single),
        ]

    def _mean(self, action: str | None, figure: str, choice: Integers, other: Integers) -> FigureRow:
        """Return the paired difference between two choices per row."""
        mean = self.held_out.mean(self.held_out.value_of(choice) - self.held_out.value_of(other))
        reach = self.held_out.reach(mean.n) * mean.se
        half = self._always_valid(choice, other, mean.variance, mean.n)
        return FigureRow(
            action=action,
            figure=figure,
            mean=mean.mean,
            se=mean.se,
            lower=mean.mean - reach,
            upper=mean.mean + reach,
            anytime_lower=None if half is None else mean.mean - half,
            anytime_upper=None if half is None else mean.mean + half,
        )

    def _always_valid(self, choice: Integers, other: Integers, variance: float, n: int) -> float | None:
        """Return the half width of the always-valid interval, tightest at the rows held out; None where there is none.

        Its variance is at least that of equally uncertain outcomes: mean squared residual times the mean of
        1/p of the two arms where the choices differ. Every arm that either choice takes, where they differ, must have
        shown `LEAST_NONZERO` non-zero outcomes.
        """
        draws, differ = self.draws, choice != other
        if n < 2 or not differ.any():
            return None
        compared = np.unique(np.concatenate([choice[differ], other[differ]]))
        nonzero = [int(np.count_nonzero(draws.outcome[draws.arm == a])) for a in compared.tolist()]
        if min(nonzero) < LEAST_NONZERO or draws.p_drawn.min() < LEAST_CHANCE:
            return None
        spread = np.where(differ, 1.0 / draws.shares[choice] + 1.0 / draws.shares[other], 0.0)
        in_groups = len(choice) * n / float(self.held_out.units.sum()) ** 2  # from a row to a group's share of the mean
        floor = float((draws.residual**2).mean() * spread.mean()) * in_groups
        return half_width(n, max(variance, floor), alpha=1.0 - self.held_out.level, n_opt=float(n))

    def _rankings(self, action: str, score: Floats, predicted: Floats) -> list[FigureRow]:
        """Return Qini, AUUC and calibration slope with their intervals.

        Qini and AUUC are means over pairs of rows: whose score counts, and which other row ranks below it. The
        influence of a row is what it adds in either part; the second is small beside the noise of a score.

        Source: Hoeffding (1948), Ann. Math. Statist. 19(3), §5; Yadlowsky et al. (2024), JASA, "Evaluating treatment
        prioritization rules via rank-weighted average treatment effects", §3.
        """
        share, mean, below = rank_share(predicted), float(score.mean()), _mean_below(score, predicted)
        found = []
        for figure, whole, area in (("qini", 0.5, area_beyond_random), ("auuc", 1.0, area_under_curve)):
            value = area(score, predicted)
            found.append(
                self._figure(action, figure, value, score * (whole - share) - below + whole * mean - 2.0 * value)
            )
        slope = calibration_slope(score, predicted)
        if slope is not None:
            centred = predicted - predicted.mean()
            influence = centred * (score - mean - slope * centred) / float(np.mean(centred**2))
            found.append(self._figure(action, "calibration slope", slope, influence))
        return found

    def _figure(self, action: str, figure: str, value: float, influence: Floats) -> FigureRow:
        group = self.held_out.group
        groups = len(np.unique(group))
        sums = sums_by(group, influence, int(group.max()) + 1)
        se = float(np.sqrt(sums @ sums * groups / max(groups - 1, 1))) / len(influence)
        reach = self.held_out.reach(groups) * se
        return FigureRow(action, figure, value, se, value - reach, value + reach)


def effective_rows(weight: Floats) -> float:
    """Return Kish's effective number of rows (Σw)²/Σw²; 0 where all weights are 0.

    Source: Kish (1965), *Survey Sampling*, §11.7.
    """
    squares = float(weight @ weight)
    return float(weight.sum()) ** 2 / squares if squares > 0.0 else 0.0


def thin_overlap(overlap: Sequence[OverlapRow]) -> tuple[Refusal, ...]:
    """Return a refusal where the rows held out are too few to rank the policy over all actions."""
    return tuple(
        Refusal(
            "ranking of policies",
            f"the rows held out are worth {row.ess:,.0f} rows of it, at least {LEAST_EFFECTIVE:,.0f} are needed",
            "hold out more, or collect more rows; until then go by the interval of the gain, not by its mean",
        )
        for row in overlap
        if row.action is None and row.ess < LEAST_EFFECTIVE
    )


def _mean_below(score: Floats, predicted: Floats) -> Floats:
    """Return for each row the sum of the scores of rows that rank below it, ties by half, over n, shape (n,)."""
    levels, place = np.unique(predicted, return_inverse=True)
    sums = sums_by(place.reshape(-1), score, len(levels))
    return (sums.cumsum() - 0.5 * sums)[place.reshape(-1)] / len(score)
