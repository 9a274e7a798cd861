"""An experiment file, no project: the effect of each action on each outcome against control."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.domain.ports import OutcomeLearner
from alamo.inference.experiment_comparison import (
    Answer,
    Comparison,
    compare,
    contrast_effect,
    effect_row,
    levelled_effect,
    refusal_of,
)
from alamo.inference.experiment_design import Propensities, arm_counts, blocking_refusal, propensities
from alamo.inference.experiment_features import choose_features, choose_segment_columns, shares_refusals
from alamo.inference.experiment_findings import Findings
from alamo.inference.experiment_found import asks_for_found, compare_found
from alamo.inference.experiment_guardrails import guardrail_row
from alamo.inference.experiment_outcome import Prepared, arm_costs, outcome_sums, scored_outcome, with_outcome
from alamo.inference.experiment_over_time import effects_over_time
from alamo.inference.experiment_placebo import placebo_splits
from alamo.inference.experiment_power import Pace
from alamo.inference.experiment_ratio import linearised_on, no_segments, ratio_refusal
from alamo.inference.experiment_ratio_check import DrawCheck, check_draws
from alamo.inference.experiment_result import EffectRow, ExperimentResult
from alamo.inference.experiment_segments import Segmentation, grouped_segments, segments_by_columns
from alamo.inference.experiment_spec import ExperimentSpec
from alamo.inference.experiment_sums import compare_sums, has_sums
from alamo.inference.experiment_sums_largest import largest_in_sums
from alamo.inference.experiment_table import ExperimentRows, read_experiment
from alamo.inference.experiment_tails import (
    Caps,
    find_largest,
    largest_row,
    winsorised,
    winsorised_row,
)
from alamo.inference.experiment_time import units_per_day
from alamo.numerics.encoding import FeatureEncoder

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
    means, which anybody can check by hand. The choice looks at variances only, never at effects. Without features, and
    with one chance of each arm for all rows, nothing but the sums of arms and segments is looked at
    (`alamo.inference.experiment_sums`).
    """
    by_effect = asks_for_found(spec.segments, table.column_names)
    spec = replace(spec, segments="none") if by_effect else spec
    rows, left_out = read_experiment(table, spec)
    arm_costs(spec, rows.arms, money=True)  # an arm that is none is said before the work, not after
    chance = propensities(rows, spec)
    check = check_draws(rows, chance, spec) if len(rows) else DrawCheck(None)
    units = len(np.unique(rows.unit))
    pace = Pace(units, units_per_day(rows.time if rows.dated else None, units))
    found = Findings(list(left_out), pace, by_effect=by_effect)
    blocked = blocking_refusal(arm_counts(rows), spec.action, check.p_value, check.since)
    if blocked is not None:
        found.refusals.append(blocked)
    else:
        _analyze(_prepare(rows, chance, spec, found), learner, found)
        if spec.aa:
            found.placebo, refused = placebo_splits(
                table, spec, arm_counts(rows), lambda part, asked: analyze_experiment(part, asked, learner)
            )
            found.refusals += refused
    return found.result(spec, arm_counts(rows), check)


def _prepare(rows: ExperimentRows, chance: Propensities, spec: ExperimentSpec, found: Findings) -> Prepared:
    features = choose_features(rows, chance, spec)
    columns = choose_segment_columns(rows, chance, spec)
    seen = {refusal.what.removeprefix("feature ") for refusal in features.refusals}
    found.refusals += (*shares_refusals(rows, chance, spec), *features.refusals)
    found.refusals += [r for r in columns.refusals if r.what.removeprefix("segment column ") not in seen]
    found.features = features.names
    design = FeatureEncoder.fit(rows.table, features.names).transform(rows.table)
    segmentation = _segmentation(rows.table, columns.names, spec)
    effects = replace(spec, guardrails={}, aa=0, over_time=None, winsorise=None)  # none of these may move an effect
    by_sums = has_sums(effects) and not features.names and rows.groups is None
    some_by_rows = not by_sums or bool(spec.guardrails or rows.ratios or spec.over_time)
    if segmentation is not None and some_by_rows and (spec.segments != "auto" or not features.names):
        design = np.column_stack([design, np.equal.outer(segmentation.code, np.arange(len(segmentation.names)))])
    covariates = FeatureEncoder.fit(rows.table, features.names, linear=True).transform(rows.table)
    return Prepared(spec, rows, chance, design, covariates, segmentation, by_sums)


def _segmentation(table: pa.Table, columns: tuple[str, ...], spec: ExperimentSpec) -> Segmentation | None:
    if not columns:
        return None
    return grouped_segments(table, columns) if spec.segments == "auto" else segments_by_columns(table, columns)


def _analyze(data: Prepared, learner: OutcomeLearner, found: Findings) -> None:
    for name in data.spec.measured:
        part, refusals = with_outcome(data, name)
        found.refusals += refusals
        if part is None:
            continue
        only_rows = name in part.rows.ratios or name in part.spec.guardrails or found.by_effect
        answers = _from_sums if part.by_sums and not only_rows else _from_rows
        for answer in answers(part, name, learner, found):
            found.add(answer, data.spec)


def _from_sums(data: Prepared, name: str, learner: OutcomeLearner, found: Findings) -> Iterator[Answer]:
    capped, caps, refusals = winsorised(data, name)
    found.refusals += refusals
    spec, sums = data.spec, outcome_sums(data, name)
    plain = compare_sums(sums, spec.level, spec.planned)
    summed = plain if caps is None else compare_sums(outcome_sums(capped, name), spec.level, spec.planned)
    if summed.variance_removed is not None:
        found.variance_removed[name] = summed.variance_removed
    found.largest += largest_in_sums(sums, plain, spec.level)
    scored = None if spec.over_time is None else scored_outcome(capped, name, learner)
    below = float(sums.grid.cells.least.min()) < 0.0  # of which sums do not tell the largest
    means = scored_outcome(replace(data, design=data.design[:, :0]), name, learner) if below else None
    for arm, (answer, uncapped) in enumerate(zip(summed.answers, plain.answers, strict=True), start=1):
        if answer.pooled is not None and means is not None:
            _judge_largest(Comparison(data.rows, data.chance, means, arm, name), spec, found)
        if answer.pooled is not None and caps is not None:
            found.winsorised.append(winsorised_row(answer.rows[0], uncapped.rows[0], caps))
        if answer.pooled is not None and scored is not None:
            _add_periods(Comparison(capped.rows, data.chance, scored, arm, name), spec, found)
        yield answer


def _from_rows(data: Prepared, name: str, learner: OutcomeLearner, found: Findings) -> Iterator[Answer]:
    capped, caps, refusals = winsorised(data, name)
    found.refusals += refusals
    scored = scored_outcome(capped, name, learner)
    raw = scored if caps is None else scored_outcome(data, name, learner)
    if scored.variance_removed is not None:
        found.variance_removed[name] = scored.variance_removed
    for arm in range(1, len(data.rows.arms)):
        comparison = Comparison(capped.rows, data.chance, scored, arm, name)
        refusal = ratio_refusal(comparison) or refusal_of(comparison)
        if refusal is not None:
            yield Answer((), (), (refusal,))
        elif name in data.spec.guardrails:
            guarded, withheld = guardrail_row(comparison, data.spec.guardrails[name], data.spec)
            found.guardrails.append(guarded)
            found.refusals += withheld
        else:
            answer = _compared(data, comparison, found)
            uncapped = comparison if caps is None else Comparison(data.rows, data.chance, raw, arm, name)
            _judge_tails(answer.rows[0], uncapped, caps, data.spec, found)
            _add_periods(comparison, data.spec, found)
            yield answer


def _add_periods(comparison: Comparison, spec: ExperimentSpec, found: Findings) -> None:
    """Add the effect by period and its trend, where they are asked for."""
    if spec.over_time is None:
        return
    periods, trend, missing = effects_over_time(comparison, spec.over_time, spec.level)
    found.periods += periods
    found.trends += [] if trend is None else [trend]
    found.refusals += missing


def _compared(data: Prepared, comparison: Comparison, found: Findings) -> Answer:
    segmentation = data.segmentation
    if segmentation is not None and comparison.outcome in data.rows.ratios:
        segmentation = None
        found.refusals.append(no_segments(comparison))
    if found.by_effect and comparison.outcome not in data.rows.ratios:
        return compare_found(comparison, found.features, data.covariates, data.spec)
    return compare(comparison, segmentation, data.covariates, data.spec)


def _judge_tails(
    row: EffectRow, uncapped: Comparison, caps: Caps | None, spec: ExperimentSpec, found: Findings
) -> None:
    """Add how much the largest unit matters, and what capping did."""
    _judge_largest(uncapped, spec, found)
    if caps is not None:
        plain = effect_row(uncapped, contrast_effect(uncapped, spec))
        found.winsorised.append(winsorised_row(row, plain, caps))


def _judge_largest(comparison: Comparison, spec: ExperimentSpec, found: Findings) -> None:
    largest = find_largest(comparison.rows, comparison.outcome, comparison.arm)
    if largest is not None:
        unit, rest = largest
        without = levelled_effect(linearised_on(comparison, rest), rest, spec.level)
        if not np.isfinite(without.se):  # it was one of two clusters of its arm
            return
        found.largest.append(largest_row((comparison.action, comparison.outcome), unit, without))
