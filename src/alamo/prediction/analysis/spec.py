"""What an uplift analysis is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from alamo.prediction.candidates import LOOP_LEARNERS

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
        Column of the unit; without `cluster`, folds, the holdout and every variance go by it. None: every row is one.
    time
        Column that orders rows; it is never a feature.
    propensity
        Probability of every single action (number; control has the rest), or the column with the logged probability of
        the arm drawn. None: completely randomised, the arms' shares.
    cluster
        Column of the group that was randomised as a whole: folds, the holdout and every variance go by it, so that no
        model is judged on a cluster it has seen. A row without a value stands with its unit.
    costs
        Variable cost per row by action, taken off the effect (meaningful where the outcome is money).
    shares
        Design shares by arm (control included), used as propensities where `propensity` is None.
    features, segments
        ``"auto"``, ``"none"`` or columns.
    level
        Of the intervals.
    holdout
        Share of the units (with `cluster`, of the clusters) on which the policy is judged, in [0, 1).
    seed
        Of the split and the folds.
    learners
        Names of the learners that are candidates beside zero, one effect and segments, which always are.
    explain
        For how many rows the predicted effect is taken apart by column.
    what_if
        Columns along which the effect is asked for.
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
    learners: tuple[str, ...] = LOOP_LEARNERS
    explain: int = 0
    what_if: tuple[str, ...] = ()

    @property
    def reserved_columns(self) -> tuple[str, ...]:
        """Columns that have a part already, and so are never features."""
        propensity = self.propensity if isinstance(self.propensity, str) else None
        named = (self.action, self.outcome, self.unit, self.time, propensity, self.cluster)
        return tuple(name for name in named if name)
