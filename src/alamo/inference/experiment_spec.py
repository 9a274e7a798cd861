"""What an experiment file is asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from alamo.domain.errors import UsageError
from alamo.inference.effect_size import EffectSize
from alamo.inference.guardrail import Guardrail

Period = Literal["day", "week", "month"]
Choice = Literal["auto", "none"] | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExperimentSpec:
    """Which columns of a file are what.

    Attributes
    ----------
    action, control
        Column of the arm, and its value for no action.
    outcomes
        Numeric or 0/1 columns, or ratios of two, written ``"spend/orders"``; one that is named twice counts once.
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
    fdr
        Rate of false findings to be kept by Benjamini–Hochberg over all pooled effects; None: nothing is adjusted.
    guardrails
        Outcomes that must not get worse, beside `outcomes`.
    detect
        Effect worth finding by outcome: a number in its unit, or a share of control's mean (``"10%"``).
    aa
        How often control is split at random and compared with itself; 0: never.
    over_time
        Show pooled effects by these periods of `time`; None: not.
    winsorise
        Quantile at which outcomes are capped (``0.999``); None: they are not.
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
    fdr: float | None = None
    guardrails: Mapping[str, Guardrail] = field(default_factory=dict)
    detect: Mapping[str, str | float] = field(default_factory=dict)
    winsorise: float | None = None
    aa: int = 0
    over_time: Period | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "outcomes", tuple(dict.fromkeys(self.outcomes)))
        self._check_numbers()
        self._check_outcomes()
        self._check_periods()

    def _check_numbers(self) -> None:
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
        if self.fdr is not None and not 0.0 < self.fdr < 1.0:
            raise UsageError(
                f"a false discovery rate of {self.fdr:g} must lie between 0 and 1",
                hint="For at most 5 % false findings: --fdr 0.05",
                code="usage.fdr",
            )
        if self.winsorise is not None and not 0.5 < self.winsorise < 1.0:
            raise UsageError(
                f"a cap at the quantile {self.winsorise:g} is none; it must lie between 0.5 and 1",
                hint="To cap the largest 0.1 %: --winsorise 0.999",
                code="usage.winsorise",
            )
        if self.aa < 0:
            raise UsageError(
                f"control cannot be compared with itself {self.aa} times",
                hint="To check the intervals on 200 random splits: --aa 200",
                code="usage.aa",
            )

    def _check_outcomes(self) -> None:
        unknown = [name for name in self.detect if name not in self.outcomes]
        if unknown:
            raise UsageError(
                f"an effect worth finding is named for {unknown[0]!r}, which is no outcome",
                hint=f"Outcomes: {', '.join(self.outcomes)}. Write: --detect {self.outcomes[0]}=10%",
                code="usage.detect_outcome",
                details={"given": unknown[0], "outcomes": list(self.outcomes)},
            )
        for size in self.detect.values():
            EffectSize.read(size)
        both = [name for name in self.outcomes if name in self.guardrails]
        if both:
            raise UsageError(
                f"{both[0]!r} is both an outcome and a guardrail",
                hint="Name it once: under --outcome (net of cost), or under --guardrail",
                code="usage.guardrail_outcome",
                details={"column": both[0]},
            )

    def _check_periods(self) -> None:
        if self.over_time not in (None, "day", "week", "month"):
            raise UsageError(
                f"effects over time go by day, week or month, not by {self.over_time!r}",
                hint="By week: --over-time week",
                code="usage.over_time",
            )
        if self.over_time is not None and self.time is None:
            raise UsageError(
                f"effects by {self.over_time} need the column that says when each row was",
                hint=f"Name a column of dates: --time COL --over-time {self.over_time}",
                code="usage.over_time_without_time",
            )

    @property
    def measured(self) -> tuple[str, ...]:
        """Outcomes and guardrails."""
        return (*self.outcomes, *self.guardrails)

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
