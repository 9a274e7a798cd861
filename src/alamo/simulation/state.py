"""The state of the market between two cycles, and the sums a purchase-process model sees at the end of a window."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from alamo.simulation.purchases import Flags, Floats, Ints, Purchases, ranks


@dataclass(frozen=True, slots=True)
class Ledger:
    """What a customer bought to date, as sums; arrays of shape (n,).

    Attributes
    ----------
    purchase_days
        Distinct days with a purchase.
    first_day, last_day
        Day numbers; meaningless without a purchase.
    repeat_total
        Money of all purchase days but the first.
    total
        Money of all of them.
    """

    purchase_days: Ints
    first_day: Ints
    last_day: Ints
    repeat_total: Floats
    total: Floats

    @classmethod
    def empty(cls, n: int) -> Ledger:
        """Return the books of `n` customers who never bought."""
        return cls(np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n), np.zeros(n))

    def after(self, purchases: Purchases) -> Ledger:
        """Return the books with later `purchases` entered."""
        n = len(self.total)
        count = np.bincount(purchases.customer, minlength=n)
        money = np.bincount(purchases.customer, weights=purchases.money, minlength=n)
        rank = ranks(purchases.customer)
        opens = (rank == 0) & (self.purchase_days[purchases.customer] == 0)
        first_day, first_money = self.first_day.copy(), np.zeros(n)
        first_day[purchases.customer[opens]] = purchases.day[opens]
        first_money[purchases.customer[opens]] = purchases.money[opens]
        last_day = self.last_day.copy()
        last_day[purchases.customer] = purchases.day  # ordered by day, so the last one stays
        return Ledger(
            self.purchase_days + count, first_day, last_day, self.repeat_total + money - first_money, self.total + money
        )

    def after_one(self, day: Ints, money: Floats) -> Ledger:
        """Return the books after one further purchase of everybody on a later day that holds no other, (n,) each."""
        new = self.purchase_days == 0
        return Ledger(
            self.purchase_days + 1,
            np.where(new, day, self.first_day),
            day,
            self.repeat_total + np.where(new, 0.0, money),
            self.total + money,
        )

    def statistics(self, today: int) -> tuple[Floats, Floats, Floats, Floats]:
        """Return x, t_x, T (days) and the mean money of repeat purchase days as of the start of day `today`."""
        bought = self.purchase_days > 0
        x = np.maximum(self.purchase_days - 1, 0).astype(np.float64)
        t_x = np.where(bought, self.last_day - self.first_day, 0).astype(np.float64)
        t = np.where(bought, today - self.first_day, 0).astype(np.float64)
        return x, t_x, t, self.repeat_total / np.maximum(x, 1.0)


@dataclass(frozen=True, slots=True)
class MarketState:
    """Everything that changes from cycle to cycle; arrays of shape (n,) unless said otherwise.

    Attributes
    ----------
    alive
        Not gone for good (the natural process).
    ledger
        What was bought.
    owes
        The next natural purchase was pulled forward and will not take place.
    owes_money
        Money by which the next natural purchases will be smaller.
    withdrawn
        Permission withdrawn, shape (n, channels).
    contacts
        Contacts in the last and the last but one cycle, shape (n, 2).
    """

    alive: Flags
    ledger: Ledger
    owes: Flags
    owes_money: Floats
    withdrawn: Flags
    contacts: Ints

    @classmethod
    def opening(cls, alive: Flags, ledger: Ledger, n_channels: int) -> MarketState:
        """Return the state at the start of the first cycle."""
        n = len(alive)
        return cls(
            alive, ledger, np.zeros(n, bool), np.zeros(n), np.zeros((n, n_channels), bool), np.zeros((n, 2), np.int64)
        )

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays by name, for a file."""
        own = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "ledger"}
        return own | {f"ledger_{f.name}": getattr(self.ledger, f.name) for f in fields(self.ledger)}

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> MarketState:
        """Return the state written by `to_arrays`."""
        books = Ledger(**{f.name: arrays[f"ledger_{f.name}"] for f in fields(Ledger)})
        return cls(ledger=books, **{f.name: arrays[f.name] for f in fields(cls) if f.name != "ledger"})
