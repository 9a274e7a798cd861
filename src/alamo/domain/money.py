"""Money: integer minor units at rest, floating major units (``…_money``) in statistics.

Facts (order lines, costs charged) are stored as integers in the currency's minor unit, so sums are exact and
independent of order. Expectations, effects and scores are statistics and are kept as float64 in major units.
"""

from __future__ import annotations

from alamo.domain.errors import ConfigError

_TWO_DECIMALS = (
    "AED AUD BGN BRL CAD CHF CNY COP CZK DKK EGP EUR GBP HKD HUF IDR ILS INR MAD MXN MYR NGN NOK NZD PEN PHP PLN QAR "
    "RON RSD SAR SEK SGD THB TRY TWD UAH USD UYU ZAR"
)
_EXPONENTS: dict[str, int] = (
    dict.fromkeys(_TWO_DECIMALS.split(" "), 2)
    | dict.fromkeys(("JPY", "KRW", "CLP", "ISK", "VND", "PYG"), 0)
    | dict.fromkeys(("KWD", "BHD", "OMR", "TND", "JOD"), 3)
)
"""ISO 4217 minor-unit exponents of the currencies a project may use."""


def minor_unit_exponent(currency: str) -> int:
    """Return the number of decimal places of `currency` (an ISO 4217 code).

    Raises
    ------
    ConfigError
        If the code is unknown.
    """
    try:
        return _EXPONENTS[currency]
    except KeyError:
        raise ConfigError(
            f"unknown currency {currency!r}",
            hint="Use an ISO 4217 code such as EUR, GBP or USD as `currency` in alamo.toml.",
            code="config.unknown_currency",
            details={"currency": currency},
        ) from None


def minor_per_major(currency: str) -> int:
    """Return how many minor units make one major unit (100 for EUR, 1 for JPY)."""
    return int(10 ** minor_unit_exponent(currency))
