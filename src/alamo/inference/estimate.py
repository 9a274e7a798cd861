"""An estimate: a number with its standard error and interval."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from alamo.numerics.normal import z_value


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number, how sure it is, and from how many independent units.

    Attributes
    ----------
    mean, se
        Point and standard error, in the unit of the quantity.
    lower, upper
        Interval at the level asked for.
    n
        Independent units behind it.
    """

    mean: float
    se: float
    lower: float
    upper: float
    n: int

    def to_dict(self) -> dict[str, Any]:
        """Return the estimate as JSON-able values."""
        return asdict(self)


def normal_estimate(mean: float, se: float, n: int, level: float) -> Estimate:
    """Return an estimate with its fixed-n normal interval."""
    half = z_value(level) * se
    return Estimate(mean, se, mean - half, mean + half, n)
