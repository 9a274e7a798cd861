"""What an uplift analysis is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Literal

import pyarrow as pa

from alamo.domain.reasons import Refusal
from alamo.domain.result import Result

Choice = Literal["auto", "none"] | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UpliftSpec:
    """Which columns of a file are what, and how it is split.

    Attributes
    ----------
    action, control
        Column of the arm, and its value for no action.
    outcome
        Numeric or 0/1 column.
    unit
        Column of the unit; folds, the holdout and every variance go by unit. None: every row is a unit.
    time
        Column that orders rows; it is never a feature.
    propensity
        Probability of every single action (number; control has the rest), or the column with the logged probability of
        the arm drawn. None: completely randomised, the arms' shares.
    cluster
        Column of the group that was randomised as a whole; variances go by it.
    costs
        Variable cost per row by action, taken off the effect (meaningful where the outcome is money).
    shares
        Design shares by arm (control included), used as propensities where `propensity` is None.
    features, segments
        ``"auto"``, ``"none"`` or columns.
    level
        Of the intervals.
    holdout
        Share of the units on which the policy is judged, in [0, 1).
    seed
        Of the split and the folds.
    """

    action: str
    control: str
    outcome: str
    unit: str | None = None
    time: str | None = None
    propensity: float | str | None = None
    cluster: str | None = None
    costs: Mapping[str, float] = field(default_factory=dict)
    shares: Mapping[str, float] = field(default_factory=dict)
    features: Choice = "auto"
    segments: Choice = "auto"
    level: float = 0.95
    holdout: float = 0.5
    seed: int = 1

    @property
    def reserved_columns(self) -> tuple[str, ...]:
        """Columns that have a part already, and so are never features."""
        propensity = self.propensity if isinstance(self.propensity, str) else None
        named = (self.action, self.outcome, self.unit, self.time, propensity, self.cluster)
        return tuple(name for name in named if name)


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
    scores
        Path the scores were written to, where they were.
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
    score_rows: pa.Table
    scores: str | None = None

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
        }

    def scores_table(self) -> pa.Table:
        """Return the score of every row of the file for every action.

        Columns: ``row`` (0-based, in the file), the unit's column where there is one, ``action``, ``value_mean``,
        ``value_sd`` (net of cost), ``cost`` and ``holdout``.
        """
        return self.score_rows
