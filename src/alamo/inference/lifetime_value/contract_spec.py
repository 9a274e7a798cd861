"""What `alamo analyze contracts` is asked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date

from alamo.domain.errors import UsageError
from alamo.inference.lifetime_value.cohorts import PERIODS

MODELS = ("shifted-beta-geometric", "hazard")


@dataclass(frozen=True, slots=True)
class ContractSpec:
    """Which columns say how long contracts lasted, and what to forecast.

    Attributes
    ----------
    periods, left
        Columns of the renewals a customer was up for (whole numbers from 0), and whether the last one was refused; or
    start, end
        columns of the first day of a contract and of the last or the day after it, empty while it goes on.
    every
        With `start`: the time between renewals, one of `PERIODS`.
    until
        With `start`: last day known; None for the last day of the table that has come.
    time_format
        As for `strptime`; None for dates, timestamps and ISO 8601 text.
    calibrate_until
        With `start`: last day the model may see; the renewals after it judge it.
    customer
        Column that names the customer, for the table of customers.
    covariates
        Columns known at the start; they need the hazard.
    model
        ``"auto"``, or one of `MODELS`.
    horizon
        Renewals to look ahead.
    margin
        Money of a renewal: a number, or its column.
    discount
        Rate per period: the i-th coming renewal counts 1/(1 + d)^(i−1).
    cohorts
        With `start`: calendar period by whose cohorts retention is shown, one of `PERIODS`.
    level
        Of intervals.
    """

    periods: str | None = None
    left: str | None = None
    start: str | None = None
    end: str | None = None
    every: str = "month"
    until: date | None = None
    time_format: str | None = None
    calibrate_until: date | None = None
    customer: str | None = None
    covariates: tuple[str, ...] = ()
    model: str = "auto"
    horizon: int = 12
    margin: float | str | None = None
    discount: float = 0.0
    cohorts: str | None = None
    level: float = 0.9

    def __post_init__(self) -> None:
        counted, dated = (self.periods, self.left), (self.start, self.end)
        if (None in counted) == (None in dated) or any(counted) == any(dated):
            raise UsageError(
                "contracts are described either by renewals counted or by dates",
                hint="Give --periods COL --left COL, or --start COL --end COL --every month",
                code="contracts.columns",
            )
        if not self.dated and (self.until, self.calibrate_until, self.cohorts) != (None, None, None):
            raise UsageError(
                "until, calibrate-until and cohorts need dates, and renewals counted have none",
                hint="Describe contracts by dates: --start COL --end COL --every month",
                code="contracts.needs_dates",
            )
        if self.model not in ("auto", *MODELS):
            raise _wrong("model", self.model, f"Choose one of: auto, {', '.join(MODELS)}.")
        if self.covariates and self.model == MODELS[0]:
            raise _wrong("model", self.model, "It knows no covariates: leave out --covariates, or add --model hazard.")
        if self.every not in PERIODS:
            raise _wrong("every", self.every, f"Choose one of: {', '.join(PERIODS)}.")
        if self.cohorts is not None and self.cohorts not in PERIODS:
            raise _wrong("cohorts", self.cohorts, f"Choose one of: {', '.join(PERIODS)}.")
        self._check_numbers()

    def _check_numbers(self) -> None:
        if self.horizon < 1:
            raise _wrong("horizon", self.horizon, "Give a whole number of renewals of at least 1.")
        if not (math.isfinite(self.discount) and self.discount > -1.0):
            raise _wrong("discount", self.discount, "Give a rate per period, such as 0.01.")
        if isinstance(self.margin, float) and not math.isfinite(self.margin):
            raise _wrong("margin", self.margin, "Give the money of a renewal, or its column.")
        if not 0.0 < self.level < 1.0:
            raise _wrong("level", self.level, "Give a number between 0 and 1, such as 0.9.")

    @property
    def dated(self) -> bool:
        """Whether contracts are described by dates."""
        return self.start is not None


def _wrong(name: str, value: object, cure: str) -> UsageError:
    return UsageError(
        f"--{name} {value} cannot be used",
        hint=f"{cure} See: alamo analyze contracts --help",
        code="contracts.wrong_option",
        details={"option": name, "value": str(value)},
    )
