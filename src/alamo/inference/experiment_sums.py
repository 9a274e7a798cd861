"""Effects of an experiment from the sums of its cells alone: where no row has features and all had the same chances.

The answer is that of the rows (`experiment_comparison`), to rounding; only how the sums came about differs: from
arrays, from SQL, or from those of yesterday and a day's rows.

Assumes that rows are units drawn one by one, each with the same chance of an arm. Not supported: clusters, units with
several rows, probabilities that change from row to row, and features: they need the rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from alamo.domain.reasons import Refusal
from alamo.inference.comparison import PooledEffect, Sequence, pooled_effect
from alamo.inference.experiment_comparison import Answer, arm_refusal, pooled_row, with_segments, withheld
from alamo.inference.experiment_scores import WORTH_ADJUSTING
from alamo.inference.experiment_spec import ExperimentSpec
from alamo.inference.score_sums import ArmGrid, ScoreSums
from alamo.inference.segment_effects import segment_effects

BY_SEGMENT = "doubly robust, means by segment"
BY_ARM = "difference in means"


def has_sums(spec: ExperimentSpec) -> bool:
    """Say whether the sums of cells answer `spec`, as long as it comes to no features and rows turn out to be units."""
    known = replace(
        ExperimentSpec(spec.action, spec.control, spec.outcomes),
        unit=spec.unit,
        time=spec.time,
        propensity=None if isinstance(spec.propensity, str) else spec.propensity,
        cluster=spec.cluster,
        costs=spec.costs,
        shares=spec.shares,
        features=spec.features,
        segments=spec.segments,
        level=spec.level,
        planned=spec.planned,
        fdr=spec.fdr,
        detect=spec.detect,
    )
    return spec == known  # a question added later is not known here, and goes to the rows


@dataclass(frozen=True, slots=True)
class OutcomeSums:
    """One outcome of an experiment, as sums.

    Attributes
    ----------
    outcome
        Its name.
    arms
        Names of the arms, control first.
    grid
        The cells.
    segments
        Names of the segments; empty without any.
    """

    outcome: str
    arms: tuple[str, ...]
    grid: ArmGrid
    segments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SumsAnswer:
    """The answers of one outcome, and the share of the variance that means by segment remove; None without segments."""

    answers: tuple[Answer, ...]
    variance_removed: float | None

    @property
    def by_segment(self) -> bool:
        """Whether the pooled effects are by means of segments."""
        return self.variance_removed is not None and self.variance_removed >= WORTH_ADJUSTING


def compare_sums(data: OutcomeSums, level: float, planned: int | None = None) -> SumsAnswer:
    """Return the effect of every action against control: pooled and, with segments, shrunk.

    Means by segment are used for the pooled effect where they remove at least `WORTH_ADJUSTING` of the variance, as an
    outcome model of features would be; segment effects always use them, since a segment's arms are never balanced.
    `planned` as in `ExperimentSpec`.
    """
    refused = {arm: _refusal(data, arm) for arm in range(1, len(data.arms))}
    open_ = [arm for arm, refusal in refused.items() if refusal is None]
    plain = {arm: ScoreSums.of(data.grid, arm, by_segment=False) for arm in open_}
    fine = {arm: ScoreSums.of(data.grid, arm, by_segment=True) for arm in open_} if data.segments else plain
    removed = None
    if data.segments and open_:
        removed = 1.0 - _variance(fine) / _variance(plain)
    chosen, method = (fine, BY_SEGMENT) if SumsAnswer((), removed).by_segment else (plain, BY_ARM)
    answers = []
    for arm, refusal in refused.items():
        if refusal is not None:
            answers.append(Answer((), (), (refusal,)))
            continue
        answers.append(_answer(data, arm, (chosen[arm], fine[arm]), (method, level, planned)))
    return SumsAnswer(tuple(answers), removed)


def _refusal(data: OutcomeSums, arm: int) -> Refusal | None:
    what = f"effect of {data.arms[arm]!r} on {data.outcome!r}"
    for place in (arm, 0):
        cell = data.grid.everybody(place)
        seen = (float(cell.least[0]), float(cell.most[0]))
        refusal = arm_refusal(what, data.arms[place], int(cell.n[0]), seen)
        if refusal is not None:
            return refusal
    return None


def _variance(sums: dict[int, ScoreSums]) -> float:
    """Return the variance of the effects, summed over actions."""
    return sum(part.mean.variance for part in sums.values())


def pooled_without_segments(data: OutcomeSums, arm: int, level: float, *, by_segment: bool) -> PooledEffect | None:
    """Return the pooled effect of one action, by means of segments or of arms; None where an arm has too little."""
    if _refusal(data, arm) is not None:
        return None
    return _pooled(data, arm, ScoreSums.of(data.grid, arm, by_segment=by_segment), level, None)


def _pooled(data: OutcomeSums, arm: int, chosen: ScoreSums, level: float, planned: int | None) -> PooledEffect:
    mean = chosen.mean
    sequence = Sequence(
        variance=max(mean.variance, chosen.floor * mean.n / (mean.n - 1)),
        n=mean.n,
        n_opt=float(planned or mean.n),
        nonzero_action=int(data.grid.everybody(arm).nonzero[0]),
        nonzero_control=int(data.grid.everybody(0).nonzero[0]),
        least_chance=float(np.min(data.grid.p[[arm, 0]])),
    )
    return pooled_effect(mean, sequence, level)


def _answer(
    data: OutcomeSums, arm: int, sums: tuple[ScoreSums, ScoreSums], terms: tuple[str, float, int | None]
) -> Answer:
    (chosen, fine), (method, level, planned) = sums, terms
    pooled = _pooled(data, arm, chosen, level, planned)
    of = (data.arms[arm], data.outcome)
    counts = int(data.grid.everybody(arm).n[0]), int(data.grid.everybody(0).n[0])
    row = pooled_row(pooled, of, counts, chosen.baseline, method)
    answer = Answer((row,), (), tuple(withheld(*of, pooled.sequence)), pooled)
    if not data.segments:
        return answer
    return with_segments(answer, segment_effects(fine.segments(data.segments), pooled.estimate, level))
