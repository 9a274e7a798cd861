"""The natural purchase process: who buys on which day when nobody is contacted.

Each living customer buys on a day with probability 1 − exp(−rate · season), and after each purchase is gone for good
with the own dropout probability (buy-till-you-die: Fader, Hardie & Lee (2005), "Counting your customers the easy way",
Marketing Science 24(2), in its day-wise form). Nothing an action does touches this process: what actions add, cancel or
pull forward is put on top of it, so the world with and without a contact differ by that contact alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Latents:
    """What nobody sees about a customer and what never changes; arrays of shape (n,).

    Attributes
    ----------
    rate_per_day
        Purchase days per day while alive, at season 1.
    dropout
        Chance to be gone after a purchase.
    order_money
        Mean order value.
    order_noise
        Log standard deviation of order values around it, one number for all.
    taste
        Category probabilities, shape (n, k).
    hidden
        Standard normal trait that shows nowhere.
    """

    rate_per_day: Floats
    dropout: Floats
    order_money: Floats
    order_noise: float
    taste: Floats
    hidden: Floats


@dataclass(frozen=True, slots=True)
class Purchases:
    """Purchase days, ordered by customer and day without doubles; shape (m,)."""

    customer: Ints
    day: Ints
    money: Floats
    category: Ints

    def where(self, keep: Flags) -> Purchases:
        """Return the rows in `keep`."""
        return Purchases(self.customer[keep], self.day[keep], self.money[keep], self.category[keep])

    def scaled(self, factor: Floats) -> Purchases:
        """Return the rows with every value multiplied by its customer's `factor` (n,)."""
        return Purchases(self.customer, self.day, self.money * factor[self.customer], self.category)

    def merged(self, other: Purchases) -> Purchases:
        """Return both together; two purchases of a customer on one day become one of the summed value."""
        customer = np.concatenate([self.customer, other.customer])
        day = np.concatenate([self.day, other.day])
        money = np.concatenate([self.money, other.money])
        category = np.concatenate([self.category, other.category])
        order = np.lexsort((day, customer))
        customer, day, money, category = customer[order], day[order], money[order], category[order]
        first = np.ones(len(customer), dtype=bool)
        first[1:] = (customer[1:] != customer[:-1]) | (day[1:] != day[:-1])
        group = np.cumsum(first) - 1
        summed = np.bincount(group, weights=money, minlength=int(first.sum()))
        return Purchases(customer[first], day[first], np.asarray(summed, dtype=np.float64), category[first])


def ranks(customer: Ints) -> Ints:
    """Return the place of each row among its customer's rows (0-based); `customer` is sorted."""
    new = np.ones(len(customer), dtype=bool)
    new[1:] = customer[1:] != customer[:-1]
    starts = np.flatnonzero(new)
    return (np.arange(len(customer)) - np.repeat(starts, np.diff(np.append(starts, len(customer))))).astype(np.int64)


def season_of_days(season: tuple[float, ...], start: datetime, days: int) -> Floats:
    """Return the season's multiplier of each day from `start`, shape (days,)."""
    of_year = [(start + timedelta(days=d)).timetuple().tm_yday - 1 for d in range(days)]
    return np.array([season[min(day * len(season) // 366, len(season) - 1)] for day in of_year], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class NaturalCycle:
    """One cycle of the natural process: the purchases, before debts are repaid, and who is alive at its end."""

    purchases: Purchases
    alive: Flags


def natural_cycle(
    latents: Latents, alive: Flags, season: Floats, first_day: int, rng: np.random.Generator
) -> NaturalCycle:
    """Draw the natural purchases of ``len(season)`` days.

    Parameters
    ----------
    alive
        Who is not gone at the start, shape (n,).
    season
        Multiplier of each day, shape (days,).
    first_day
        Day number of the first day.
    rng
        Its draws are laid out by customer and day, so they do not depend on the state.
    """
    n, days = len(alive), len(season)
    chance = rng.random((n, days), dtype=np.float32)
    quiet = rng.random((n, days), dtype=np.float32)
    buys = chance < -np.expm1(-latents.rate_per_day[:, None] * season[None, :])
    customer, offset = np.nonzero(buys & alive[:, None])
    gone = quiet[customer, offset] < latents.dropout[customer]
    before: Ints = np.cumsum(gone) - gone
    rank = ranks(customer)
    kept: Flags = before == np.repeat(before[rank == 0], np.diff(np.append(np.flatnonzero(rank == 0), len(rank))))
    ended = np.zeros(n, dtype=bool)
    ended[customer[kept & gone]] = True
    customer, offset = customer[kept], offset[kept]
    money, category = order_lines(latents, customer, rng)
    day = (offset + first_day).astype(np.int64)
    return NaturalCycle(Purchases(customer.astype(np.int64), day, money, category), alive & ~ended)


def order_lines(latents: Latents, customer: Ints, rng: np.random.Generator) -> tuple[Floats, Ints]:
    """Draw the value and the category of one order for each row of `customer`, shapes (m,)."""
    noise = latents.order_noise
    money = latents.order_money[customer] * np.exp(noise * rng.standard_normal(len(customer)) - noise**2 / 2)
    cumulated = np.cumsum(latents.taste[customer], axis=1)
    draw = rng.random(len(customer))[:, None] * cumulated[:, -1:]
    category = np.minimum((draw > cumulated).sum(axis=1), latents.taste.shape[1] - 1)
    return np.maximum(money, 0.01), category.astype(np.int64)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the natural process will do in a cycle, exactly; arrays of shape (n,).

    Attributes
    ----------
    p_buys
        P(at least one purchase that is not already owed to an earlier pull-forward).
    orders
        Expected number of such purchases.
    p_stays
        P(alive at the end of the cycle), 0 for those gone.
    """

    p_buys: Floats
    orders: Floats
    p_stays: Floats


def outlook(latents: Latents, alive: Flags, owes: Flags, season: Floats) -> Outlook:
    """Return the exact chances of a cycle, given who is alive and whose next purchase is already owed.

    With hazards h_d and dropout p: P(none) = exp(−Σh); P(stays) = Π(1 − p π_d), π_d = 1 − exp(−h_d);
    E[orders] = (1 − P(stays))/p. A customer who owes skips the first purchase, dropout after it included.
    """
    hazard = latents.rate_per_day[:, None] * season[None, :]
    p = latents.dropout
    none = np.exp(-hazard.sum(axis=1))
    log_stays = np.log1p(np.expm1(-hazard) * p[:, None]).sum(axis=1)
    stays = np.exp(log_stays)
    expected = np.where(p > 1e-9, -np.expm1(log_stays) / np.maximum(p, 1e-9), -np.expm1(-hazard).sum(axis=1))
    once = none * np.expm1(hazard).sum(axis=1)
    p_buys = np.where(owes, (1 - p) * np.maximum(1 - none - once, 0.0), 1 - none)
    orders = np.where(owes, expected - (1 - none), expected)
    return Outlook(p_buys * alive, np.maximum(orders, 0.0) * alive, stays * alive)
