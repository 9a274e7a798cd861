"""The price of a lost permission: what a reachable customer is still expected to bring, from the loop's own gains.

A permission lost ends the gains per cycle for as long as it would have lasted: it would have been lost later with the
same chance per cycle as any other, and what lies further off counts less. So with hazard h and discount rate r per day,
over a horizon of H days,

    price = gain per cycle · (1 − exp(−(h + r)·H)) / ((h + r) · days of a cycle).

Nothing is charged before the gain has been found: its interval has to exclude zero.

A permission for one channel ends what that channel brings, so each channel has a price of its own, from the gain of its
actions among the customers it reaches. A permission for every channel has the price of a reachable customer.

*Assumes* that nothing takes the place of what went through the channel lost: a policy that turns to another channel
loses less.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.domain.event import ALL_CHANNELS
from alamo.inference.estimate import Estimate, normal_estimate

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

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
class PermissionPrices:
    """The price of a reachable customer, and of each channel.

    Attributes
    ----------
    whole
        Of a customer who can be reached at all.
    by_channel
        Channel → price among the customers it reaches; a channel that too few decisions say anything about is missing.
        None: frozen before channels were told apart.
    """

    whole: PermissionPrice
    by_channel: Mapping[str, PermissionPrice] | None = None

    @property
    def found(self) -> bool:
        """Whether anything is charged for any loss."""
        return self.whole.found or any(price.found for price in (self.by_channel or {}).values())

    def charge_money(self, lost: Sequence[str] | None, horizon_days: float) -> float:
        """Return what an outcome is charged for the permissions `lost` (channels, ``*`` for all; None: not recorded).

        A channel without a price of its own brings nothing that is known, so its loss costs nothing. All channels
        together cost no less than any of them: where some harm, the gain of all may not be found, and that of one is.
        """
        known = self.by_channel or {}
        if lost is None or ALL_CHANNELS in lost or (lost and self.by_channel is None):
            return max(price.charge_money(horizon_days) for price in (self.whole, *known.values()))
        return sum((known[name].charge_money(horizon_days) for name in lost if name in known), 0.0)

    def to_dict(self) -> dict[str, Any]:
        """Return the prices' parts as JSON-able values."""
        channels = {} if self.by_channel is None else self.by_channel
        told = {} if self.by_channel is None else {"channels": {name: one.to_dict() for name, one in channels.items()}}
        return {"price": self.whole.to_dict(), **told}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> PermissionPrices:
        """Return the prices that `to_dict` wrote."""
        channels = values.get("channels")
        told = None if channels is None else {name: PermissionPrice.from_dict(one) for name, one in channels.items()}
        return cls(PermissionPrice.from_dict(values["price"]), told)


@dataclass(frozen=True, slots=True)
class Prices:
    """What outcomes are charged for lost permissions.

    Attributes
    ----------
    by_cycle
        Cycle → the prices frozen before it; a cycle that is missing, or None, charges nothing.
    horizon_days
        Future that counts after the outcome window, of cycles that `horizons` lacks.
    horizons
        Cycle → horizon of the residual value that its outcomes hold: frozen before it, so that the short and the longer
        outcome count the same future whatever the settings have become in between.
    """

    by_cycle: Mapping[int, PermissionPrices | None]
    horizon_days: int
    horizons: Mapping[int, int] = field(default_factory=dict)

    def charge(self, observations: pa.Table, elapsed_days: Floats | None = None) -> Floats:
        """Return what each row is charged (money at the end of the outcome window, ≥ 0), shape (n,).

        Parameters
        ----------
        observations
            With ``cycle``, ``permission_lost`` and, where it is recorded, ``channels_lost``.
        elapsed_days
            From the end of the outcome window to the moment when the loss is charged, shape (n,); what is left of the
            horizon then is charged, discounted at the price's own rate. None: nothing has elapsed.
        """
        n = observations.num_rows
        rows = np.flatnonzero(np.asarray(observations["permission_lost"]))
        since = np.zeros(n) if elapsed_days is None else elapsed_days
        cycles = observations["cycle"].to_numpy()
        lost = observations.take(pa.array(rows))
        channels = lost["channels_lost"].to_pylist() if "channels_lost" in lost.column_names else [None] * len(rows)
        charge, known = np.zeros(n), dict[tuple[Any, ...], float]()
        for row, names in zip(rows.tolist(), channels, strict=True):
            key = (int(cycles[row]), float(since[row]), None if names is None else tuple(names))
            if key not in known:
                known[key] = self._charge_money(*key)
            charge[row] = known[key]
        return charge

    def _charge_money(self, cycle: int, elapsed_days: float, lost: Sequence[str] | None) -> float:
        price = self.by_cycle.get(cycle)
        if price is None:
            return 0.0
        ahead = max(round(self.horizons.get(cycle, self.horizon_days) - elapsed_days), 0)
        rate = price.whole.discount_rate_per_year
        return price.charge_money(lost, ahead) * float(np.exp(-rate * elapsed_days / _YEAR_DAYS))
