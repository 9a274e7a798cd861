"""What `alamo analyze lifetime-value` is asked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import Literal

from alamo.domain.errors import UsageError
from alamo.inference.lifetime_value.bg_cnbd import MOST_STAGES
from alamo.inference.lifetime_value.cohorts import PERIODS
from alamo.inference.lifetime_value.purchase_fit import MODELS

UNIT_DAYS = {"day": 1, "week": 7}


@dataclass(frozen=True, slots=True)
class LifetimeValueSpec:
    """What to analyse.

    Attributes
    ----------
    customer, time, amount
        Column names; without `amount` purchases are counted but not valued.
    time_format
        As for `strptime`; None for dates, timestamps and ISO 8601 text.
    unit
        Of time in the parameters and of `horizon`.
    calibrate_until
        Last day the model may see; None for the last day of the file, which leaves no holdout.
    horizon
        How far ahead to predict, in units. Default: what the file holds after `calibrate_until`, or a year.
    model
        ``"auto"`` chooses on time held back inside the calibration; or one of `MODELS`.
    stages
        k of ``"bg-cnbd-k"``, and of no other model; None takes the most likely.
    recalibrate
        ``"auto"`` corrects the level of forecasts where past forecasts, inside the calibration, missed alike.
    level
        Of the intervals of numbers of purchases.
    cohorts
        Calendar period of the cohort table that is shown, one of `PERIODS`; None shows none.
    margin
        Share of the money that is margin; `value` is margin.
    discount_rate
        Continuous, per year; `value` is discounted.
    """

    customer: str
    time: str
    amount: str | None = None
    time_format: str | None = None
    unit: Literal["day", "week"] = "week"
    calibrate_until: date | None = None
    horizon: float | None = None
    model: str = "auto"
    stages: int | None = None
    recalibrate: str = "none"
    level: float = 0.9
    cohorts: str | None = None
    margin: float = 1.0
    discount_rate: float = 0.0

    def __post_init__(self) -> None:
        if self.model not in ("auto", *MODELS):
            raise wrong_option("model", self.model, f"Choose one of: auto, {', '.join(MODELS)}.")
        if self.stages is not None and self.model != "bg-cnbd-k":
            raise wrong_option("stages", self.stages, f"{self.model} has none: add --model bg-cnbd-k, or leave it out.")
        if self.unit not in UNIT_DAYS:
            raise wrong_option("unit", self.unit, "Choose day or week.")
        if self.recalibrate not in ("auto", "none"):
            raise wrong_option("recalibrate", self.recalibrate, "Choose auto or none.")
        if self.cohorts is not None and self.cohorts not in PERIODS:
            raise wrong_option("cohorts", self.cohorts, f"Choose one of: {', '.join(PERIODS)}.")
        self._check_numbers()

    def _check_numbers(self) -> None:
        if self.stages is not None and self.stages not in range(1, MOST_STAGES + 1):
            raise wrong_option("stages", self.stages, f"Give a whole number from 1 to {MOST_STAGES}.")
        if self.horizon is not None and not (math.isfinite(self.horizon) and self.horizon > 0):
            raise wrong_option("horizon", self.horizon, f"Give a number of {self.unit}s above 0.")
        if not 0.0 < self.level < 1.0:
            raise wrong_option("level", self.level, "Give a number between 0 and 1, such as 0.9.")
        if not 0.0 < self.margin <= 1.0:
            raise wrong_option("margin", self.margin, "Give the share of money that is margin, such as 0.3.")
        if not (math.isfinite(self.discount_rate) and self.discount_rate >= 0.0):
            raise wrong_option("discount-rate", self.discount_rate, "Give a rate per year of at least 0, such as 0.1.")


def wrong_option(name: str, value: object, cure: str) -> UsageError:
    """Return the error of an option that cannot be used."""
    return UsageError(
        f"--{name} {value} cannot be used",
        hint=f"{cure} See: alamo analyze lifetime-value --help",
        code="lifetime.wrong_option",
        details={"option": name, "value": str(value)},
    )
