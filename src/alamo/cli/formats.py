"""How numbers, money, shares, intervals and moments are written for people; an absent value is a dash, never a zero."""

from __future__ import annotations

import math
from datetime import date, datetime
from typing import Any

ABSENT = "–"


def count(value: Any) -> str:
    """Write a whole number with thousands separators."""
    return ABSENT if _absent(value) else f"{round(float(value)):,}"


def number(value: Any, digits: int = 4) -> str:
    """Write a number with `digits` significant digits, without an exponent in everyday ranges."""
    if _absent(value):
        return ABSENT
    value = float(value)
    if value == 0 or 1e-4 <= abs(value) < 1e7:
        places = 0 if value == 0 else max(digits - 1 - math.floor(math.log10(abs(value))), 0)
        return f"{value:,.{places}f}"
    return f"{value:.{digits - 1}e}"


def signed(value: Any) -> str:
    """Write a number with its sign, where more than nothing is the question."""
    written = number(value)
    return f"+{written}" if isinstance(value, int | float) and value > 0 and written != ABSENT else written


def figure(value: Any) -> str:
    """Write a number with six significant digits, where a bound is compared with its use."""
    return number(value, 6)


def amount(value: Any) -> str:
    """Write money or a count with at most two decimals, and none that say nothing: ``650``, ``630.05``."""
    if _absent(value) or 0 < abs(float(value)) < 1:
        return number(value)
    return f"{float(value):,.2f}".rstrip("0").rstrip(".")


def money(value: Any, *, signed: bool = False) -> str:
    """Write an amount in major units: cents below 1,000, whole units above 100,000."""
    if _absent(value):
        return ABSENT
    value = float(value)
    places = 4 if 0 < abs(value) < 0.01 else 0 if abs(value) >= 100_000 else 2
    return _no_minus_zero(f"{value:{'+' if signed else ''},.{places}f}")


def _no_minus_zero(written: str) -> str:
    """Write what rounds to nothing without a minus."""
    return written if written.strip("-0.,") else written.removeprefix("-")


def percent(value: Any, places: int = 1) -> str:
    """Write a share as a percentage."""
    return ABSENT if _absent(value) else f"{_no_minus_zero(f'{100 * float(value):.{places}f}')} %"


def interval(lower: Any, upper: Any, write: Any = number) -> str:
    """Write ``lower … upper``, or a dash when either end is absent."""
    return ABSENT if _absent(lower) or _absent(upper) else f"{write(lower)} … {write(upper)}"


def moment(value: Any) -> str:
    """Write a moment to the minute (UTC), or as a date where it falls on midnight."""
    if _absent(value):
        return ABSENT
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return value
    if not isinstance(value, datetime):
        return value.isoformat() if isinstance(value, date) else str(value)
    midnight = (value.hour, value.minute, value.second) == (0, 0, 0)
    return value.strftime("%Y-%m-%d" if midnight else "%Y-%m-%d %H:%M")


def seconds(value: Any) -> str:
    """Write a duration."""
    return ABSENT if _absent(value) else f"{float(value):.1f} s"


def yes(value: Any) -> str:
    """Write a flag."""
    return ABSENT if value is None else "yes" if value else "no"


def text(value: Any) -> str:
    """Write anything else."""
    return ABSENT if _absent(value) else str(value)


def label(key: str) -> str:
    """Turn a key of a JSON object into words: ``observations_matured`` → ``observations matured``."""
    return key.replace("_money", "").replace("_", " ").strip()


def _absent(value: Any) -> bool:
    return value is None or (isinstance(value, float) and not math.isfinite(value))
