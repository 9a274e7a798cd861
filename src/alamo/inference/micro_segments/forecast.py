"""How large segments will be and what their customers will bring, with intervals; and how well that would have done.

Sizes follow `alamo.numerics.markov`, over spans as long as the forecast looks ahead. Money of a month is what customers
of a segment brought on average in the month that followed, at the level of the last month; its noise is that of single
customers and of the level from month to month.

Forecasts of the same kind are made at every past month, from what was known then. Their errors say how much wider than
drawn the intervals have to be: shops have seasons that no draw from a few months shows.

Source for judging from several origins: Tashman (2000), International Journal of Forecasting 16(4), §3; for widening by
past errors: Lei, G'Sell, Rinaldo, Tibshirani & Wasserman (2018), JASA 113, §2 (conformal scores).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.inference.micro_segments.definition import MicroSegments
from alamo.inference.micro_segments.moves import moves_over
from alamo.inference.micro_segments.outcomes import future_of
from alamo.numerics.markov import draw_sizes, expected_sizes
from alamo.numerics.moments import sums_by

Floats = npt.NDArray[np.float64]

SPANS = 3
"""Newest past spans that a forecast goes by; older ones show customers and a shop that have changed since."""
DRAWS = 200


@dataclass(frozen=True, slots=True)
class SegmentForecast:
    """Sizes after each month and money of each month; intervals are central.

    Attributes
    ----------
    size, size_lower, size_upper
        Customers, shape (steps, k).
    money, money_lower, money_upper
        Net money of all customers in each month, shape (steps,).
    level
        Of the intervals.
    size_scale, money_scale
        By how much the intervals were widened because of past errors; 1 where there are none yet.
    """

    size: Floats
    size_lower: Floats
    size_upper: Floats
    money: Floats
    money_lower: Floats
    money_upper: Floats
    level: float
    size_scale: float = 1.0
    money_scale: float = 1.0

    def widened(self, size_scale: float, money_scale: float) -> SegmentForecast:
        """Return the forecast with its intervals stretched about it; sizes stay at or above 0."""
        return replace(
            self,
            size_lower=np.maximum(self.size - size_scale * (self.size - self.size_lower), 0.0),
            size_upper=self.size + size_scale * (self.size_upper - self.size),
            money_lower=self.money - money_scale * (self.money - self.money_lower),
            money_upper=self.money + money_scale * (self.money_upper - self.money),
            size_scale=size_scale,
            money_scale=money_scale,
        )


@dataclass(frozen=True, slots=True)
class OriginScore:
    """How a forecast made in the past did at the end of the months it looked ahead.

    Attributes
    ----------
    day
        When it was made.
    error, error_no_change
        Mean absolute error of the sizes, and that of "sizes stay as they are" (customers per segment).
    covered
        Share of the segments whose size lay in its interval.
    money, money_forecast, money_no_change
        Net money of the months ahead as it came, as forecast, and were each like the month before.
    money_covered
        Share of the months whose money lay in its interval.
    widened
        Whether earlier forecasts were known to widen the intervals by.
    """

    day: str
    error: float
    error_no_change: float
    covered: float
    money: float
    money_forecast: float
    money_no_change: float
    money_covered: float
    widened: bool


@dataclass(frozen=True, slots=True)
class _Past:
    """A forecast made at a past month, and what came."""

    origin: int
    forecast: SegmentForecast
    start: Floats
    came: Floats
    money: Floats


def forecast_segments(
    snapshots: Sequence[pa.Table], definition: MicroSegments, steps: int, *, level: float = 0.9, seed: int = 0
) -> tuple[SegmentForecast | None, tuple[OriginScore, ...]]:
    """Return the forecast from the last snapshot, and how its like did at past months.

    Parameters
    ----------
    snapshots
        Profiles a month apart, oldest first.
    steps
        Months ahead.
    seed
        Of the draws.

    Assumes
    -------
    The definition is today's at every origin; moves and money are those known there.

    Not supported
    -------------
    A season: a year that repeats itself takes two years to be seen. Intervals widen by past errors instead.
    """
    if len(snapshots) < steps + 2:
        return None, ()
    past = [
        _past(snapshots, definition, origin, steps, (level, seed)) for origin in range(steps, len(snapshots) - steps)
    ]
    scores = []
    for one in past:
        earlier = [other for other in past if other.origin + steps <= one.origin]
        widened = one.forecast.widened(*_scales(earlier, level))
        day = str(snapshots[one.origin]["as_of_day"][0].as_py())
        last = float(future_of(snapshots, one.origin - 1, 1).money.sum())
        scores.append(_score(replace(one, forecast=widened), day, last * steps, bool(earlier)))
    drawn = _drawn(snapshots, definition, steps, level, seed)
    return drawn.widened(*_scales(past, level)), tuple(scores)


def _past(
    snapshots: Sequence[pa.Table], definition: MicroSegments, origin: int, steps: int, how: tuple[float, int]
) -> _Past:
    k, later = len(definition.numbers), range(origin, origin + steps)
    start, came = (
        np.bincount(definition.places(snapshots[m]), minlength=k).astype(np.float64) for m in (origin, origin + steps)
    )
    money = np.array([future_of(snapshots, m, 1).money.sum() for m in later])
    return _Past(origin, _drawn(snapshots[: origin + 1], definition, steps, *how), start, came, money)


def _scales(past: Sequence[_Past], level: float) -> tuple[float, float]:
    """Return by how much intervals must be wider for a share `level` of past values to have lain inside; at least 1."""
    if not past:
        return 1.0, 1.0
    sizes = [_strain(p.came, p.forecast.size[-1], p.forecast.size_lower[-1], p.forecast.size_upper[-1]) for p in past]
    money = [_strain(p.money, p.forecast.money, p.forecast.money_lower, p.forecast.money_upper) for p in past]
    size, cash = (float(np.quantile(np.concatenate(strain), level)) for strain in (sizes, money))
    return max(size, 1.0), max(cash, 1.0)


def _strain(came: Floats, middle: Floats, lower: Floats, upper: Floats) -> Floats:
    """Return how far values lie from the forecast, in widths of that side of the interval (at least one customer)."""
    side = np.where(came > middle, upper - middle, middle - lower)
    found: Floats = np.abs(came - middle) / np.maximum(side, 1.0)
    return found


def _score(past: _Past, day: str, no_change: float, widened: bool) -> OriginScore:
    found = past.forecast
    inside = (found.size_lower[-1] <= past.came) & (past.came <= found.size_upper[-1])
    money_inside = (found.money_lower <= past.money) & (past.money <= found.money_upper)
    return OriginScore(
        day=day,
        error=float(np.abs(found.size[-1] - past.came).mean()),
        error_no_change=float(np.abs(past.start - past.came).mean()),
        covered=float(inside.mean()),
        money=float(past.money.sum()),
        money_forecast=float(found.money.sum()),
        money_no_change=no_change,
        money_covered=float(money_inside.mean()),
        widened=widened,
    )


def _drawn(
    snapshots: Sequence[pa.Table], definition: MicroSegments, steps: int, level: float, seed: int
) -> SegmentForecast:
    """Return the forecast from the last snapshot with the intervals of the draws."""
    k = len(definition.numbers)
    start = np.bincount(definition.places(snapshots[-1]), minlength=k).astype(np.float64)
    rng = np.random.default_rng(seed)
    weight = rng.random(DRAWS)
    moves = [moves_over(snapshots, definition, months, SPANS) for months in range(1, steps + 1)]
    sizes = np.stack([draw_sizes(start, moved, weight, rng) for moved in moves], axis=1)
    size = np.stack([expected_sizes(start, moved) for moved in moves])
    mean, variance, levels = _money(snapshots, definition)
    held = np.concatenate([np.repeat(start[None, None], DRAWS, axis=0), sizes[:, :-1]], axis=1)
    changes = np.diff(np.log(np.maximum(levels, 1e-6)))
    jump = rng.choice(np.concatenate([changes, -changes, [0.0]]), (DRAWS, steps)).cumsum(axis=1)
    noise = np.sqrt(held @ variance) * rng.standard_normal(jump.shape)
    brought = (held @ mean) * levels[-1] * np.exp(jump) + noise
    tails = [0.5 - 0.5 * level, 0.5 + 0.5 * level]
    lower, upper = np.quantile(sizes, tails, axis=0)
    money = np.concatenate([start[None], size[:-1]]) @ mean * levels[-1]
    money_lower, money_upper = np.quantile(brought, tails, axis=0)
    return SegmentForecast(
        size=size,
        size_lower=np.minimum(lower, size),
        size_upper=np.maximum(upper, size),
        money=money,
        money_lower=np.minimum(money_lower, money),
        money_upper=np.maximum(money_upper, money),
        level=level,
    )


def _money(snapshots: Sequence[pa.Table], definition: MicroSegments) -> tuple[Floats, Floats, Floats]:
    """Return mean and variance of money in the month after, per customer and segment, and each month's level.

    Shapes (k,), (k,), (months,); a level is a month's total as a share of what the means say for its customers.
    """
    k, months = len(definition.numbers), range(len(snapshots) - 1)
    place = [definition.places(snapshots[m]) for m in months]
    money = [future_of(snapshots, m, 1).money for m in months]
    every, brought = np.concatenate(place), np.concatenate(money)
    n = np.maximum(sums_by(every, np.ones(len(every)), k), 1.0)
    mean = sums_by(every, brought, k) / n
    variance = sums_by(every, (brought - mean[every]) ** 2, k) / n
    level = [float(m.sum() / max(mean[p].sum(), 1e-9)) for m, p in zip(money, place, strict=True)]
    return mean, variance, np.array(level)
