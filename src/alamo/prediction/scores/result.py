"""What `analyze_scores` returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pyarrow as pa

from alamo.domain.reasons import Refusal
from alamo.domain.result import Result
from alamo.prediction.scores.columns import LeftOut
from alamo.prediction.scores.drift import Drift
from alamo.prediction.scores.figures import NAMES, CurvePoint, Figures
from alamo.prediction.scores.leaks import SuspectedLeak
from alamo.prediction.scores.scoring import RowScores
from alamo.prediction.scores.validation import Validation


@dataclass(frozen=True, slots=True)
class Driver:
    """How much a column moves scores: the mean absolute part it has in the log-odds."""

    column: str
    mean_log_odds: float

    def to_dict(self) -> dict[str, Any]:
        """Return the entry as it stands in ``--json``."""
        return {"column": self.column, "mean_log_odds": self.mean_log_odds}


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class ScoresResult(Result):
    """How well a score predicts, what it rests on, and the score of every row.

    Attributes
    ----------
    validation
        On random folds; None where refused.
    forward
        On forward folds; None without a time column.
    drift
        What time changes; None without a time column.
    suspected_leaks
        Columns that look as if they were known only afterwards; left out unless kept.
    with_suspects, without_suspects
        Pooled figures with the suspected columns among the features, and without; None where there are none.
    left_out
        Columns that are not learnt from, and why.
    learners
        Out-of-fold log-loss of the scorecard, the trees and the mixture, the trees' weight, and the calibration map.
    curve
        Ten equal-count bins of out-of-fold scores.
    drivers
        Columns by how much they move scores.
    scores
        See `scores_table`.
    """

    schema: ClassVar[str] = "alamo.scores/1"
    columns: ClassVar[tuple[str, ...]] = ("fold", *NAMES)

    purpose: str
    target: str
    positive: str | None
    n: int
    n_fitted: int
    base_rate: float | None
    level: float
    validation: Validation | None = None
    forward: Validation | None = None
    drift: Drift | None = None
    suspected_leaks: tuple[SuspectedLeak, ...] = ()
    with_suspects: Figures | None = None
    without_suspects: Figures | None = None
    left_out: tuple[LeftOut, ...] = ()
    learners: Mapping[str, Any] = field(default_factory=dict)
    curve: tuple[CurvePoint, ...] = ()
    drivers: tuple[Driver, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    scores: RowScores | None = None
    out: str | None = None

    def records(self) -> list[dict[str, Any]]:
        """Return one row per fold."""
        return _records(self.validation)

    def beside(self) -> dict[str, Any]:
        """Return pooled figures, suspected leaks, forward folds, drift, calibration, drivers and refusals."""
        return {
            "pooled": _pooled(self.validation),
            "intervals": [] if self.validation is None else list(self.validation.intervals),
            "level": self.level,
            "suspected_leaks": self.suspected_leaks,
            "with_suspects": self.with_suspects,
            "without_suspects": self.without_suspects,
            "forward": None
            if self.forward is None
            else {
                "rows": _records(self.forward),
                "pooled": _pooled(self.forward),
                "intervals": list(self.forward.intervals),
            },
            "drift": self.drift,
            "purpose": self.purpose,
            "target": self.target,
            "positive": self.positive,
            "n": self.n,
            "n_fitted": self.n_fitted,
            "base_rate": self.base_rate,
            "learners": self.learners,
            "calibration_curve": self.curve,
            "drivers": self.drivers,
            "left_out": self.left_out,
            "refusals": self.refusals,
            "out": self.out,
        }

    def scores_table(self) -> pa.Table:
        """Return one row per row of the table, with its score and what each column adds to it.

        Columns ``row`` (from 0), the id, ``score`` (a probability), ``log_odds``, ``fold`` (rows with a known target
        are scored by a model that had not seen them; null: a new row), ``base``, one ``part: COLUMN`` per column and
        ``part: (calibration)``; base and parts add up to the log-odds. Empty where the score was refused.
        """
        return pa.table({"row": pa.array([], pa.int64())}) if self.scores is None else self.scores.table()


def _records(found: Validation | None) -> list[dict[str, Any]]:
    return [] if found is None else [{"fold": fold, **row.to_dict()} for fold, row in found.rows]


def _pooled(found: Validation | None) -> dict[str, Any]:
    return dict.fromkeys(NAMES) if found is None or found.pooled is None else found.pooled.to_dict()
