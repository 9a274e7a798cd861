"""Dates of contracts as renewals: how many a customer was up for, and whether the last one was refused.

Renewals fall on the day of the month on which the contract began, or on the month's last day where it has no such day.
Whoever ends within a period, on its last day or on the day of the renewal refuses the renewal at its end. One that was
not yet due counts for nobody: those who have said that they leave would else be at risk without those who will stay.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Days = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

NEVER = np.iinfo(np.int64).max
"""End of a contract that goes on."""

_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_WEEK_DAYS = 7


@dataclass(frozen=True, slots=True, eq=False)
class Renewals:
    """Contracts as they were known on some day; shapes (n,).

    Attributes
    ----------
    up_for
        Renewals that were due and whose answer is known.
    left
        Whether the last of them was refused.
    active
        Whether the contract goes on; neither left nor active is who has ended before the next renewal.
    """

    up_for: Days
    left: Flags
    active: Flags


def renewals(start: Days, end: Days, until: int, every: str) -> Renewals:
    """Return what was known on the day `until` of contracts that had begun by then.

    Parameters
    ----------
    start, end
        First day, and last day or the day after it, as days since 1970-01-01; `end` is `NEVER` while it goes on.
    """
    due = periods_between(start, np.full(len(start), until), every)
    known = end <= until
    refused = np.maximum(periods_between(start, np.where(known, end, until) - 1, every) + 1, 1)
    left = known & (refused <= due)
    return Renewals(np.where(left, refused, due), left, ~known)


def periods_between(start: Days, day: Days, every: str) -> Days:
    """Return how many whole periods lie between `start` and `day`, shape (n,); below 0 before the start."""
    if every == "week":
        return np.asarray((day - start) // _WEEK_DAYS)
    first, later = (days.astype("datetime64[D]") for days in (start, day))
    months = later.astype("datetime64[M]").astype(np.int64) - first.astype("datetime64[M]").astype(np.int64)
    month = later.astype("datetime64[M]")
    last = ((month + 1).astype("datetime64[D]") - month.astype("datetime64[D]")).astype(np.int64)
    day_of_month = (later - month.astype("datetime64[D]")).astype(np.int64) + 1
    began = (first - first.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64) + 1
    whole = months - (day_of_month < np.minimum(began, last))
    return np.asarray(whole // _MONTHS[every])
