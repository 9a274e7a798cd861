"""What an analysis of an experiment file answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from alamo.domain.reasons import Refusal
from alamo.domain.result import Result
from alamo.inference.experiment_ratio_check import FirstMismatch
from alamo.inference.guardrail import Verdict


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
    freedom
        Degrees of freedom of the fixed-n interval where clusters were drawn as a whole; None: it is the normal one.
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
    freedom: float | None = None


@dataclass(frozen=True, slots=True)
class SegmentSpread:
    """How much an action's effect on an outcome differs between segments, and the p-value of "not at all"."""

    action: str
    outcome: str
    sd: float | None
    p_value: float | None


@dataclass(frozen=True, slots=True)
class AdjustedTest:
    """One pooled effect among those tested together: p-value of "no effect", alone and adjusted for their number."""

    action: str
    outcome: str
    p_value: float
    adjusted_p_value: float
    found: bool


@dataclass(frozen=True, slots=True)
class Multiplicity:
    """Benjamini–Hochberg over the pooled effects, at the false discovery rate `rate`."""

    rate: float
    tests: tuple[AdjustedTest, ...]
    method: str = "Benjamini–Hochberg"


@dataclass(frozen=True, slots=True)
class GuardrailRow:
    """What an action does to an outcome that must not get worse.

    Attributes
    ----------
    action, outcome, mean, se, lower, upper, anytime_lower, anytime_upper, n, n_control, baseline
        As in `EffectRow`; never net of cost.
    worse
        ``"up"`` or ``"down"``.
    margin
        Harm that is accepted, in the outcome's unit (of a relative margin: its share of the baseline).
    verdict, anytime_verdict
        By the fixed-n and by the always-valid interval; the latter None where there is none.
    """

    action: str
    outcome: str
    worse: str
    margin: float
    mean: float
    se: float
    lower: float
    upper: float
    anytime_lower: float | None
    anytime_upper: float | None
    n: int
    n_control: int
    baseline: float | None
    verdict: Verdict
    anytime_verdict: Verdict | None


@dataclass(frozen=True, slots=True)
class PowerRow:
    """What the file can see of one effect, with probability .8, and how much longer it takes to see `target`.

    Attributes
    ----------
    detectable, anytime_detectable
        Smallest effect per unit that the fixed-n and the always-valid interval find now; the latter None without one.
    target, target_measured
        Effect to be found, and whether it is the measured one for want of a better.
    units_needed, days_needed, anytime_units_needed, anytime_days_needed
        More units (all arms together) and days; 0: none; None: over 1,000 times as many, or no days known.
    """

    action: str
    outcome: str
    detectable: float
    anytime_detectable: float | None
    target: float
    target_measured: bool
    units_needed: int | None
    days_needed: int | None
    anytime_units_needed: int | None
    anytime_days_needed: int | None


@dataclass(frozen=True, slots=True)
class LargestUnit:
    """The unit with the largest outcome in the compared arms, its share of their total, and the effect without it."""

    action: str
    outcome: str
    arm: str
    value: float
    share: float
    mean_without: float
    lower_without: float
    upper_without: float


@dataclass(frozen=True, slots=True)
class WinsorisedRow:
    """Where an outcome was capped, what share of its total that removed, and the effect with and without it."""

    action: str
    outcome: str
    lower_cap: float
    upper_cap: float
    units_capped: int
    share_removed: float
    mean: float
    mean_uncapped: float
    lower_uncapped: float
    upper_uncapped: float


@dataclass(frozen=True, slots=True)
class PeriodRow:
    """The effect on the units of one period, which begins on the day `period` (ISO 8601), with its fixed-n interval."""

    action: str
    outcome: str
    period: str
    mean: float
    se: float
    lower: float
    upper: float
    n: int
    n_control: int


@dataclass(frozen=True, slots=True)
class Trend:
    """Change of an effect from one period to the next (`slope`, with its interval), the p-value of none, and words."""

    action: str
    outcome: str
    per: str
    slope: float
    lower: float
    upper: float
    p_value: float
    says: str


@dataclass(frozen=True, slots=True)
class PlaceboRow:
    """False findings on one outcome where control was compared with itself.

    Attributes
    ----------
    answered, false, expected
        Splits with a fixed-n interval, how many of these exclude 0, and how many should.
    p_value
        Chance of at least as many were the intervals right; None without any.
    anytime_answered, anytime_false, anytime_p_value
        Likewise of the always-valid interval, of which fewer are expected: this is one look of many.
    """

    outcome: str
    answered: int
    false: int
    expected: float
    p_value: float | None
    anytime_answered: int
    anytime_false: int
    anytime_p_value: float | None


@dataclass(frozen=True, slots=True)
class PlaceboSplits:
    """How often something was found between random parts of control (A/A): `ratio_alarms` of the ratio check, and rows.

    `share` of control got the placebo in each of the `splits`; `redrawn`, where control has few clusters: how many of
    them were drawn with replacement, as many as the arms have.
    """

    splits: int
    share: float
    ratio_alarms: int
    rows: tuple[PlaceboRow, ...]
    redrawn: int | None = None


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
    multiplicity
        Adjusted tests; None unless asked for.
    guardrails
        One row per action and guardrail.
    power
        What can be seen, one row per pooled effect.
    largest_units
        How much the largest unit matters, one row per pooled effect on more than a flag.
    winsorised
        What capping did; empty unless asked for.
    placebo
        Control against itself; None unless asked for.
    periods, trends
        Effects by period, and whether they change; empty unless asked for.
    ratio_first
        When the ratio check first failed; None while it holds, and where rows have no times.
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
    multiplicity: Multiplicity | None = None
    guardrails: tuple[GuardrailRow, ...] = ()
    power: tuple[PowerRow, ...] = ()
    largest_units: tuple[LargestUnit, ...] = ()
    winsorised: tuple[WinsorisedRow, ...] = ()
    placebo: PlaceboSplits | None = None
    periods: tuple[PeriodRow, ...] = ()
    trends: tuple[Trend, ...] = ()
    ratio_first: FirstMismatch | None = None

    @property
    def intervals_shown(self) -> int:
        """How many intervals a reader sees, guardrails included; they are not adjusted for their number."""
        anytime = [row.anytime_lower for row in self.rows] + [row.anytime_lower for row in self.guardrails]
        return len(anytime) + sum(lower is not None for lower in anytime)

    def records(self) -> list[dict[str, Any]]:
        """Return the rows as dictionaries."""
        return [asdict(row) for row in self.rows]

    def beside(self) -> dict[str, Any]:
        """Return what stands beside the rows."""
        return {
            "refusals": self.refusals,
            "ratio_check": {
                "p_value": self.ratio_p_value,
                "counts": self.counts,
                "first_seen": None if self.ratio_first is None else asdict(self.ratio_first),
            },
            "between_segment_sd": self._spread(),
            "units": self.units,
            "level": self.level,
            "intervals_shown": self.intervals_shown,
            "variance_removed": self.variance_removed,
            "features": self.features,
            "multiplicity": None if self.multiplicity is None else asdict(self.multiplicity),
            "guardrails": [asdict(row) for row in self.guardrails],
            "power": [asdict(row) for row in self.power],
            "largest_units": [asdict(row) for row in self.largest_units],
            "winsorised": [asdict(row) for row in self.winsorised],
            "over_time": [asdict(row) for row in self.periods],
            "trends": [asdict(row) for row in self.trends],
            "aa": None if self.placebo is None else asdict(self.placebo),
        }

    def _spread(self) -> dict[str, dict[str, float | None]] | None:
        """Return action → outcome → standard deviation; None without segments."""
        if not self.segment_spread:
            return None
        spread: dict[str, dict[str, float | None]] = {}
        for entry in self.segment_spread:
            spread.setdefault(entry.action, {})[entry.outcome] = entry.sd
        return spread
