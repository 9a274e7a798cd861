"""What is answered about a policy that has not run yet."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from alamo.domain.reasons import Refusal
from alamo.domain.result import Result
from alamo.inference.off_policy.overlap import Overlap


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """The value of the new policy by one estimator, per row of the log.

    Attributes
    ----------
    estimator
        ``ips``, ``snips``, ``dr`` or ``switch-dr``.
    value, se, lower, upper
        Point, standard error and fixed-n interval.
    ess
        Effective rows (Σw)²/Σw².
    chosen
        Whether this is the number to go by; at most one row.
    """

    estimator: str
    value: float
    se: float
    lower: float
    upper: float
    ess: float
    chosen: bool


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with its fixed-n and always-valid intervals; the latter None while outcomes are too few."""

    estimator: str
    mean: float
    se: float
    lower: float
    upper: float
    anytime_lower: float | None
    anytime_upper: float | None


@dataclass(frozen=True, slots=True, repr=False)
class PolicyResult(Result):
    """The value of a policy before it runs.

    Attributes
    ----------
    rows
        One per estimator.
    refusals
        Why no estimator is chosen, and columns left out.
    behaviour_value
        Mean outcome per row of the running policy, which is the log itself.
    behaviour_se
        Its standard error over units.
    overlap
        How well the log covers the policy.
    differences
        Value less that of the running policy, paired on the same rows, one per estimator.
    always_valid
        Values with the interval that may be looked at at any time, one per estimator.
    switch_threshold
        Weight above which ``switch-dr`` trusts its outcome model; None where it never switches.
    features
        Columns the outcome model looked at.
    level
        Of the intervals.
    """

    schema: ClassVar[str] = "alamo.policy/1"
    columns: ClassVar[tuple[str, ...]] = ("estimator", "value", "se", "lower", "upper", "ess", "chosen")

    rows: tuple[PolicyRow, ...]
    refusals: tuple[Refusal, ...]
    behaviour_value: float
    behaviour_se: float
    overlap: Overlap
    differences: tuple[Interval, ...]
    always_valid: tuple[Interval, ...]
    switch_threshold: float | None
    features: tuple[str, ...]
    level: float

    @property
    def chosen(self) -> PolicyRow | None:
        """The row to go by, or None where the log says too little."""
        return next((row for row in self.rows if row.chosen), None)

    def records(self) -> list[dict[str, Any]]:
        """Return the rows as dictionaries."""
        return [asdict(row) for row in self.rows]

    def beside(self) -> dict[str, Any]:
        """Return what stands beside the rows."""
        return {
            "refusals": self.refusals,
            "behaviour_value": self.behaviour_value,
            "behaviour_se": self.behaviour_se,
            "overlap": self.overlap,
            "differences": [asdict(item) for item in self.differences],
            "always_valid": [asdict(item) for item in self.always_valid],
            "switch_threshold": self.switch_threshold,
            "features": self.features,
            "level": self.level,
        }
