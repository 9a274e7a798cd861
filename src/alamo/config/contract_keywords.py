"""Keywords of the analysis of contracts → its spec."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TypedDict

from alamo.config.keyword_values import as_is, chance, day, field, names, number, perhaps, text, whole
from alamo.config.keywords import Keywords
from alamo.inference.lifetime_value import ContractSpec


class ContractKeywords(TypedDict, total=False):
    """Keywords of `alamo.analyze.fit_contracts`."""

    periods: str | None
    left: str | None
    start: str | None
    end: str | None
    every: str
    until: date | str | None
    time_format: str | None
    calibrate_until: date | str | None
    customer: str | None
    covariates: str | Sequence[str] | None
    model: str
    horizon: int
    margin: float | str | None
    discount: float
    cohorts: str | None
    level: float


CONTRACTS = Keywords(
    "analyze.fit_contracts",
    ContractSpec,
    {
        "periods": field("periods", perhaps(text)),
        "left": field("left", perhaps(text)),
        "start": field("start", perhaps(text)),
        "end": field("end", perhaps(text)),
        "every": field("every", as_is),
        "until": field("until", perhaps(day)),
        "time_format": field("time_format", perhaps(text)),
        "calibrate_until": field("calibrate_until", perhaps(day)),
        "customer": field("customer", perhaps(text)),
        "covariates": field("covariates", lambda value: names(value or ())),
        "model": field("model", as_is),
        "horizon": field("horizon", whole),
        "margin": field("margin", perhaps(chance)),
        "discount": field("discount", number),
        "cohorts": field("cohorts", perhaps(text)),
        "level": field("level", number),
    },
    {},
)
