"""Dates of contracts as renewals: months with and without a 31st, ends of terms, answers not yet due."""

from __future__ import annotations

import numpy as np
import pytest

from alamo.inference.lifetime_value.contract_calendar import NEVER, periods_between, renewals


def day(text: str | None) -> int:
    return NEVER if text is None else int(np.datetime64(text, "D").astype(np.int64))


@pytest.mark.parametrize(
    ("start", "later", "every", "periods"),
    [
        ("2020-01-15", "2020-02-14", "month", 0),
        ("2020-01-15", "2020-02-15", "month", 1),
        ("2020-01-31", "2020-02-28", "month", 0),
        ("2020-01-31", "2020-02-29", "month", 1),  # the month has no 31st: its last day
        ("2020-01-31", "2020-03-30", "month", 1),
        ("2020-01-31", "2020-03-31", "month", 2),
        ("2020-02-29", "2021-02-28", "year", 1),
        ("2020-01-15", "2020-04-14", "quarter", 0),
        ("2020-01-15", "2021-01-15", "quarter", 4),
        ("2020-01-15", "2020-01-28", "week", 1),
        ("2020-01-15", "2020-01-14", "month", -1),
        ("1969-12-31", "1970-01-31", "month", 1),
    ],
)
def test_whole_periods_between_two_days(start: str, later: str, every: str, periods: int) -> None:
    assert periods_between(np.array([day(start)]), np.array([day(later)]), every).tolist() == [periods]


@pytest.mark.parametrize(
    ("start", "end", "up_for", "left", "active"),
    [
        ("2020-01-15", None, 4, False, True),
        ("2020-01-15", "2020-02-14", 1, True, False),  # the last day of the term
        ("2020-01-15", "2020-02-15", 1, True, False),  # the day of the renewal
        ("2020-01-15", "2020-02-16", 2, True, False),  # renewed once, cancelled the day after
        ("2020-01-15", "2020-01-15", 1, True, False),
        ("2020-05-01", "2020-05-20", 0, False, False),  # has said so, but the renewal is not yet due
        ("2020-02-01", "2020-05-20", 3, False, False),
        ("2020-02-01", "2020-06-20", 3, False, True),  # what comes after the last day is not known
        ("2020-05-25", None, 0, False, True),
    ],
)
def test_renewals_as_they_were_known_on_a_day(
    start: str, end: str | None, up_for: int, left: bool, active: bool
) -> None:
    found = renewals(np.array([day(start)]), np.array([day(end)]), day("2020-05-31"), "month")
    assert (found.up_for[0], found.left[0], found.active[0]) == (up_for, left, active)


@pytest.mark.parametrize("every", ["week", "month", "quarter", "year"])
def test_what_was_known_earlier_is_the_beginning_of_what_is_known_later(every: str) -> None:
    rng = np.random.default_rng(5)
    start = day("2018-01-01") + rng.integers(0, 500, 500)
    end = np.where(rng.random(500) < 0.6, start + rng.integers(0, 900, 500), NEVER)
    then, later = (renewals(start, end, day(until), every) for until in ("2019-06-30", "2021-01-31"))
    assert (later.up_for >= then.up_for)[start <= day("2019-06-30")].all()
    assert later.left[then.left].all()
    np.testing.assert_array_equal(later.up_for[then.left], then.up_for[then.left])
