"""`alamo analyze churn|readiness`: a calibrated score from any table of two outcomes, judged on rows it never saw."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.domain.reasons import Refusal
from alamo.numerics.encoding import texts
from alamo.numerics.text_dates import order_values
from alamo.prediction.learners.classifier import STAGES
from alamo.prediction.named_columns import require_columns
from alamo.prediction.scores.columns import Chosen, choose_columns
from alamo.prediction.scores.drift import Drift, find_drift
from alamo.prediction.scores.figures import Figures, calibration_curve
from alamo.prediction.scores.folds import forward_blocks, row_groups, stratified_folds
from alamo.prediction.scores.leaks import SuspectedLeak, look_for_leaks
from alamo.prediction.scores.model import ScoreModel, fit_score_model
from alamo.prediction.scores.result import Driver, ScoresResult
from alamo.prediction.scores.scoring import RowScores
from alamo.prediction.scores.spec import ScoreSpec
from alamo.prediction.scores.target import Target, read_target
from alamo.prediction.scores.validation import Learning, Validation, judge, judge_forward

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

MOST_ROWS = 300_000
"""Rows learnt from and judged on; beyond them a random sample is drawn, and every row is scored."""
_EXPLAINED_ROWS = 500


@dataclass(frozen=True, slots=True)
class _Prepared:
    """Rows to learn from.

    Attributes
    ----------
    at
        Their places in the table.
    learning
        Every usable column, suspected ones too.
    leaks, hidden
        Suspected columns, and the names among them that are not learnt from.
    questions
        Columns that are doubted, for a person to answer.
    """

    at: Integers
    learning: Learning
    chosen: Chosen
    leaks: tuple[SuspectedLeak, ...]
    hidden: frozenset[str]
    repeats: int
    questions: tuple[Refusal, ...] = ()


def analyze_scores(table: pa.Table, spec: ScoreSpec) -> ScoresResult:
    """Learn a calibrated score and judge it.

    Parameters
    ----------
    table
        One row per customer, lead or contact, with what was known *before* the outcome.
    spec
        Target, and which columns to use.

    Raises
    ------
    UsageError
        If a column does not exist, or the target does not hold two values.
    """
    require_columns(table, (spec.target, spec.id, spec.time, *spec.drop, *spec.keep))
    target = read_target(table, spec)
    if target.refusal is not None:
        known = target.values[np.isfinite(target.values)]
        rate = float(known.mean()) if len(known) else None
        return ScoresResult(
            spec.purpose,
            spec.target,
            target.positive or None,
            table.num_rows,
            0,
            rate,
            spec.level,
            refusals=(target.refusal,),
        )
    ready = _prepare(table, spec, target)
    learning = ready.learning.without(ready.hidden)
    if not learning.readers:
        return _nothing_to_learn_from(table, spec, target, ready)
    folds = stratified_folds(learning.target, learning.group, spec.folds, _rng(spec, "folds"))
    model = fit_score_model(learning.readers, learning.values, learning.target, folds, _rng(spec, "model"))
    found = judge(model.held_out, learning.target, folds, spec.level, _rng(spec, "intervals"))
    forward, drift, notes = _in_time(table, spec, ready, learning, found)
    both = _both_ways(spec, ready, folds, found.pooled)
    return ScoresResult(
        purpose=spec.purpose,
        target=spec.target,
        positive=target.positive,
        n=table.num_rows,
        n_fitted=len(ready.at),
        base_rate=float(np.nanmean(target.values)),
        level=spec.level,
        validation=found,
        forward=forward,
        drift=drift,
        suspected_leaks=ready.leaks,
        with_suspects=both[0],
        without_suspects=both[1],
        left_out=ready.chosen.left_out,
        learners=_learners(model),
        curve=calibration_curve(model.held_out, learning.target, spec.level),
        drivers=_drivers(model, learning, folds),
        refusals=(*_notes(table, ready, target), *notes),
        scores=_row_scores(model, table, spec, ready, folds),
    )


def _nothing_to_learn_from(table: pa.Table, spec: ScoreSpec, target: Target, ready: _Prepared) -> ScoresResult:
    cure = f"give columns known beforehand, or keep one: --keep {min(ready.hidden)}" if ready.hidden else ""
    refusal = Refusal(
        f"{spec.purpose} score", "no column is left to learn from", cure or "give columns known beforehand"
    )
    rate = float(np.nanmean(target.values))
    return ScoresResult(
        spec.purpose,
        spec.target,
        target.positive,
        table.num_rows,
        0,
        rate,
        spec.level,
        suspected_leaks=ready.leaks,
        left_out=ready.chosen.left_out,
        refusals=(refusal,),
    )


def _rng(spec: ScoreSpec, use: str) -> np.random.Generator:
    """Return a generator of its own for each use, so that one part's draws do not move another's."""
    return np.random.default_rng([spec.seed, *use.encode()])


def _prepare(table: pa.Table, spec: ScoreSpec, target: Target) -> _Prepared:
    at = np.flatnonzero(np.isfinite(target.values))
    if len(at) > MOST_ROWS:
        at = np.sort(_rng(spec, "sample").choice(at, MOST_ROWS, replace=False))
    part = table if len(at) == table.num_rows else table.take(pa.array(at))
    chosen = choose_columns(part, [name for name in table.column_names if name not in spec.reserved])
    values, outcome = chosen.read(part), target.values[at]
    group, repeats = row_groups(values, outcome)
    if spec.id:
        group = _by_id(part, spec.id, group)
    found, doubts = look_for_leaks(chosen.readers, values, outcome, _rng(spec, "leaks"))
    leaks = _marked(found, chosen, spec)
    hidden = frozenset(leak.column for leak in leaks if not leak.kept)
    asked = tuple(_question(doubt) for doubt in doubts if doubt.column not in spec.keep)
    return _Prepared(at, Learning(chosen.readers, values, outcome, group), chosen, leaks, hidden, repeats, asked)


def _question(doubt: SuspectedLeak) -> Refusal:
    named = shlex.quote(doubt.column)
    return Refusal(
        what=f"whether {doubt.column!r} was known beforehand",
        reason=f"it says about as much as all other columns together, and {doubt.why}; a longer file would tell",
        cure=f"if it comes after the outcome: --drop {named}; if not: --keep {named}",
    )


def _by_id(part: pa.Table, name: str, group: Integers) -> Integers:
    """Return groups by id where ids repeat (several rows of one customer stay together), else `group`."""
    _, codes = np.unique(np.asarray(texts(part.column(name)), dtype=object).astype(str), return_inverse=True)
    return group if codes.max(initial=0) + 1 == len(codes) else codes.astype(np.int64)


def _marked(found: Sequence[SuspectedLeak], chosen: Chosen, spec: ScoreSpec) -> tuple[SuspectedLeak, ...]:
    names = [SuspectedLeak(item.name, item.why, "identifier") for item in chosen.left_out if item.identifier]
    kept = [SuspectedLeak(leak.column, leak.why, leak.kind, leak.auc_alone, leak.column in spec.keep) for leak in found]
    return (*kept, *names)


def _both_ways(
    spec: ScoreSpec, ready: _Prepared, folds: Integers, pooled: Figures | None
) -> tuple[Figures | None, Figures | None]:
    """Return the pooled figures with and without suspected columns, one of which is known already."""
    named = frozenset(leak.column for leak in ready.leaks if leak.kind != "identifier")
    if not named:
        return None, None

    def pooled_without(hidden: frozenset[str]) -> Figures | None:
        if hidden == ready.hidden & named:
            return pooled
        rows = ready.learning.without(hidden)
        model = fit_score_model(rows.readers, rows.values, rows.target, folds, _rng(spec, "model"))
        return judge(model.held_out, rows.target, folds, spec.level, _rng(spec, "intervals")).pooled

    return pooled_without(frozenset()), pooled_without(named)


def _in_time(
    table: pa.Table, spec: ScoreSpec, ready: _Prepared, learning: Learning, random: Validation
) -> tuple[Validation | None, Drift | None, tuple[Refusal, ...]]:
    if spec.time is None:
        return None, None, ()
    order = order_values(table.column(spec.time))
    what = "forward folds"
    if order is None:
        reason = f"column {spec.time!r} holds neither numbers nor dates in one form"
        return None, None, (Refusal(what, reason, "write it as 2011-07-22, or as a number: --time"),)
    blocks = forward_blocks(order[ready.at], spec.folds)
    if not blocks:
        return None, None, (Refusal(what, f"{spec.time!r} is the same in every row", "name a column that varies"),)
    forward = judge_forward(learning, blocks, spec.level, _rng(spec, "forward"))
    drift = find_drift(
        learning.readers,
        learning.values,
        learning.target,
        blocks[-1],
        (random.pooled or Figures(None, 0.0, None, 0.0), forward.pooled, forward.pooled_auc),
    )
    if forward.pooled is None:
        reason = "no block has 20 rows of each outcome before it"
        return forward, drift, (Refusal(what, reason, "give a longer history, or fewer blocks: --folds 2"),)
    return forward, drift, ()


def _learners(model: ScoreModel) -> dict[str, object]:
    final = model.choice.final
    return {
        "log_loss": model.choice.losses,
        "trees_weight": final.trees_weight,
        "trees": STAGES[final.stage] if final.trees_weight else 0,
        "calibration": model.calibration.kind,
    }


def _drivers(model: ScoreModel, learning: Learning, folds: Integers) -> tuple[Driver, ...]:
    rows = np.arange(0, len(folds), max(1, len(folds) // _EXPLAINED_ROWS))
    parts = model.explain([column[rows] for column in learning.values], folds[rows]).parts
    size = np.abs(parts).mean(axis=0)
    found = [Driver(reader.name, float(mean)) for reader, mean in zip(model.readers, size, strict=True)]
    return tuple(sorted(found, key=lambda driver: -driver.mean_log_odds))


def _notes(table: pa.Table, ready: _Prepared, target: Target) -> tuple[Refusal, ...]:
    found = []
    unknown = int(np.isnan(target.values).sum())
    if unknown:
        found.append(Refusal(f"{unknown:,} rows", "without a target: scored, not learnt from", "none needed"))
    if len(ready.at) < table.num_rows - unknown:
        reason = f"learnt from and judged on {len(ready.at):,} rows drawn at random; every row is scored"
        found.append(Refusal("the other rows", reason, "none needed"))
    if ready.repeats > 0.01 * len(ready.at):
        reason = f"{ready.repeats:,} rows repeat another one to the last value; copies share a fold"
        found.append(Refusal("equal rows", reason, "check whether the file was joined twice"))
    return (*ready.questions, *found)


def _row_scores(model: ScoreModel, table: pa.Table, spec: ScoreSpec, ready: _Prepared, folds: Integers) -> RowScores:
    fold = np.full(table.num_rows, -1, dtype=np.int64)
    fold[ready.at] = folds
    return RowScores(model, table, spec.id, fold, model.held_out)
