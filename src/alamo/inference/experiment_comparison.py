"""One action of an experiment file against control on one outcome: pooled effect, segments, or the reason for none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import isinf

import numpy as np
import numpy.typing as npt

from alamo.domain.reasons import Refusal
from alamo.inference.comparison import PooledEffect, Sequence, clustered_estimate, next_to_no_chance, pooled_effect
from alamo.inference.estimate import Estimate, normal_estimate
from alamo.inference.experiment_design import Propensities
from alamo.inference.experiment_result import EffectRow, SegmentSpread
from alamo.inference.experiment_scores import ArmScores
from alamo.inference.experiment_segments import Segmentation
from alamo.inference.experiment_spec import ExperimentSpec
from alamo.inference.experiment_table import ExperimentRows
from alamo.inference.segment_effects import (
    LEAST_PER_ARM,
    SegmentEffect,
    SegmentScores,
    SegmentTable,
    segment_effects,
)
from alamo.numerics.confidence_sequence import LEAST_CHANCE, LEAST_NONZERO, residual_floor
from alamo.numerics.doubly_robust import (
    ScoreMean,
    group_influences,
    mean_by_group,
    scores,
    variance_by_level,
    weighted_arm_means,
)
from alamo.numerics.few_clusters import ClusterError, cluster_error
from alamo.numerics.moments import codes, sums_by

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Comparison:
    """An action (its index among the arms) against control on one outcome."""

    rows: ExperimentRows
    chance: Propensities
    scored: ArmScores
    arm: int
    outcome: str

    @property
    def action(self) -> str:
        """Name of the action."""
        return self.rows.arms[self.arm]

    @cached_property
    def in_action(self) -> Bools:
        """Rows that drew the action."""
        return self.rows.arm == self.arm

    @cached_property
    def in_control(self) -> Bools:
        """Rows that drew control."""
        return self.rows.arm == 0

    @cached_property
    def share(self) -> Floats:
        """Share of a unit that each row stands for."""
        return self.rows.unit_share(self.outcome)

    def units(self, rows: Bools) -> int:
        """Return the number of units among `rows`."""
        return len(np.unique(self.rows.unit[rows]))

    def clusters(self, rows: Bools) -> int | None:
        """Return the number of clusters among `rows`; None where rows or units were drawn one by one."""
        return None if self.rows.cluster is None else len(np.unique(self.rows.cluster[rows]))

    def nonzero(self, rows: Bools) -> int:
        """Return the independent groups with a non-zero outcome (before cost) among `rows`.

        Outcomes of one cluster come in bunches: twenty of them may be two accounts.
        """
        shown, groups = rows & self.rows.nonzero(self.outcome), self.rows.groups
        return int(np.count_nonzero(shown)) if groups is None else len(np.unique(groups[shown]))


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows (the pooled one first), spread and refusals of one comparison, and the pooled effect; None where refused."""

    rows: tuple[EffectRow, ...]
    spread: tuple[SegmentSpread, ...]
    refusals: tuple[Refusal, ...]
    pooled: PooledEffect | None = None


def refusal_of(comparison: Comparison) -> Refusal | None:
    """Return why the effect cannot be given, or None."""
    what = f"effect of {comparison.action!r} on {comparison.outcome!r}"
    for name, rows in ((comparison.action, comparison.in_action), (comparison.rows.arms[0], comparison.in_control)):
        values = comparison.rows.outcomes[comparison.outcome][rows]
        seen = (float(values.min()), float(values.max())) if len(values) else (0.0, 0.0)
        refusal = arm_refusal(what, name, comparison.units(rows), seen)
        if refusal is not None:
            return refusal
        if comparison.clusters(rows) == 1:
            reason = f"only one cluster drew {name!r}, so how much clusters differ is unknown"
            return Refusal(what, reason, "needs two clusters in each arm, and is of use from about ten")
    return None


def arm_refusal(what: str, arm: str, units: int, seen: tuple[float, float]) -> Refusal | None:
    """Return why an arm with so many units, outcomes from the least to the most `seen`, supports no effect, or None."""
    if units < LEAST_PER_ARM:
        return Refusal(what, f"only {units} units drew {arm!r}", f"needs at least {LEAST_PER_ARM} units in each arm")
    if seen[0] == seen[1]:
        same = f"{seen[0]:g} for all {units:,} units of {arm!r}"
        return Refusal(what, f"the outcome is {same}, so its spread is unknown", "needs more units, or a longer window")
    return None


def compare(
    comparison: Comparison, segmentation: Segmentation | None, covariates: Floats, spec: ExperimentSpec
) -> Answer:
    """Return the pooled effect and, with a segmentation, the shrunk effects of its segments."""
    pooled = contrast_effect(comparison, spec)
    answer = Answer((effect_row(comparison, pooled),), (), tuple(not_anytime(comparison, pooled)), pooled)
    if segmentation is None:
        return answer
    segments = segment_effects(segment_scores(comparison, segmentation, covariates).sums(), pooled.estimate, spec.level)
    return with_segments(answer, segments)


def not_anytime(comparison: Comparison, pooled: PooledEffect) -> list[Refusal]:
    """Return why a comparison has no always-valid interval; nothing where it has one."""
    noun = "rows" if comparison.rows.cluster is None else "clusters"
    return withheld(comparison.action, comparison.outcome, pooled.sequence, noun)


def with_segments(answer: Answer, segments: SegmentTable) -> Answer:
    """Return `answer`, one pooled row so far, with the segments' rows, spread and refusals."""
    pooled = answer.rows[0]
    return replace(
        answer,
        rows=(pooled, *(_segment_row(pooled, effect) for effect in segments.effects)),
        spread=(SegmentSpread(pooled.action, pooled.outcome, segments.between_sd, segments.p_zero),),
        refusals=(*answer.refusals, *_segment_refusals(pooled, segments)),
    )


def contrast_effect(
    comparison: Comparison, spec: ExperimentSpec, *, sign: float = 1.0, less_control: float = 0.0
) -> PooledEffect:
    """Return sign·(action − control) − less_control·control per unit, with both intervals."""
    gamma = comparison.scored.gamma
    score = sign * (gamma[:, comparison.arm] - gamma[:, 0])
    if less_control:
        score -= less_control * gamma[:, 0]
    mean = mean_by_group(score, comparison.rows.groups, comparison.share)
    sequence = _sequence(comparison, score, mean, 1.0 + abs(less_control))
    if spec.planned is not None:
        sequence = replace(sequence, n_opt=float(spec.planned))
    every = np.ones(len(score), dtype=np.bool_)
    return pooled_effect(mean, sequence, spec.level, _cluster_error(comparison, score, every))


def levelled_effect(comparison: Comparison, keep: Bools, level: float) -> Estimate:
    """Return the effect on the rows to keep, with its fixed-n interval.

    The outcome model is kept as it was fitted, but for its level in each arm, which is set anew on those rows.
    """
    gamma = levelled_scores(comparison, keep)
    groups = None if comparison.rows.groups is None else comparison.rows.groups[keep]
    score = gamma[:, comparison.arm] - gamma[:, 0]
    mean, error = mean_by_group(score, groups, comparison.share[keep]), _cluster_error(comparison, score, keep)
    if error is not None:
        return clustered_estimate(mean, error, level)
    return normal_estimate(mean.mean, mean.se, mean.n, level)


def _cluster_error(comparison: Comparison, score: Floats, keep: Bools) -> ClusterError | None:
    """Return the error of the mean of `score` over the rows to keep; None unless clusters were drawn as a whole."""
    if comparison.rows.cluster is None:
        return None
    cluster, n = codes(comparison.rows.cluster[keep])
    share = comparison.share[keep]
    _, influence = group_influences(score, cluster, share)
    part = np.where(comparison.in_control, 0, np.where(comparison.in_action, 1, 2))[keep]
    arm = np.zeros(n, dtype=np.int64)
    arm[cluster] = part
    if (arm[cluster] != part).any():  # clusters that hold several arms were not drawn as a whole
        arm[:] = 0
    elif np.count_nonzero(arm == 2) == 1:  # it bears on the model only: one cluster more of control
        arm[arm == 2] = 0
    return cluster_error(influence, sums_by(cluster, share, n), arm)


def levelled_scores(comparison: Comparison, keep: Bools) -> Floats:
    """Return the scores of the rows to keep, with the outcome model levelled on them, shape (m, k)."""
    arm, p = comparison.rows.arm[keep], comparison.chance.drawn[keep]
    outcome, mu = comparison.scored.outcome[keep], comparison.scored.mu[keep]
    level = weighted_arm_means(arm, outcome - mu[np.arange(len(arm)), arm], p, mu.shape[1])
    return scores(mu + np.nan_to_num(level), arm, outcome, p)


def _sequence(comparison: Comparison, score: Floats, mean: ScoreMean, weight: float) -> Sequence:
    """Put the residual floor, in the scale of one independent group's contribution, under the sample variance.

    The floor is per row; recurring units and clusters inflate it as much as they inflate the sample variance. That
    inflation is itself a sample's: clusters drawn as a whole have a floor of their own, from the sums of all of them.
    `weight` is the largest weight of an arm in the contrast.
    """
    per_row = len(score) / float(comparison.share.sum()) ** 2
    design_effect = max(mean.se**2 / (float(score.var()) * per_row), 1.0)
    return Sequence(
        variance=max(
            mean.variance,
            mean.n * weight**2 * _floor(comparison) * per_row * design_effect,
            weight**2 * _cluster_floor(comparison) * (mean.n / float(comparison.share.sum())) ** 2,
        ),
        n=mean.n,
        n_opt=float(mean.n),
        nonzero_action=comparison.nonzero(comparison.in_action),
        nonzero_control=comparison.nonzero(comparison.in_control),
        least_chance=_least_chance(comparison),
    )


def withheld(action: str, outcome: str, sequence: Sequence, noun: str = "rows") -> list[Refusal]:
    """Return why there is no always-valid interval; nothing where there is one. Its contributions are `noun`."""
    what = f"always-valid interval of {action!r} on {outcome!r}"
    if not sequence.likely:
        cure = "leave those rows out, or draw every unit with a larger chance of each arm"
        return [next_to_no_chance(what, sequence, cure)]
    if sequence.enough:
        return []
    few = min(sequence.nonzero_action, sequence.nonzero_control)
    seen = f"{few} non-zero" if noun == "rows" else f"{few} {noun} with a non-zero one"
    reason = f"too few outcomes: {seen} in the smaller arm, {LEAST_NONZERO} are needed"
    return [Refusal(what, reason, f"needs about {sequence.rows_missing:,} more {noun}")]


def _least_chance(comparison: Comparison) -> float:
    """Return the smallest logged probability of a compared arm."""
    compared = comparison.in_action | comparison.in_control
    every = comparison.chance.every
    if every is None:
        return float(comparison.chance.drawn[compared].min())
    return float(every[compared][:, [comparison.arm, 0]].min())


def _residual(comparison: Comparison, mu: Floats, compared: Bools) -> Floats:
    residual: Floats = comparison.scored.outcome[compared] - mu[compared, comparison.rows.arm[compared]]
    return residual


def _floor(comparison: Comparison) -> float:
    compared = comparison.in_action | comparison.in_control
    squared = _residual(comparison, comparison.scored.mu, compared) ** 2
    every = comparison.chance.every
    if every is not None:
        return residual_floor(squared, every[compared, comparison.arm], every[compared, 0])
    return float(squared.mean()) * _mean_inverse(comparison)


def _cluster_floor(comparison: Comparison) -> float:
    """Return the residual floor on the variance of a cluster's summed score; 0 unless clusters were drawn as a whole.

    A control group of few accounts borrows the spread between accounts from the others, as one of few rows does.
    """
    cluster, every = comparison.rows.cluster, comparison.chance.every
    compared = comparison.in_action | comparison.in_control
    if cluster is None or every is None:
        return 0.0
    _, first, place = np.unique(cluster[compared], return_index=True, return_inverse=True)
    arm, place = comparison.rows.arm[compared], place.reshape(-1)
    if (arm != arm[first][place]).any():
        return 0.0
    total = sums_by(place, _residual(comparison, comparison.scored.mu, compared), len(first))
    p = every[compared][first]
    return residual_floor(total**2, p[:, comparison.arm], p[:, 0])


def _mean_inverse(comparison: Comparison) -> float:
    """Estimate the mean of 1/e_a + 1/e_none over all rows where only the drawn arm's probability was logged."""
    square = 1.0 / comparison.chance.drawn**2
    return float(square[comparison.in_action].sum() + square[comparison.in_control].sum()) / len(square)


def effect_row(comparison: Comparison, pooled: PooledEffect) -> EffectRow:
    """Return the row of a pooled effect."""
    baseline = mean_by_group(comparison.scored.gamma[:, 0], comparison.rows.groups, comparison.share)
    return pooled_row(
        pooled,
        (comparison.action, comparison.outcome),
        (comparison.units(comparison.in_action), comparison.units(comparison.in_control)),
        baseline.mean,
        comparison.scored.method,
    )


def pooled_row(
    pooled: PooledEffect, of: tuple[str, str], units: tuple[int, int], baseline: float, method: str
) -> EffectRow:
    """Return the row of a pooled effect `of` (action, outcome), from `units` (with the action, with control)."""
    anytime, estimate = pooled.anytime or (None, None), pooled.estimate
    return EffectRow(
        action=of[0],
        segment=None,
        outcome=of[1],
        mean=estimate.mean,
        se=estimate.se,
        lower=estimate.lower,
        upper=estimate.upper,
        anytime_lower=anytime[0],
        anytime_upper=anytime[1],
        n=units[0],
        n_control=units[1],
        baseline=baseline,
        method=method,
        found=estimate.lower > 0.0 or estimate.upper < 0.0,
        freedom=None if isinf(pooled.freedom) else pooled.freedom,
    )


def _segment_row(pooled: EffectRow, effect: SegmentEffect) -> EffectRow:
    return EffectRow(
        action=pooled.action,
        segment=effect.name,
        outcome=pooled.outcome,
        mean=effect.estimate.mean,
        se=effect.estimate.se,
        lower=effect.estimate.lower,
        upper=effect.estimate.upper,
        anytime_lower=None,
        anytime_upper=None,
        n=effect.n,
        n_control=effect.n_control,
        baseline=None,
        method=effect.method,
        found=effect.found,
    )


def segment_scores(comparison: Comparison, segmentation: Segmentation, covariates: Floats) -> SegmentScores:
    """Bring the scores to one row per unit and segment, with a modelled variance for each."""
    gamma, mu = comparison.scored.fine_gamma, comparison.scored.fine_mu
    compared = comparison.in_action | comparison.in_control
    squared = _residual(comparison, mu, compared) ** 2
    every = comparison.chance.every
    p = np.ones((len(gamma), 2)) if every is None else np.maximum(every[:, [comparison.arm, 0]], LEAST_CHANCE)
    expected = variance_by_level(mu[compared, 0], squared, 1.0 / p[compared].sum(axis=1), at=mu[:, 0])
    score = gamma[:, comparison.arm] - gamma[:, 0]
    n_segments = len(segmentation.names)
    _, first, place = np.unique(
        comparison.rows.unit * n_segments + segmentation.code, return_index=True, return_inverse=True
    )
    place, n = place.reshape(-1), len(first)
    clustered = mean_by_group(score, comparison.rows.groups, comparison.share)
    alone = mean_by_group(sums_by(place, score, n))
    return SegmentScores(
        score=sums_by(place, score, n),
        variance=sums_by(place, expected * (1.0 / p).sum(axis=1), n),
        segment=segmentation.code[first],
        names=segmentation.names,
        in_action=sums_by(place, comparison.in_action.astype(np.float64), n) > 0,
        in_control=sums_by(place, comparison.in_control.astype(np.float64), n) > 0,
        covariates=covariates[first],
        design_effect=max((clustered.se / alone.se) ** 2, 1.0) if comparison.rows.cluster is not None else 1.0,
    )


def _segment_refusals(pooled: EffectRow, segments: SegmentTable) -> list[Refusal]:
    if not segments.too_small:
        return []
    shown = ", ".join(segments.too_small[:3]) + (" …" if len(segments.too_small) > 3 else "")
    where = f"{len(segments.too_small)} segment(s): {shown}"
    return [
        Refusal(
            f"effect of {pooled.action!r} on {pooled.outcome!r} in {where}",
            f"fewer than {LEAST_PER_ARM} units in one of the compared arms",
            "needs more units, or fewer and larger segments",
        )
    ]
