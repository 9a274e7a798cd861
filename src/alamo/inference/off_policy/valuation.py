"""From scores to what is shown: value and paired difference to the running policy, each with both intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alamo.inference.off_policy.estimators import Scores
from alamo.inference.off_policy.log import LoggedDecisions
from alamo.inference.off_policy.overlap import effective_size
from alamo.numerics.confidence_sequence import LEAST_CHANCE, LEAST_NONZERO, half_width
from alamo.numerics.doubly_robust import mean_by_group
from alamo.numerics.normal import z_value

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Valued:
    """A mean per row with its intervals.

    Attributes
    ----------
    mean, se
        Point and standard error over units.
    lower, upper
        Fixed-n interval, widened by the bias bound of a switch.
    anytime_lower, anytime_upper
        Always-valid interval; None while outcomes are too few or a propensity next to nothing.
    """

    mean: float
    se: float
    lower: float
    upper: float
    anytime_lower: float | None
    anytime_upper: float | None


def value_of(log: LoggedDecisions, weight: Floats, scores: Scores, level: float, n_opt: float | None = None) -> Valued:
    """Return the value of the policy behind `scores`.

    Parameters
    ----------
    n_opt
        Units at which the always-valid interval is tightest (default: those of the log). Who looks again and again
        fixes it before the first look.
    """
    return _valued(_Mean(log, scores.score, weight, scores.residual, scores.bias_bound), weight, level, n_opt)


def gain_of(log: LoggedDecisions, weight: Floats, scores: Scores, level: float, n_opt: float | None = None) -> Valued:
    """Return the difference to the running policy, paired row by row: the mean of Γ − Y; `n_opt` as in `value_of`.

    The running policy's own value is the log's mean outcome. The residual of a row counts w times in the policy's value
    and, less what the model explains of it, once in the log's, so it carries the weight w − 1.
    """
    mean = _Mean(log, scores.score - log.outcome, weight - 1.0, scores.residual, scores.bias_bound)
    return _valued(mean, weight, level, n_opt)


@dataclass(frozen=True, slots=True)
class _Mean:
    log: LoggedDecisions
    values: Floats
    factor: Floats
    residual: Floats
    bias_bound: float


def _valued(part: _Mean, weight: Floats, level: float, n_opt: float | None) -> Valued:
    score = mean_by_group(part.values, part.log.unit)
    half = z_value(level) * score.se + part.bias_bound
    anytime = _anytime(part, weight, level, n_opt)
    return Valued(
        mean=score.mean,
        se=score.se,
        lower=score.mean - half,
        upper=score.mean + half,
        anytime_lower=None if anytime is None else score.mean - anytime,
        anytime_upper=None if anytime is None else score.mean + anytime,
    )


def _anytime(part: _Mean, weight: Floats, level: float, n_opt: float | None) -> float | None:
    """Return the half width of the always-valid interval; None where there is none.

    Its variance is at least (mean squared residual) × (mean squared factor): were the outcome equally uncertain
    everywhere, that is what the weights would make of it. So a sample whose heavy rows happened to be calm is not
    trusted.
    """
    if enough_outcomes(part.log.outcome, weight) < LEAST_NONZERO or part.log.p_drawn.min() < LEAST_CHANCE:
        return None
    score = mean_by_group(part.values, part.log.unit)
    floor = float((part.residual**2).mean() * (part.factor**2).mean()) * score.n / len(part.values)
    variance = max(score.variance, floor)
    tightest = float(score.n) if n_opt is None else n_opt
    return half_width(score.n, variance, alpha=1.0 - level, n_opt=tightest) + part.bias_bound


def enough_outcomes(outcome: Floats, weight: Floats) -> float:
    """Return how many non-zero outcomes the policy has shown: the fewer of the log's and of its effective ones."""
    nonzero = outcome != 0.0
    return min(float(np.count_nonzero(nonzero)), effective_size(np.where(nonzero, weight, 0.0)))
