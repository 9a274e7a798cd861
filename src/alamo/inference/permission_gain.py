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

Bools = npt.NDArray[np.bool_]

_LOST = ("permission_lost", "channels_lost")
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
    *Reachable* is whoever had a chance of an action, through a channel whoever had a chance of one of its actions. A
    customer is out of reach when the permission is lost for every channel that was open; not while one is left.
    *Assumes* that the gain per reachable customer stays as it was over the year: a policy that learns will earn more,
    customers who leave for good bring less.
    """
    since = terms.as_of - timedelta(days=_YEAR_DAYS)
    own = pc.and_(pc.greater_equal(observations["cycle"], 1), pc.invert(observations["universal_control"]))
    recent = observations.filter(pc.and_(own, pc.greater_equal(observations["decided_at"], since)))
    known = pc.is_in(dr_scores["decision_id"], value_set=recent["decision_id"].combine_chunks())
    log = _Log(dr_scores.filter(known), recent, charged, terms)
    by_channel = {
        channel: (log.gains([name for name, its in channel_of.items() if its == channel]), log.lost(channel))
        for channel in sorted(set(channel_of.values()))
    }
    everything = log.gains(None)
    n = int(everything.reachable.sum())
    if n < LEAST_DECISIONS:
        return Refusal(
            _WHAT,
            f"{n} decisions of the last year had a chance of an action, {LEAST_DECISIONS} are needed",
            "needs about 1 more cycle",
        )
    gone = log.lost(None)  # out of reach is who lost every channel that was open
    for gains, lost in by_channel.values():
        gone &= lost | ~gains.reachable
    enough = {name: part for name, part in by_channel.items() if part[0].reachable.sum() >= LEAST_DECISIONS}
    return PermissionPrices(
        log.price(everything, gone), {name: log.price(gains, lost) for name, (gains, lost) in enough.items()}
    )


@dataclass(frozen=True, slots=True)
class _Log:
    """Scored decisions, what was observed of them, and what their outcomes were charged; all in the same order."""

    scored: pa.Table
    observations: pa.Table
    charged: Mapping[str, float]
    terms: PriceTerms

    def gains(self, actions: Collection[str] | None) -> DecisionGains:
        """Return what the actions brought at each decision; None: all of them."""
        return DecisionGains.of(self.scored, self.observations, self.charged, actions)

    def lost(self, channel: str | None) -> Bools:
        """Say where the permission for `channel` (None: any) was lost; any, where channels were not recorded, (n,)."""
        ids = pc.unique(self.scored["decision_id"])  # in order of appearance, as the gains are
        place = pc.index_in(ids, value_set=self.observations["decision_id"].combine_chunks())
        mine = self.observations.select([name for name in _LOST if name in self.observations.column_names]).take(place)
        lost = np.array(mine["permission_lost"], dtype=bool)
        if channel is None or "channels_lost" not in mine.column_names:
            return lost
        rows = np.flatnonzero(lost)
        names = mine["channels_lost"].take(pa.array(rows)).to_pylist()
        lost[rows] = [one is None or channel in one or ALL_CHANNELS in one for one in names]
        return lost

    def price(self, gains: DecisionGains, lost: Bools) -> PermissionPrice:
        """Return the price of what brought `gains` and was lost where `lost`, shape (n,)."""
        mean = mean_by_group(gains.gain[gains.reachable], gains.unit[gains.reachable])
        loss = lost[gains.reachable]
        n = len(loss)
        p_lost = (int(loss.sum()) + 0.5) / (n + 1.0)  # Jeffreys: none lost so far is no proof that none will be
        return PermissionPrice(
            gain=normal_estimate(mean.mean, mean.se, n, self.terms.level),
            p_lost=p_lost,
            p_lost_se=float(np.sqrt(p_lost * (1.0 - p_lost) / (n + 2.0))),
            cycle_days=self.terms.cycle_days,
            discount_rate_per_year=self.terms.discount_rate_per_year,
            level=self.terms.level,
        )


def not_charged(prices: PermissionPrices) -> Refusal | None:
    """Return why prices that are known are not charged, or None where one is."""
    if prices.found:
        return None
    price = prices.whole
    short = (z_value(price.level) * price.gain.se / max(abs(price.gain.mean), 1e-9)) ** 2
    return Refusal(
        _WHAT,
        f"the gain per reachable customer and cycle, {price.gain.mean:.3f}, is not told from zero: nothing is charged",
        "needs more cycles" + (f", about {short:.0f} times as many" if price.gain.mean > 0 and short < 100 else ""),
    )
