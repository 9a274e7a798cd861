"""What an uplift analysis answers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import pyarrow as pa

from alamo.domain.errors import UsageError
from alamo.domain.reasons import Refusal
from alamo.domain.result import Result
from alamo.prediction.analysis.model import FittedUplift
from alamo.prediction.explanation import Curve
from alamo.prediction.level import EffectLevel
from alamo.prediction.stack import EffectStack


@dataclass(frozen=True, slots=True)
class Gain:
    """A paired difference per unit and its interval."""

    mean: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class HoldoutRow:
    """How a policy does on units it was not fitted on; values per unit against no action, net of cost.

    Attributes
    ----------
    action
        The policy chooses between this action and none; `None`: between all actions and none.
    qini
        Mean of score · (½ − rank share) over rows, ranked by predicted effect; 0 for a ranking without use.
    auuc
        Area under the curve of the effect gained against the share treated.
    value_of_policy, lower, upper
        Value of the policy and its interval.
    value_of_best_single_action
        Value of the best single action for everybody, or none, chosen on the training part.
    gain
        The policy less that.
    calibration_slope
        Slope of the doubly robust score on the predicted effect; 1 is calibrated. `None` where predictions are
        constant.
    """

    action: str | None
    qini: float | None
    auuc: float | None
    value_of_policy: float
    lower: float
    upper: float
    value_of_best_single_action: float
    gain: Gain
    calibration_slope: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return the row as it stands in ``--json``."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class LearnerRow:
    """Weight and cross-validated doubly robust loss of a learner for an action."""

    action: str
    learner: str
    weight: float
    dr_loss: float | None


@dataclass(frozen=True, slots=True)
class FigureRow:
    """A figure of the hold-out with its intervals.

    Attributes
    ----------
    action
        The policy chooses between this action and none; None: between all actions and none.
    figure
        ``value of policy``, ``value of best single action``, ``gain``, ``qini``, ``auuc`` or ``calibration slope``.
    mean, se, lower, upper
        Point, standard error over independent groups, and fixed-n interval.
    anytime_lower, anytime_upper
        Interval that may be looked at after every row; None for figures that are no mean of scores, and while an arm
        has shown too few outcomes.
    """

    action: str | None
    figure: str
    mean: float
    se: float
    lower: float
    upper: float
    anytime_lower: float | None = None
    anytime_upper: float | None = None


@dataclass(frozen=True, slots=True)
class OverlapRow:
    """How many held-out rows drew what a policy would have chosen.

    Attributes
    ----------
    action
        As in `FigureRow`.
    ess
        Effective rows (Σw)²/Σw², with w = 1/p where the row drew what the policy chooses, else 0.
    largest_weight
        Largest w.
    chosen_share
        Share of rows for which the policy chooses an action at all.
    """

    action: str | None
    ess: float
    largest_weight: float
    chosen_share: float


@dataclass(frozen=True, slots=True)
class KeptRow:
    """What of a fitted effect is borne out by units it has not seen, and therefore kept.

    Attributes
    ----------
    common, contrast
        Share kept of what is common to all, and of the differences between customers; None where there is no such part.
    common_slope, common_se, contrast_slope, contrast_se
        What was measured: slope of the scores on each part, 1 where it is right, and its standard error.
    """

    action: str
    common: float | None
    contrast: float | None
    common_slope: float | None
    common_se: float | None
    contrast_slope: float | None
    contrast_se: float | None

    @classmethod
    def of(cls, action: str, stack: EffectStack) -> KeptRow:
        """Return what is kept of the fitted effect of `action`."""
        parts = stack.parts
        common = _measured(parts.common_kept, parts.common)
        contrast = _measured(parts.contrast_kept, parts.contrast)
        return cls(action, common[0], contrast[0], *common[1:], *contrast[1:])


def _measured(kept: float, level: EffectLevel) -> tuple[float | None, float | None, float | None]:
    return (kept, level.slope, level.slope_se) if level.slope_se > 0.0 else (None, None, None)


@dataclass(frozen=True, slots=True)
class ImportanceRow:
    """What a column is worth to the predicted effect of an action.

    Attributes
    ----------
    mean_absolute
        Mean size of its part over the explained rows.
    loss_change, lower, upper
        Growth of the doubly robust loss on held-out rows when the column is shuffled, with its interval; None without
        a hold-out. An interval that holds 0: these rows cannot tell.
    """

    action: str
    column: str
    mean_absolute: float
    loss_change: float | None
    lower: float | None
    upper: float | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why effects are predicted as they are.

    Attributes
    ----------
    importance
        By action and column, most important first.
    contributions
        One row per explained row and action; see `UpliftResult.contributions_table`. None where none was asked for.
    what_if
        A curve per action and column asked for.
    """

    importance: tuple[ImportanceRow, ...] = ()
    contributions: pa.Table | None = None
    what_if: tuple[Curve, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class UpliftResult(Result):
    """Which learners the uplift model rests on, and what its policy is worth on the holdout.

    Attributes
    ----------
    rows
        Learners by action.
    holdout
        All actions together first (`action` None), then each.
    refusals
        Estimates and columns left out, with the reason.
    features
        Columns the models looked at.
    units, units_holdout
        Number of units in the file, and of those held out.
    level
        Of the intervals.
    figures
        Figures of the hold-out with fixed-n and always-valid intervals.
    overlap
        How many held-out rows speak of each policy.
    kept
        What of each fitted effect is kept.
    explanation
        See `Explanation`; empty where nothing was asked for.
    model
        Scores new tables, and goes into a file.
    scores, model_file, contributions
        Paths that were written to, where they were.
    """

    schema: ClassVar[str] = "alamo.uplift/1"
    columns: ClassVar[tuple[str, ...]] = ("action", "learner", "weight", "dr_loss")

    rows: tuple[LearnerRow, ...]
    holdout: tuple[HoldoutRow, ...]
    refusals: tuple[Refusal, ...]
    features: tuple[str, ...]
    units: int
    units_holdout: int
    level: float
    figures: tuple[FigureRow, ...]
    overlap: tuple[OverlapRow, ...]
    kept: tuple[KeptRow, ...]
    explanation: Explanation
    model: FittedUplift
    score_rows: pa.Table
    scores: str | None = None
    model_file: str | None = None
    contributions: str | None = None

    def records(self) -> list[dict[str, Any]]:
        """Return the rows as dictionaries."""
        return [asdict(row) for row in self.rows]

    def beside(self) -> dict[str, Any]:
        """Return what stands beside the rows."""
        return {
            "holdout": [row.to_dict() for row in self.holdout],
            "refusals": self.refusals,
            "scores": self.scores,
            "features": self.features,
            "units": self.units,
            "units_holdout": self.units_holdout,
            "level": self.level,
            "intervals": [asdict(row) for row in self.figures],
            "overlap": [asdict(row) for row in self.overlap],
            "kept": [asdict(row) for row in self.kept],
            "importance": [asdict(row) for row in self.explanation.importance],
            "what_if": [asdict(curve) for curve in self.explanation.what_if],
            "contributions": self.contributions,
            "model": self.model_file,
        }

    def scores_table(self) -> pa.Table:
        """Return the score of every row of the file for every action.

        Columns: ``row`` (0-based, in the file), the unit's column where there is one, ``action``, ``value_mean``,
        ``value_sd`` (net of cost), ``cost`` and ``holdout``.
        """
        return self.score_rows

    def predict(self, table: Any) -> pa.Table:
        """Return the score of every row of a new table for every action; see `FittedUplift.predict`."""
        return self.model.predict(table)

    def contributions_table(self) -> pa.Table:
        """Return what each column adds to the predicted effect of the explained rows, action by action.

        Columns: ``row`` (0-based, in the file), the unit's column where there is one, ``action``, ``effect`` (gross of
        cost), ``base`` (the mean effect of a sample of the rows learnt from) and ``part:…`` per column; base and parts
        add up to the effect.

        Raises
        ------
        UsageError
            If no explanation was asked for.
        """
        if self.explanation.contributions is None:
            raise UsageError(
                "no explanation was asked for",
                hint="Ask for one: alamo.fit_uplift(table, …, explain=100)",
                code="uplift.not_explained",
            )
        return self.explanation.contributions
