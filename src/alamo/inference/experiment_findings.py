"""What the analysis of an experiment has come to so far, from rows or from sums; and the result it becomes."""

from __future__ import annotations

from dataclasses import dataclass, field

from alamo.domain.reasons import Refusal
from alamo.inference.experiment_comparison import Answer
from alamo.inference.experiment_multiplicity import adjusted_tests
from alamo.inference.experiment_power import Pace, power_rows
from alamo.inference.experiment_ratio_check import DrawCheck
from alamo.inference.experiment_result import (
    EffectRow,
    ExperimentResult,
    GuardrailRow,
    LargestUnit,
    PeriodRow,
    PlaceboSplits,
    PowerRow,
    SegmentSpread,
    Trend,
    WinsorisedRow,
)
from alamo.inference.experiment_spec import ExperimentSpec


@dataclass(slots=True)
class Findings:
    """Collects answers; attributes are those of `ExperimentResult`, but for `pace` and `by_effect`.

    Attributes
    ----------
    pace
        Units, and how many come in a day.
    by_effect
        Whether segments are to be found from differences in effect.
    """

    refusals: list[Refusal]
    pace: Pace
    rows: list[EffectRow] = field(default_factory=list)
    spread: list[SegmentSpread] = field(default_factory=list)
    variance_removed: dict[str, float] = field(default_factory=dict)
    features: tuple[str, ...] = ()
    by_effect: bool = False
    guardrails: list[GuardrailRow] = field(default_factory=list)
    power: list[PowerRow] = field(default_factory=list)
    largest: list[LargestUnit] = field(default_factory=list)
    winsorised: list[WinsorisedRow] = field(default_factory=list)
    placebo: PlaceboSplits | None = None
    periods: list[PeriodRow] = field(default_factory=list)
    trends: list[Trend] = field(default_factory=list)

    def add(self, answer: Answer, spec: ExperimentSpec) -> None:
        """Add what one comparison came to, and what the file can see of it."""
        power, unsized = power_rows(answer, spec, self.pace)
        self.rows += answer.rows
        self.spread += answer.spread
        self.power += power
        self.refusals += (*answer.refusals, *unsized)

    def result(self, spec: ExperimentSpec, counts: dict[str, int], check: DrawCheck) -> ExperimentResult:
        """Return the result, pooled rows before those of segments, for arms of `counts` units."""
        return ExperimentResult(
            rows=tuple(sorted(self.rows, key=lambda row: row.segment is not None)),
            refusals=tuple(self.refusals),
            ratio_p_value=check.p_value,
            ratio_first=check.first,
            counts=counts,
            units=self.pace.units,
            level=spec.level,
            segment_spread=tuple(self.spread),
            variance_removed=self.variance_removed,
            features=self.features,
            multiplicity=None if spec.fdr is None else adjusted_tests(self.rows, spec.fdr),
            guardrails=tuple(self.guardrails),
            power=tuple(self.power),
            largest_units=tuple(self.largest),
            winsorised=tuple(self.winsorised),
            placebo=self.placebo,
            periods=tuple(self.periods),
            trends=tuple(self.trends),
        )
