"""What a reachable customer brings per cycle, and how long a permission lasts: the parts of its price, estimated.

A cycle's gain is measured doubly robustly against contacting nobody: Σ_a p_a·Γ(a) − Γ(none) of each decision that had a
chance of an action, as `programme_gain` does for the whole cycle.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.event import ALL_CHANNELS
from alamo.domain.reasons import Refusal
from alamo.inference.estimate import normal_estimate
from alamo.inference.permission_price import PermissionPrice, PermissionPrices
from alamo.inference.programme import DecisionGains
from alamo.numerics.doubly_robust import mean_by_group
from alamo.numerics.normal import z_value

LEAST_DECISIONS = 100
"""Fewer reachable decisions say nothing about a gain."""

_YEAR_DAYS = 365.0
_WHAT = "price of a lost permission"


@dataclass(frozen=True, slots=True)
class PriceTerms:
    """What a price is worked out under: the moment, the level of intervals, a cycle's length, and the discount rate."""

    as_of: datetime
    level: float
    cycle_days: int
    discount_rate_per_year: float


def permission_price(
    dr_scores: pa.Table,
    observations: pa.Table,
    charged: Mapping[str, float],
    terms: PriceTerms,
    channel_of: Mapping[str, str],
) -> PermissionPrices | Refusal:
    """Return the prices of a lost permission from the decisions of the last year, or why there is none.

    Parameters
    ----------
    dr_scores
        DR_SCORES of matured cycles.
    observations
        OBSERVATIONS of the same decisions; imported experiments (cycles below 1) are left out: nobody chose among
        their actions, and they record no losses.
    charged
        Decision → what its outcome was charged for a lost permission already. It is put back, weighted by the inverse
        propensity: a price made of gains that hold the price would count the loss twice.
    terms
        As of when, and how.
    channel_of
        Action → channel. What an action that is missing brought counts in the whole and in no channel.

    Notes
    -----
    *Reachable* is whoever had a chance of an action, through a channel whoever had a chance of one of its actions.
    *Assumes* that the gain per reachable customer stays as it was over the year: a policy that learns will earn more,
    customers who leave for good bring less.
    """
    since = terms.as_of - timedelta(days=_YEAR_DAYS)
    own = pc.and_(pc.greater_equal(observations["cycle"], 1), pc.invert(observations["universal_control"]))
    recent = observations.filter(pc.and_(own, pc.greater_equal(observations["decided_at"], since)))
    known = pc.is_in(dr_scores["decision_id"], value_set=recent["decision_id"].combine_chunks())
    log = _Log(dr_scores.filter(known), recent, charged)
    whole = log.price(None, None, terms)
    if isinstance(whole, int):
        return Refusal(
            _WHAT,
            f"{whole} decisions of the last year had a chance of an action, {LEAST_DECISIONS} are needed",
            "needs about 1 more cycle",
        )
    channels: dict[str, PermissionPrice] = {}
    for channel in sorted(set(channel_of.values())):
        price = log.price(channel, [name for name, its in channel_of.items() if its == channel], terms)
        if not isinstance(price, int):
            channels[channel] = price
    return PermissionPrices(whole, channels)


@dataclass(frozen=True, slots=True)
class _Log:
    """Scored decisions, what was observed of them, and what their outcomes were charged."""

    scored: pa.Table
    observations: pa.Table
    charged: Mapping[str, float]

    def price(self, channel: str | None, actions: Collection[str] | None, terms: PriceTerms) -> PermissionPrice | int:
        """Return the price of a channel's permission, None for all; the number of decisions if they are too few."""
        gains = DecisionGains.of(self.scored, self.observations, self.charged, actions)
        place = pc.index_in(gains.decision_id, value_set=self.observations["decision_id"].combine_chunks())
        lost_of = _lost(self.observations, channel)[np.asarray(place, dtype=np.int64)]
        gain, unit, loss = gains.gain[gains.reachable], gains.unit[gains.reachable], lost_of[gains.reachable]
        if len(gain) < LEAST_DECISIONS:
            return len(gain)
        mean = mean_by_group(gain, unit)
        n, lost = len(loss), int(loss.sum())
        p_lost = (lost + 0.5) / (n + 1.0)  # Jeffreys: none lost so far is no proof that none will be
        return PermissionPrice(
            gain=normal_estimate(mean.mean, mean.se, n, terms.level),
            p_lost=p_lost,
            p_lost_se=float(np.sqrt(p_lost * (1.0 - p_lost) / (n + 2.0))),
            cycle_days=terms.cycle_days,
            discount_rate_per_year=terms.discount_rate_per_year,
            level=terms.level,
        )


def _lost(observations: pa.Table, channel: str | None) -> npt.NDArray[np.bool_]:
    """Say where the permission for `channel` (None: any) was lost; any, where the channels were not recorded, (n,)."""
    lost = np.array(observations["permission_lost"], dtype=bool)
    if channel is None or "channels_lost" not in observations.column_names:
        return lost
    rows = np.flatnonzero(lost)
    names = observations["channels_lost"].take(pa.array(rows)).to_pylist()
    lost[rows] = [one is None or channel in one or ALL_CHANNELS in one for one in names]
    return lost


def not_charged(price: PermissionPrice) -> Refusal | None:
    """Return why a price that is known is not charged, or None where it is."""
    if price.found:
        return None
    short = (z_value(price.level) * price.gain.se / max(abs(price.gain.mean), 1e-9)) ** 2
    return Refusal(
        _WHAT,
        f"the gain per reachable customer and cycle, {price.gain.mean:.3f}, is not told from zero: nothing is charged",
        "needs more cycles" + (f", about {short:.0f} times as many" if price.gain.mean > 0 and short < 100 else ""),
    )
