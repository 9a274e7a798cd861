"""What an experiment file is asked, and what is answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Literal

from alamo.domain.errors import UsageError
from alamo.domain.reasons import Refusal
from alamo.domain.result import Result

Choice = Literal["auto", "none"] | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExperimentSpec:
    """Which columns of a file are what.

    Attributes
    ----------
    action, control
        Column of the arm, and its value for no action.
    outcomes
        Numeric or 0/1 columns, or ratios of two, written ``"spend/orders"``.
    unit
        Column of the unit; rows of one unit are summed before any variance. None: every row is a unit.
    time
        Column that orders rows; of a unit's rows the first gives its features.
    propensity
        Probability of every single action (number; control has the rest), or the column with the logged probability of
        the arm drawn. None: completely randomised, the arms' shares.
    cluster
        Column of the group that was randomised as a whole (an account).
    costs
        Variable cost per unit by action, taken off money outcomes.
    shares
        Design shares by arm (control included), to check the ratio against.
    features, segments
        ``"auto"``, ``"none"`` or columns; segments also ``("found",)``: found from differences in effect on half of
        the units, and estimated on the others.
    level
        Of the intervals.
    planned
        Units (clusters, where those were drawn) at which the always-valid interval is tightest, fixed before the first
        look by whoever looks again and again. None: those of the file, right for one look at a finished file.
    """

    action: str
    control: str
    outcomes: tuple[str, ...]
    unit: str | None = None
    time: str | None = None
    propensity: float | str | None = None
    cluster: str | None = None
    costs: Mapping[str, float] = field(default_factory=dict)
    shares: Mapping[str, float] = field(default_factory=dict)
    features: Choice = "auto"
    segments: Choice = "none"
    level: float = 0.95
    planned: int | None = None

    def __post_init__(self) -> None:
        if self.planned is not None and self.planned < 1:
            raise UsageError(
                f"{self.planned} planned units are none",
                hint="Give the number of units at the planned end of the experiment: --planned N",
                code="usage.planned",
            )
        if not 0.0 < self.level < 1.0:
            raise UsageError(
                f"level is {self.level:g}; it must lie between 0 and 1",
                hint="For 95 % intervals: --level 0.95",
                code="usage.level",
            )

    @property
    def named_columns(self) -> tuple[str, ...]:
        """Every column the specification names, outcomes apart: they may be ratios of two columns."""
        single = [self.action, self.unit, self.time, self.cluster]
        single.append(self.propensity if isinstance(self.propensity, str) else None)
        chosen = [choice for choice in (self.features, self.segments) if isinstance(choice, tuple)]
        return (*(name for name in single if name), *(name for part in chosen for name in part))


def ratios_among(outcomes: Iterable[str], columns: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return outcome → (numerator, denominator) of those written NUM/DEN; a column of that very name is no ratio."""
    known = set(columns)
    found = ((name, _parts(name, known)) for name in outcomes if name not in known)
    return {name: parts for name, parts in found if parts is not None}


def measured_columns(outcomes: Iterable[str], ratios: Mapping[str, tuple[str, str]]) -> tuple[str, ...]:
    """Return the columns that the outcomes are made of, each once."""
    return tuple(dict.fromkeys(part for name in outcomes for part in ratios.get(name, (name,))))


def _parts(name: str, columns: set[str]) -> tuple[str, str] | None:
    """Split at the slash that leaves two columns, else at the first, so that the missing one can be named."""
    splits = [(name[:at].strip(), name[at + 1 :].strip()) for at, sign in enumerate(name) if sign == "/"]
    splits = [split for split in splits if all(split)]
    return next((split for split in splits if set(split) <= columns), splits[0] if splits else None)


@dataclass(frozen=True, slots=True)
class EffectRow:
    """One effect, per unit; `None` where a key does not apply.

    Attributes
    ----------
    action, segment, outcome
        Of the comparison with control; `segment` None means everybody.
    mean, se, lower, upper
        Effect and fixed-n interval; on segments the shrunk one.
    anytime_lower, anytime_upper
        Always-valid interval; None on segments and while outcomes are too few.
    n, n_control
        Units of each arm.
    baseline
        Mean outcome under control.
    method
        Estimator, in words.
    found
        Whether 0 lies outside [`lower`, `upper`].
    """

    action: str
    segment: str | None
    outcome: str
    mean: float
    se: float
    lower: float
    upper: float
    anytime_lower: float | None
    anytime_upper: float | None
    n: int
    n_control: int
    baseline: float | None
    method: str
    found: bool


@dataclass(frozen=True, slots=True)
class SegmentSpread:
    """How much an action's effect on an outcome differs between segments, and the p-value of "not at all"."""

    action: str
    outcome: str
    sd: float | None
    p_value: float | None


@dataclass(frozen=True, slots=True, repr=False)
class ExperimentResult(Result):
    """Effects of each action of an experiment file against control.

    Attributes
    ----------
    rows
        Pooled rows first, then segments.
    refusals
        Estimates and columns left out, with the reason.
    ratio_p_value
        Of the sample-ratio check; None where the file itself gives the shares.
    counts
        Units per arm.
    units
        Number of independent units.
    level
        Of the intervals.
    segment_spread
        Between-segment standard deviations.
    variance_removed
        Outcome → share of the variance that adjustment for features removes (may be slightly negative).
    features
        Columns the outcome model looked at.
    """

    schema: ClassVar[str] = "alamo.experiment/1"
    columns: ClassVar[tuple[str, ...]] = (
        "action",
        "segment",
        "outcome",
        "mean",
        "se",
        "lower",
        "upper",
        "anytime_lower",
        "anytime_upper",
        "n",
        "n_control",
        "baseline",
        "method",
        "found",
    )

    rows: tuple[EffectRow, ...]
    refusals: tuple[Refusal, ...]
    ratio_p_value: float | None
    counts: Mapping[str, int]
    units: int
    level: float
    segment_spread: tuple[SegmentSpread, ...] = ()
    variance_removed: Mapping[str, float] = field(default_factory=dict)
    features: tuple[str, ...] = ()

    @property
    def intervals_shown(self) -> int:
        """How many intervals a reader sees; nothing is adjusted for their number."""
        return len(self.rows) + sum(row.anytime_lower is not None for row in self.rows)

    def records(self) -> list[dict[str, Any]]:
        """Return the rows as dictionaries."""
        return [asdict(row) for row in self.rows]

    def beside(self) -> dict[str, Any]:
        """Return what stands beside the rows."""
        return {
            "refusals": self.refusals,
            "ratio_check": {"p_value": self.ratio_p_value, "counts": self.counts},
            "between_segment_sd": self._spread(),
            "units": self.units,
            "level": self.level,
            "intervals_shown": self.intervals_shown,
            "variance_removed": self.variance_removed,
            "features": self.features,
        }

    def _spread(self) -> dict[str, dict[str, float | None]] | None:
        """Return action → outcome → standard deviation; None without segments."""
        if not self.segment_spread:
            return None
        spread: dict[str, dict[str, float | None]] = {}
        for entry in self.segment_spread:
            spread.setdefault(entry.action, {})[entry.outcome] = entry.sd
        return spread
