"""An experiment file, no project: the effect of each action on each outcome against control."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.domain.errors import UsageError
from alamo.domain.ports import OutcomeLearner
from alamo.domain.reasons import Refusal
from alamo.inference.experiment_comparison import Comparison, compare, refusal_of
from alamo.inference.experiment_design import Propensities, arm_counts, propensities, ratio_p_value
from alamo.inference.experiment_features import choose_features, choose_segment_columns
from alamo.inference.experiment_scores import ArmScores, score_arms
from alamo.inference.experiment_segments import Segmentation, grouped_segments, segments_by_columns
from alamo.inference.experiment_spec import EffectRow, ExperimentResult, ExperimentSpec, SegmentSpread
from alamo.inference.experiment_table import ExperimentRows, is_money, read_experiment
from alamo.numerics.encoding import FeatureEncoder
from alamo.numerics.ratio_check import MISMATCH
from alamo.numerics.screening import Design, arm_difference_p_value

Floats = npt.NDArray[np.float64]


def analyze_experiment(table: pa.Table, spec: ExperimentSpec, learner: OutcomeLearner) -> ExperimentResult:
    """Estimate the effect of every action against control.

    Parameters
    ----------
    table
        Any table: one row per unit, or per decision.
    spec
        Which columns are what.
    learner
        Fits the outcome model behind the doubly robust scores.

    Raises
    ------
    UsageError
        If the specification does not fit the table.
    InputError
        If the table has no rows.

    Notes
    -----
    Adjusted scores are used where they remove at least 5 % of the variance; else the plain difference in (weighted)
    means, which anybody can check by hand. The choice looks at variances only, never at effects.
    """
    rows, left_out = read_experiment(table, spec)
    chance = propensities(rows, spec)
    p_value = ratio_p_value(rows, chance, spec) if len(rows) else None
    found = _Findings(refusals=list(left_out))
    blocked = _blocking(rows, spec, p_value)
    if blocked is not None:
        found.refusals.append(blocked)
    else:
        _analyze(_prepare(rows, chance, spec, found), learner, found)
    return ExperimentResult(
        rows=tuple(sorted(found.rows, key=lambda row: row.segment is not None)),
        refusals=tuple(found.refusals),
        ratio_p_value=p_value,
        counts=arm_counts(rows),
        units=len(np.unique(rows.unit)),
        level=spec.level,
        segment_spread=tuple(found.spread),
        variance_removed=found.variance_removed,
        features=found.features,
    )


@dataclass(slots=True)
class _Findings:
    """What the analysis has come to so far."""

    refusals: list[Refusal]
    rows: list[EffectRow] = field(default_factory=list)
    spread: list[SegmentSpread] = field(default_factory=list)
    variance_removed: dict[str, float] = field(default_factory=dict)
    features: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Prepared:
    spec: ExperimentSpec
    rows: ExperimentRows
    chance: Propensities
    design: Floats
    covariates: Floats
    segmentation: Segmentation | None


def _blocking(rows: ExperimentRows, spec: ExperimentSpec, p_value: float | None) -> Refusal | None:
    """Return the reason why nothing at all can be said, or None."""
    if len(rows) == 0:
        return Refusal("all effects", "no usable row is left", "see the other refusals")
    arms = np.flatnonzero(np.bincount(rows.arm, minlength=len(rows.arms)))
    if len(arms) < 2:
        return Refusal(
            "all effects",
            f"column {spec.action!r} has one arm only, {rows.arms[arms[0]]!r}: there is nothing to compare with",
            "keep a control group, and name it: --control VALUE",
        )
    if p_value is not None and p_value <= MISMATCH:
        counts = ", ".join(f"{name} {count:,}" for name, count in arm_counts(rows).items())
        return Refusal(
            "all effects",
            f"the arms were not drawn as designed (sample-ratio mismatch, p = {p_value:.1e}): {counts}",
            "find out which units were lost or assigned wrongly; or correct --shares / --propensity",
        )
    return None


def _prepare(rows: ExperimentRows, chance: Propensities, spec: ExperimentSpec, found: _Findings) -> _Prepared:
    features = choose_features(rows, chance, spec)
    columns = choose_segment_columns(rows, chance, spec)
    seen = {refusal.what.removeprefix("feature ") for refusal in features.refusals}
    found.refusals += features.refusals
    found.refusals += [r for r in columns.refusals if r.what.removeprefix("segment column ") not in seen]
    found.features = features.names
    design = FeatureEncoder.fit(rows.table, features.names).transform(rows.table)
    segmentation = _segmentation(rows.table, columns.names, spec)
    if segmentation is not None and (spec.segments != "auto" or not features.names):
        design = np.column_stack([design, np.equal.outer(segmentation.code, np.arange(len(segmentation.names)))])
    covariates = FeatureEncoder.fit(rows.table, features.names, linear=True).transform(rows.table)
    return _Prepared(spec, rows, chance, design, covariates, segmentation)


def _segmentation(table: pa.Table, columns: tuple[str, ...], spec: ExperimentSpec) -> Segmentation | None:
    if not columns:
        return None
    return grouped_segments(table, columns) if spec.segments == "auto" else segments_by_columns(table, columns)


def _analyze(data: _Prepared, learner: OutcomeLearner, found: _Findings) -> None:
    for name in data.spec.outcomes:
        part, refusals = _with_outcome(data, name)
        found.refusals += refusals
        if part is None:
            continue
        scored = _scored(part, name, learner, found)
        for arm in range(1, len(part.rows.arms)):
            comparison = Comparison(part.rows, part.chance, scored, arm, name)
            refusal = refusal_of(comparison)
            if refusal is not None:
                found.refusals.append(refusal)
                continue
            answer = compare(comparison, part.segmentation, part.covariates, data.spec.level)
            found.rows += answer.rows
            found.spread += answer.spread
            found.refusals += answer.refusals


def _scored(data: _Prepared, name: str, learner: OutcomeLearner, found: _Findings) -> ArmScores:
    outcome = data.rows.outcomes[name]
    net = outcome - _costs(data, name)[data.rows.arm]
    scored = score_arms(data.rows, data.chance, net, data.design, learner)
    if scored.variance_removed is not None:
        found.variance_removed[name] = scored.variance_removed
    return scored


def _costs(data: _Prepared, name: str) -> Floats:
    """Return the cost of each arm, zeros unless the outcome is money, shape (k,).

    Raises
    ------
    UsageError
        If a cost is given for an arm that the file does not have.
    """
    for arm in data.spec.costs:
        if arm not in data.rows.arms:
            raise UsageError(
                f"--cost names {arm!r}, the file has the arms {', '.join(data.rows.arms)}",
                hint="Write it as the file does: --cost ACTION=MONEY",
                code="usage.cost",
                details={"arm": arm, "arms": list(data.rows.arms)},
            )
    money = is_money(data.rows.table, name)
    return np.array([data.spec.costs.get(arm, 0.0) if money else 0.0 for arm in data.rows.arms])


def _with_outcome(data: _Prepared, name: str) -> tuple[_Prepared | None, list[Refusal]]:
    """Return the rows that have the outcome; none if it never varies or is missing more often in some arms."""
    values = data.rows.outcomes[name]
    known = np.isfinite(values)
    refusals = []
    if not known.all():
        what = f"{int((~known).sum()):,} of {len(known):,} units on {name!r}"
        refusals.append(Refusal(what, "no outcome (not matured, or lost)", "run again when their windows have closed"))
        if arm_difference_p_value(pa.array(known), Design(data.rows.arm)) <= MISMATCH:
            reason = "the outcome is missing more often in some arms than in others, so what is left cannot be compared"
            refusals.append(Refusal(f"effects on {name!r}", reason, "find the missing outcomes, or count them as 0"))
            return None, refusals
    seen = values[known]
    if not len(seen) or seen.min() == seen.max():
        same = "nothing" if not len(seen) else f"{seen[0]:g} in every row"
        refusals.append(
            Refusal(f"effects on {name!r}", f"the outcome is {same}", "name another outcome: --outcome COL")
        )
        return None, refusals
    return (data if known.all() else _subset(data, known)), refusals


def _subset(data: _Prepared, keep: npt.NDArray[np.bool_]) -> _Prepared:
    rows = data.rows.where(keep)
    segmentation = data.segmentation
    return _Prepared(
        spec=data.spec,
        rows=rows,
        chance=data.chance.where(keep, rows.arm, len(rows.arms)),
        design=data.design[keep],
        covariates=data.covariates[keep],
        segmentation=None if segmentation is None else Segmentation(segmentation.code[keep], segmentation.names),
    )
