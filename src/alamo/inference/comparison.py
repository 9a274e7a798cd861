"""One action against none: the pooled effect, its fixed-n and its always-valid interval, or the reason for none."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, inf

from alamo.domain.reasons import Refusal
from alamo.inference.estimate import Estimate, normal_estimate
from alamo.numerics.confidence_sequence import LEAST_CHANCE, LEAST_NONZERO, half_width
from alamo.numerics.doubly_robust import ScoreMean
from alamo.numerics.few_clusters import ClusterError


@dataclass(frozen=True, slots=True)
class Sequence:
    """What an always-valid interval needs besides the mean.

    Attributes
    ----------
    variance
        Average variance of one independent contribution, the larger of sample and floor.
    n
        Contributions so far.
    n_opt
        Where the sequence is tightest; fixed beforehand.
    nonzero_action, nonzero_control
        Non-zero outcomes in each compared arm.
    least_chance
        Smallest probability of a compared arm in any row.
    """

    variance: float
    n: int
    n_opt: float
    nonzero_action: int
    nonzero_control: int
    least_chance: float

    @property
    def likely(self) -> bool:
        """Whether every row had a chance of each compared arm that a log can show something of."""
        return self.least_chance >= LEAST_CHANCE

    @property
    def enough(self) -> bool:
        """Whether both arms have shown enough non-zero outcomes."""
        return min(self.nonzero_action, self.nonzero_control) >= LEAST_NONZERO

    @property
    def rows_missing(self) -> int:
        """About how many more contributions bring the scarcer arm to the least number of non-zero outcomes."""
        seen = max(min(self.nonzero_action, self.nonzero_control), 1)
        return max(ceil(self.n * (LEAST_NONZERO / seen - 1.0)), 1)


@dataclass(frozen=True, slots=True)
class PooledEffect:
    """A pooled effect with both intervals.

    Attributes
    ----------
    estimate
        With its fixed-n interval.
    anytime
        Always-valid interval; None while outcomes are too few, or where rows had next to no chance of an arm.
    sequence
        What the always-valid interval was or would be made of.
    freedom
        Degrees of freedom of the fixed-n interval; infinite unless few clusters were drawn as a whole.
    """

    estimate: Estimate
    anytime: tuple[float, float] | None
    sequence: Sequence
    freedom: float = inf

    @property
    def anytime_excludes_zero(self) -> bool:
        """Whether the always-valid interval lies on one side of zero."""
        return self.anytime is not None and (self.anytime[0] > 0.0 or self.anytime[1] < 0.0)


def pooled_effect(
    score: ScoreMean, sequence: Sequence, level: float, error: ClusterError | None = None
) -> PooledEffect:
    """Return the effect with its fixed-n interval and, once outcomes suffice, the always-valid one.

    The fixed-n interval has the `error` of clusters where they were drawn as a whole, else that of `score`.
    """
    estimate, freedom = normal_estimate(score.mean, score.se, score.n, level), inf
    if error is not None:
        estimate, freedom = clustered_estimate(score, error, level), error.freedom
    if not (sequence.enough and sequence.likely):
        return PooledEffect(estimate, None, sequence, freedom)
    half = half_width(sequence.n, sequence.variance, alpha=1.0 - level, n_opt=sequence.n_opt)
    return PooledEffect(estimate, (score.mean - half, score.mean + half), sequence, freedom)


def clustered_estimate(score: ScoreMean, error: ClusterError, level: float) -> Estimate:
    """Return the estimate with the Student interval of clusters that were drawn as a whole."""
    half = error.quantile(level) * error.se
    return Estimate(score.mean, error.se, score.mean - half, score.mean + half, score.n)


def next_to_no_chance(what: str, sequence: Sequence, cure: str) -> Refusal:
    """Return why there is no always-valid interval where rows had next to no chance of an arm."""
    reason = (
        f"some rows had a chance of only {sequence.least_chance:.1g} of one of the compared arms, at least "
        f"{LEAST_CHANCE:g} is needed: what they hide has no bound"
    )
    return Refusal(what, reason, cure)
