"""Cohort tables against a hand count."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from alamo.domain.errors import UsageError
from alamo.inference.lifetime_value.cohorts import cohort_table
from alamo.inference.lifetime_value.summary import purchase_days


def day(text):
    return (date.fromisoformat(text) - date(1970, 1, 1)).days


@pytest.fixture(scope="module")
def purchases():
    rows = [
        ("a", "2024-01-05", 10.0), ("a", "2024-01-20", 5.0), ("a", "2024-03-02", 7.0),
        ("b", "2024-01-31", 20.0),
        ("c", "2024-02-01", 1.0), ("c", "2024-03-31", 2.0), ("c", "2024-04-10", 9.0),
    ]  # fmt: skip
    who, when, money = zip(*rows, strict=True)
    return purchase_days(pa.array(who), np.array([day(text) for text in when]), np.array(money))


def test_months_that_are_over_are_counted_and_others_are_absent(purchases):
    table = cohort_table(purchases).to_pydict()
    assert table["cohort"] == [date(2024, 1, 1)] * 3 + [date(2024, 2, 1)] * 2
    assert table["age"] == [0, 1, 2, 0, 1]
    assert table["customers"] == [2, 2, 2, 1, 1]
    assert table["active"] == [2, 0, 1, 1, 1]
    assert table["retention"] == [1.0, 0.0, 0.5, 1.0, 1.0]
    assert table["purchases"] == [3, 0, 1, 1, 1]
    assert table["money"] == [35.0, 0.0, 7.0, 1.0, 2.0]


def test_the_last_day_of_a_month_ends_it(purchases):
    assert cohort_table(purchases, until_day=day("2024-03-31")).num_rows == 5
    assert cohort_table(purchases, until_day=day("2024-03-30")).num_rows == 3


def test_weeks_begin_on_monday_and_quarters_with_their_month(purchases):
    weeks = cohort_table(purchases, period="week").to_pydict()["cohort"]
    assert {first.weekday() for first in weeks} == {0}
    assert cohort_table(purchases, period="quarter").to_pydict()["cohort"] == [date(2024, 1, 1)]


def test_another_period_is_refused(purchases):
    with pytest.raises(UsageError, match="cannot be a 'decade'"):
        cohort_table(purchases, period="decade")
