"""Explanations of a fitted uplift: parts of some rows' effects, what columns are worth, and what-if curves."""

from __future__ import annotations

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

    Raises
    ------
    UsageError
        If a column asked for is not one that the model looks at.
    """
    _require(model, spec)
    judged = _judged_rows(ready, model, held_out, spec)
    importance: tuple[ImportanceRow, ...] = ()
    table = None
    if spec.explain and model.columns:
        rows = ready.held_out if held_out is not None else ready.train
        rows = rows[hashed_rows(len(rows), spec.explain, f"explain/{spec.seed}")]
        parts = _contributions(ready, model, rows, spec.seed)
        table = parts.table(_beside(ready, rows, spec))
        importance = _importance(parts, _changes(model, judged, spec) if held_out is not None else ())
    curves = []
    if spec.what_if:
        refits = tuple(ready.fit(spec.learners, without_fold=fold).effects for fold in np.unique(ready.folds).tolist())
        asked = Judged(model.effects, refits, judged, model.actions, spec.level)
        curves = [curve for column in spec.what_if for curve in what_if(asked, column)]
    return Explanation(importance, table, tuple(curves))


def _require(model: FittedUplift, spec: UpliftSpec) -> None:
    for column in spec.what_if:
        if column not in model.columns:
            raise UsageError(
                f"the model does not look at column {column!r}",
                hint=f"Ask for one of: {', '.join(model.columns) or 'none'}; or name it with --features.",
                code="uplift.not_a_feature",
                details={"column": column, "features": list(model.columns)},
            )


def _judged_rows(ready: PreparedTrial, model: FittedUplift, held_out: Floats | None, spec: UpliftSpec) -> ScoredRows:
    """Return rows to judge by: held out where there are any, else those learnt from."""
    rows, score = (ready.train, ready.scored.contrasts) if held_out is None else (ready.held_out, held_out)
    some = hashed_rows(len(rows), _JUDGED_ROWS, f"judge/{spec.seed}")
    return ScoredRows(_table(ready, model, rows[some]), score[some], ready.trial.group[rows[some]])


def _contributions(ready: PreparedTrial, model: FittedUplift, rows: Integers, seed: int) -> Contributions:
    background = ready.train[hashed_rows(len(ready.train), _BACKGROUND_ROWS, f"background/{seed}")]
    tables = _table(ready, model, rows), _table(ready, model, background)
    return contributions(model.effects, *tables, model.actions, np.random.default_rng(seed))


def _changes(model: FittedUplift, judged: ScoredRows, spec: UpliftSpec) -> tuple[LossChange, ...]:
    return loss_changes(model.effects, judged, model.actions, np.random.default_rng(spec.seed), level=spec.level)


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
