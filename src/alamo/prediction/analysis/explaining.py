"""Explanations of a fitted uplift: parts of some rows' effects, what columns are worth, and what-if curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.domain.errors import UsageError
from alamo.numerics.folds import hashed_rows
from alamo.prediction.analysis.model import FittedUplift
from alamo.prediction.analysis.prepared import PreparedTrial
from alamo.prediction.analysis.result import Explanation, ImportanceRow
from alamo.prediction.analysis.spec import UpliftSpec
from alamo.prediction.explanation import (
    Contributions,
    Curve,
    Effect,
    Judged,
    LossChange,
    ScoredRows,
    contributions,
    loss_changes,
    what_if,
)

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_BACKGROUND_ROWS = 64
_JUDGED_ROWS = 20_000
"""Held-out rows on which columns are shuffled."""


def explain(ready: PreparedTrial, model: FittedUplift, spec: UpliftSpec, held_out: Floats | None) -> Explanation:
    """Return what `spec` asks to be explained.

    Parameters
    ----------
    ready, model, spec
        The trial, its fitted uplift, and what was asked.
    held_out
        Γ(a) − Γ(none) of the rows held out, shape (n, k); None without a hold-out.

    Notes
    -----
    Of an action whose effect was refused there is nothing to explain: it has no part, no importance and no curve.
    """
    known = _Known(model, tuple(j for j, stack in enumerate(model.stacks) if not stack.refused))
    importance: tuple[ImportanceRow, ...] = ()
    table = None
    if spec.explain:
        rows = ready.held_out if held_out is not None else ready.train
        rows = rows[hashed_rows(len(rows), spec.explain, f"explain/{spec.seed}")]
        parts = _contributions(ready, known, rows, spec.seed)
        table = parts.table(_beside(ready, rows, spec))
        importance = _importance(parts, _changes(ready, known, held_out, spec))
    curves: list[Curve] = []
    if spec.what_if and known.places:
        refits = [ready.fit(spec.learners, without_fold=fold) for fold in np.unique(ready.folds).tolist()]
        judged = _judged_rows(ready, known, held_out, most=len(ready.trial))
        asked = Judged(known.effects, tuple(known.of(refit) for refit in refits), judged, known.actions, spec.level)
        curves = [curve for column in spec.what_if for curve in what_if(asked, column)]
    return Explanation(importance, table, tuple(curves))


@dataclass(frozen=True, slots=True)
class _Known:
    """A model seen through the actions whose effect was not refused, at `places` among all."""

    model: FittedUplift
    places: tuple[int, ...]

    @property
    def actions(self) -> tuple[str, ...]:
        return tuple(self.model.actions[j] for j in self.places)

    def effects(self, table: pa.Table) -> Floats:
        return self.model.effects(table)[:, self.places]

    def of(self, refit: FittedUplift) -> Effect:
        """Return the effects of a refit, NaN where it has none."""
        unknown = np.array([np.nan if refit.stacks[j].refused else 0.0 for j in self.places])
        return lambda table: refit.effects(table)[:, self.places] + unknown


def require_explainable(columns: Sequence[str], spec: UpliftSpec) -> None:
    """Check that what is to be explained is there, before anything is fitted.

    Parameters
    ----------
    columns
        Those that the model will look at.
    spec
        What is asked.

    Raises
    ------
    UsageError
        If a column asked for is not among `columns`, or parts are asked for and there is no column.
    """
    if spec.explain and not columns:
        raise UsageError(
            "there is no column whose part could be explained: the model looks at none",
            hint="Name columns known before the arm was drawn with --features, or leave --explain out.",
            code="uplift.nothing_to_explain",
        )
    for column in spec.what_if:
        if column not in columns:
            raise UsageError(
                f"the model does not look at column {column!r}",
                hint=f"Ask for one of: {', '.join(columns) or 'none'}; or name it with --features.",
                code="uplift.not_a_feature",
                details={"column": column, "features": list(columns)},
            )


def _judged_rows(ready: PreparedTrial, known: _Known, held_out: Floats | None, *, most: int) -> ScoredRows:
    """Return at most `most` rows to judge by: held out where there are any, else those learnt from."""
    rows, score = (ready.train, ready.scored.contrasts) if held_out is None else (ready.held_out, held_out)
    some = hashed_rows(len(rows), most, "judge")
    score = score[some][:, known.places]
    return ScoredRows(_table(ready, known.model, rows[some]), score, ready.trial.group[rows[some]])


def _contributions(ready: PreparedTrial, known: _Known, rows: Integers, seed: int) -> Contributions:
    background = ready.train[hashed_rows(len(ready.train), _BACKGROUND_ROWS, f"background/{seed}")]
    tables = _table(ready, known.model, rows), _table(ready, known.model, background)
    return contributions(known.effects, *tables, known.actions, np.random.default_rng(seed))


def _changes(ready: PreparedTrial, known: _Known, held_out: Floats | None, spec: UpliftSpec) -> tuple[LossChange, ...]:
    if held_out is None or not known.places:
        return ()
    judged = _judged_rows(ready, known, held_out, most=_JUDGED_ROWS)
    return loss_changes(known.effects, judged, known.actions, np.random.default_rng(spec.seed), level=spec.level)


def _importance(parts: Contributions, changes: tuple[LossChange, ...]) -> tuple[ImportanceRow, ...]:
    by_name = {(change.action, change.column): change for change in changes}
    size = parts.mean_absolute()
    found = []
    for j, action in enumerate(parts.actions):
        for i in np.argsort(-size[:, j], kind="stable").tolist():
            change = by_name.get((action, parts.columns[i]))
            ends = (None, None, None) if change is None else (change.mean, change.lower, change.upper)
            found.append(ImportanceRow(action, parts.columns[i], float(size[i, j]), *ends))
    return tuple(found)


def _table(ready: PreparedTrial, model: FittedUplift, rows: Integers) -> pa.Table:
    return ready.trial.table.select(model.columns).take(pa.array(rows))


def _beside(ready: PreparedTrial, rows: Integers, spec: UpliftSpec) -> dict[str, object]:
    named: dict[str, object] = {"row": ready.trial.row[rows]}
    if spec.unit:
        named[spec.unit] = ready.trial.table.column(spec.unit).take(pa.array(rows))
    return named
