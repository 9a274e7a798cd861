"""Segments of an experiment found from differences in effect, and their effects estimated on other units.

Half of the units find: cuts of the features come next where the doubly robust scores of an action differ most, and how
many is chosen by units of that half that were not grown on. The other half estimates. So an effect that looks large
because it was looked for does not look so again. Where the cuts predict scores no better than chance, there are none.

Source: Athey & Imbens (2016), "Recursive partitioning for heterogeneous causal effects", PNAS 113(27) (honest
estimation); scores as outcomes of the tree: Zhou, Athey & Wager (2023), Operations Research 71(1), §3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.domain.reasons import Refusal
from alamo.inference.estimate import Estimate
from alamo.inference.experiment_comparison import Answer, Comparison, compare, segment_scores, with_segments
from alamo.inference.experiment_segments import Segmentation
from alamo.inference.experiment_spec import ExperimentSpec
from alamo.inference.off_policy.tree_model import plain_columns
from alamo.inference.off_policy.tree_words import TreeColumns
from alamo.inference.segment_effects import (
    SegmentEffect,
    SegmentSums,
    SegmentTable,
    segment_effects,
    usable_segments,
)
from alamo.numerics.encoding import FeatureEncoder
from alamo.numerics.fay_herriot import LEAST_SEGMENTS
from alamo.numerics.hashing import buckets, unit_keys
from alamo.numerics.normal import z_value
from alamo.numerics.partition_choice import Fold, Rows, choose_size
from alamo.numerics.partition_growth import Growth, grow_partition
from alamo.numerics.partition_tree import PartitionTree

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

FOUND = "found"
"""What ``segments`` says for these; a column of that name is meant instead where there is one."""
LEAST = 100
"""Finding rows a segment needs; about as many estimate."""
MOST = 50

_CUTS = 15
_FOLDS = 5
_ELSEWHERE = "units that found the segments"


def compare_found(
    comparison: Comparison, features: tuple[str, ...], covariates: Floats, spec: ExperimentSpec
) -> Answer:
    """Return the pooled effect and those of the segments found, the latter from units that did not find them.

    Assumes
    -------
    `features` were known before the arm was drawn (they are those of the outcome model).

    Not supported: ratios, whose scores have no segments.
    """
    answer = compare(comparison, None, covariates, spec)
    found = _found(comparison, features)
    if found is None:
        what = f"segments by effect of {comparison.action!r} on {comparison.outcome!r}"
        reason = "no cut of the features predicts the effect on units it was not found on"
        refusal = Refusal(what, reason, "needs more units, or features that matter; the pooled effect stands for all")
        return replace(answer, refusals=(*answer.refusals, refusal))
    scores = segment_scores(comparison, found, covariates)
    kept = scores.segment < len(found.names) - 1
    estimating = replace(
        scores,
        score=scores.score[kept],
        variance=scores.variance[kept],
        segment=scores.segment[kept],
        names=found.names[:-1],
        in_action=scores.in_action[kept],
        in_control=scores.in_control[kept],
        covariates=scores.covariates[kept],
    )
    row = answer.rows[0]
    pooled = Estimate(row.mean, row.se, row.lower, row.upper, row.n)
    return with_segments(answer, _effects(estimating.sums(), pooled, spec.level))


def _effects(data: SegmentSums, pooled: Estimate, level: float) -> SegmentTable:
    """Return shrunk effects; of too few segments to shrink, each one's own mean, which nobody picked on these units."""
    places = usable_segments(data)
    if len(places) >= LEAST_SEGMENTS:
        return segment_effects(data, pooled, level)
    effects = []
    for g in places.tolist():
        mean, se = data.score[g] / data.size[g], float(np.sqrt(data.variance[g])) / data.size[g]
        half, n = z_value(level) * se, (int(data.n_action[g]), int(data.n_control[g]))
        estimate = Estimate(float(mean), float(se), float(mean - half), float(mean + half), sum(n))
        effects.append(SegmentEffect(data.names[g], estimate, *n, method="mean on units that did not find it"))
    seen = np.flatnonzero(data.n_action + data.n_control > 0)
    return SegmentTable(tuple(effects), tuple(data.names[g] for g in np.setdiff1d(seen, places)), None, None)


def asks_for_found(segments: object, columns: Sequence[str]) -> bool:
    """Say whether the segments asked for are those to be found, and not a column of that name."""
    return segments == (FOUND,) and FOUND not in columns


def _found(comparison: Comparison, features: tuple[str, ...]) -> Segmentation | None:
    """Return the segments of the estimating rows; the finding ones share the last code. None where none are found."""
    table = comparison.rows.table
    if not features:
        return None
    matrix, names = _columns(table, features)
    group = comparison.rows.unit if comparison.rows.groups is None else comparison.rows.groups
    keys = unit_keys(str(code) for code in group.tolist())
    half, fold = buckets(keys, "found/half", 2), buckets(keys, "found/fold", _FOLDS)
    finding = half == 0
    columns = TreeColumns.fit(matrix[finding], names, most=_CUTS)
    bins = columns.bins(matrix)
    gamma = comparison.scored.fine_gamma
    score = gamma[:, [comparison.arm]] - gamma[:, [0]]
    score = score / (float(score[finding].std()) or 1.0)
    rows = Rows(bins, score, group)
    tree = _grown(rows, finding, fold)
    if tree is None:
        return None
    place = np.full(len(tree.column), -1, dtype=np.int64)
    place[list(tree.leaves)] = np.arange(len(tree.leaves))
    code = np.where(finding, len(tree.leaves), place[tree.leaf_of(bins)])
    return Segmentation(code, (*columns.words(tree), _ELSEWHERE))


def _grown(rows: Rows, finding: npt.NDArray[np.bool_], fold: Integers) -> PartitionTree | None:
    share = (_FOLDS - 1) / _FOLDS
    folds = []
    for k in range(_FOLDS):
        learn, judge = (_part(rows, finding & mask) for mask in (fold != k, fold == k))
        if not len(judge.bins) or len(learn.bins) < 2 * LEAST:
            return None
        folds.append(Fold(grow_partition(learn.bins, learn.outcomes, Growth(LEAST * share, MOST)), learn, judge))
    choice = choose_size(folds)
    if not choice.found:
        return None
    whole = _part(rows, finding)
    path = grow_partition(whole.bins, whole.outcomes, Growth(LEAST, MOST))
    return path.first(max(choice.best_cuts, 1)) if path.order else None


def _columns(table: pa.Table, features: tuple[str, ...]) -> tuple[Floats, tuple[str, ...]]:
    encoder = FeatureEncoder.fit(table, features)
    return plain_columns(encoder, encoder.transform(table))


def _part(rows: Rows, mask: npt.NDArray[np.bool_]) -> Rows:
    return Rows(rows.bins[mask], rows.outcomes[mask], rows.unit[mask])
