"""Cohort tables: of those who came in a period, how many bought one, two, three periods later, for how much."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.domain.errors import UsageError
from alamo.inference.lifetime_value.summary import PurchaseDays

PERIODS = ("week", "month", "quarter", "year")
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_MONDAY = 3  # 1970-01-01 was a Thursday


def cohort_table(purchases: PurchaseDays, *, period: str = "month", until_day: int | None = None) -> pa.Table:
    """Return one row per cohort and age, for every age that has been seen to its end.

    Columns ``cohort`` (first day of the period of the first purchase), ``age`` (periods since), ``customers`` (size of
    the cohort), ``active`` (bought in that period), ``retention`` (active over customers), ``purchases`` (purchase
    days) and ``money`` (null without amounts). A period in which nobody bought is a row with zeros; one that was not
    over by `until_day` is absent.

    Parameters
    ----------
    period
        ``"week"`` (from Monday), ``"month"``, ``"quarter"`` or ``"year"`` of the calendar.
    until_day
        Last day seen, days since 1970-01-01; None takes the last purchase.

    Raises
    ------
    UsageError
        If the period is another word.
    """
    if period not in PERIODS:
        raise UsageError(
            f"a cohort cannot be a {period!r}",
            hint=f"Choose one of: {', '.join(PERIODS)}.",
            code="lifetime.unknown_period",
        )
    last = int(purchases.day.max()) if until_day is None else until_day
    seen = purchases.selected(purchases.day <= last)
    index = period_of(seen.day, period)
    first_row = np.flatnonzero(np.diff(seen.customer, prepend=-1) != 0)
    born = index[first_row][np.cumsum(np.diff(seen.customer, prepend=-1) != 0) - 1]
    # periods that are over: the one that holds the day after the last is not
    complete = int(period_of(np.array([last + 1]), period)[0])
    kept = index < complete
    cohorts, sizes = np.unique(index[first_row], return_counts=True)
    cohorts, sizes = cohorts[cohorts < complete], sizes[cohorts < complete]
    spans = complete - cohorts
    start = np.cumsum(spans) - spans
    where = start[np.searchsorted(cohorts, born[kept])] + (index - born)[kept]
    total = int(spans.sum())
    once = np.diff(seen.customer[kept], prepend=-1) != 0
    once |= np.diff(index[kept], prepend=-1) != 0
    active = np.bincount(where[once], minlength=total)
    size = np.repeat(sizes, spans)
    money = None if seen.money is None else np.bincount(where, weights=seen.money[kept], minlength=total)
    return pa.table(
        {
            "cohort": pa.array(first_day(np.repeat(cohorts, spans), period).astype(np.int32), pa.date32()),
            "age": np.arange(total) - np.repeat(start, spans),
            "customers": size,
            "active": active,
            "retention": active / size,
            "purchases": np.bincount(where, minlength=total),
            "money": pa.nulls(total, pa.float64()) if money is None else pa.array(money),
        }
    )


def period_of(day: npt.NDArray[np.int64], period: str) -> npt.NDArray[np.int64]:
    """Return the running number of the period that holds each day."""
    if period == "week":
        return np.asarray((day + _MONDAY) // 7)
    months = day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return np.asarray(months // _MONTHS[period])


def first_day(index: npt.NDArray[np.int64], period: str) -> npt.NDArray[np.int64]:
    """Return the first day of each period, by its running number."""
    if period == "week":
        return np.asarray(index * 7 - _MONDAY)
    return np.asarray((index * _MONTHS[period]).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64))
