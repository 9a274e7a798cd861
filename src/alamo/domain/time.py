"""Time: everything is UTC inside; a cycle is one turn of the loop, numbered from 1."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta


def utc(moment: datetime | date) -> datetime:
    """Return `moment` as an aware UTC datetime; a date means its midnight, a naive datetime is taken as UTC."""
    if not isinstance(moment, datetime):
        return datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def end_of(moment: datetime | date) -> datetime:
    """Return how far `moment` reaches (UTC): a date means the whole day, so its next midnight; a datetime is itself."""
    return utc(moment) if isinstance(moment, datetime) else utc(moment) + timedelta(days=1)


def iso(moment: datetime) -> str:
    """Return `moment` as an ISO 8601 string in UTC with a ``Z``, without fractions of a second."""
    return utc(moment).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class Calendar:
    """The cycles of a project.

    Attributes
    ----------
    first_start
        Start of cycle 1 (UTC).
    cycle_days
        Length of a cycle in days.
    """

    first_start: datetime
    cycle_days: int

    def start(self, cycle: int) -> datetime:
        """Return the start of `cycle` (1-based)."""
        return self.first_start + timedelta(days=self.cycle_days * (cycle - 1))

    def cycle_at(self, moment: datetime) -> int:
        """Return the cycle that `moment` falls into; 0 or less before the first start."""
        return (utc(moment) - self.first_start) // timedelta(days=self.cycle_days) + 1
