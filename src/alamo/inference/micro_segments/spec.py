"""What `alamo analyze segments` is asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from alamo.domain.errors import UsageError
from alamo.inference.micro_segments.fitting import LEAST, SegmentSettings


@dataclass(frozen=True, slots=True)
class SegmentSpec:
    """What to look for.

    Attributes
    ----------
    until
        Last day that counts; None for the last day of the file.
    currency
        ISO 4217 code of the amounts.
    time_zone
        IANA name of times without an offset.
    least
        Customers each segment needs; None: as many as the definition that is brought up to date, else 30.
    month_days, months
        Days of a month, and how many months ahead segments should tell customers apart.
    moved_from, moved_to
        Days between which to say who moved, both given or none: the last month.
    level
        Of the intervals of forecasts.
    """

    until: date | None = None
    currency: str = "EUR"
    time_zone: str = "UTC"
    least: int | None = None
    month_days: int = 30
    months: int = 3
    moved_from: date | None = None
    moved_to: date | None = None
    level: float = 0.9

    def __post_init__(self) -> None:
        for name, value, lowest in (
            ("least", self.settings.least, 2),
            ("month-days", self.month_days, 7),
            ("months", self.months, 1),
        ):
            if value < lowest:
                raise UsageError(
                    f"--{name} {value} cannot be used",
                    hint=f"Give a whole number of at least {lowest}. See: alamo analyze segments --help",
                    code="segments.wrong_option",
                    details={"option": name, "value": value},
                )

        if (self.moved_from is None) != (self.moved_to is None):
            raise _no_span("one end of the time is missing")
        if self.moved_from is not None and self.moved_to is not None and self.moved_from >= self.moved_to:
            raise _no_span(f"{self.moved_from} is not before {self.moved_to}")
        if not 0.5 <= self.level < 1.0:
            raise UsageError(
                f"--level {self.level} cannot be used",
                hint="Give a number from 0.5 to below 1, such as 0.9. See: alamo analyze segments --help",
                code="segments.wrong_option",
                details={"option": "level", "value": self.level},
            )

    @property
    def settings(self) -> SegmentSettings:
        """Sizes and steps."""
        return SegmentSettings(
            LEAST if self.least is None else self.least, month_days=self.month_days, months=self.months
        )


def _no_span(complaint: str) -> UsageError:
    return UsageError(
        f"there is no time in which to say who moved: {complaint}",
        hint="Give both days: alamo analyze segments FILE --from 2010-06-30 --to 2010-09-30",
        code="segments.no_span",
    )
