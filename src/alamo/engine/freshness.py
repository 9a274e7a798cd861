"""Freshness: whether the newest order is recent enough for a decision of today to make sense."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from alamo.domain.time import iso, utc
from alamo.engine.context import Context

STALE_CYCLES = 2
"""Orders older than this many cycles describe customers who have gone quiet since, or data nobody has imported."""

CURE = "alamo import orders FILE   (to count cycles from today on, set [cycle] first_start in alamo.toml)"


@dataclass(frozen=True, slots=True)
class Stale:
    """Orders that are too old.

    Attributes
    ----------
    newest
        Moment of the newest order.
    days
        Its age.
    cycle
        The cycle that today falls into.
    """

    newest: datetime
    days: int
    cycle: int

    def complaint(self) -> str:
        """Say what happened."""
        return (
            f"your newest order is from {iso(self.newest)[:10]}, {self.days:,} days ago, and today falls into cycle "
            f"{self.cycle:,}: profiles describe customers gone quiet since, and a plan made now rests on old data"
        )


def stale_orders(context: Context) -> Stale | None:
    """Return what is wrong with the age of the orders; None where they are recent, or where there are none."""
    now = utc(context.clock.now())
    newest = context.history.query(
        "SELECT max(occurred_at) AS newest FROM events WHERE kind IN ('order_line', 'return_line') "
        "AND occurred_at <= $now",
        {"now": now},
    )["newest"][0].as_py()
    if newest is None:
        return None
    days = (now - newest).days
    if days <= STALE_CYCLES * context.settings.cycle_days:
        return None
    return Stale(newest, days, max(context.calendar().cycle_at(now), 0))
