"""The price of a lost permission: what a reachable customer is still expected to bring, from the loop's own gains.

A permission lost ends the gains per cycle for as long as it would have lasted: it would have been lost later with the
same chance per cycle as any other, and what lies further off counts less. So with hazard h and discount rate r per day,
over a horizon of H days,

    price = gain per cycle · (1 − exp(−(h + r)·H)) / ((h + r) · days of a cycle).

Nothing is charged before the gain has been found: its interval has to exclude zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from alamo.inference.estimate import Estimate, normal_estimate

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_YEAR_DAYS = 365.0


@dataclass(frozen=True, slots=True)
class PermissionPrice:
    """What a reachable customer is expected to bring, and for how long.

    Attributes
    ----------
    gain
        Incremental money per reachable customer and cycle.
    p_lost, p_lost_se
        Chance to lose the permission in a cycle, and its standard error.
    cycle_days
        Length of a cycle.
    discount_rate_per_year
        Continuous.
    level
        Of the intervals.
    """

    gain: Estimate
    p_lost: float
    p_lost_se: float
    cycle_days: int
    discount_rate_per_year: float
    level: float

    @property
    def found(self) -> bool:
        """Whether the gain's interval lies above zero: before that nothing is charged."""
        return self.gain.lower > 0.0

    def over(self, horizon_days: float) -> Estimate:
        """Return what the gains of `horizon_days` are worth to a customer reachable now, money.

        The interval is by the delta method on gain and hazard, estimated from different columns of the same decisions
        and taken as independent.
        """
        cycles, slope = self._cycles(horizon_days)
        hazard_se = self.p_lost_se / max(1.0 - self.p_lost, 1e-9) / self.cycle_days
        se = float(np.hypot(cycles * self.gain.se, self.gain.mean * slope * hazard_se))
        return normal_estimate(self.gain.mean * cycles, se, self.gain.n, self.level)

    def charge_money(self, horizon_days: float) -> float:
        """Return what an outcome is charged for a lost permission: the price once a gain is found, else 0."""
        return self.over(horizon_days).mean if self.found else 0.0

    def _cycles(self, horizon_days: float) -> tuple[float, float]:
        """Return how many cycles' gains a permission is worth, and the derivative by the hazard per day."""
        hazard = -np.log1p(-min(self.p_lost, 1.0 - 1e-9)) / self.cycle_days
        rate = hazard + self.discount_rate_per_year / _YEAR_DAYS
        if rate * horizon_days < 1e-9:
            return horizon_days / self.cycle_days, -0.5 * horizon_days**2 / self.cycle_days
        gone = np.exp(-rate * horizon_days)
        days = (1.0 - gone) / rate
        return float(days / self.cycle_days), float((horizon_days * gone - days) / rate / self.cycle_days)

    def to_dict(self) -> dict[str, Any]:
        """Return the price's parts as JSON-able values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> PermissionPrice:
        """Return the price that `to_dict` wrote."""
        return cls(**{**values, "gain": Estimate(**values["gain"])})


@dataclass(frozen=True, slots=True)
class Prices:
    """What outcomes are charged for a lost permission.

    Attributes
    ----------
    by_cycle
        Cycle → the price frozen before it; a cycle that is missing, or None, charges nothing.
    horizon_days
        Future that counts after the outcome window: the horizon of the residual value.
    """

    by_cycle: Mapping[int, PermissionPrice | None]
    horizon_days: int

    def charge(self, lost: Bools, cycles: Integers, horizon_days: Integers | None = None) -> Floats:
        """Return what each row is charged (money, ≥ 0), shape (n,).

        Parameters
        ----------
        lost
            Whether the permission was lost, shape (n,).
        cycles
            Cycle of each row's decision, shape (n,).
        horizon_days
            Future that counts after the loss, shape (n,); None: that after the outcome window.
        """
        horizon = np.full(len(cycles), self.horizon_days) if horizon_days is None else horizon_days
        charge = np.zeros(len(cycles))
        for cycle, days in np.unique(np.column_stack([cycles, horizon])[lost], axis=0).tolist():
            price = self.by_cycle.get(cycle)
            if price is not None:
                charge[lost & (cycles == cycle) & (horizon == days)] = price.charge_money(days)
        return charge
