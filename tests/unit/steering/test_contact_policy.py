"""Quiet hours in the customer's own time zone."""

from __future__ import annotations

from datetime import UTC, datetime, time

import pyarrow as pa
import pytest

from alamo.domain.action import QuietHours
from alamo.steering.contact_policy import earliest_send

NIGHT = QuietHours(time(21), time(8))


def sends(now: datetime, *zones: str | None, quiet: QuietHours | None = NIGHT) -> list[datetime]:
    column = pa.chunked_array([pa.array(zones, type=pa.string())])
    return [moment.astimezone(UTC) for moment in earliest_send(column, quiet, "Europe/Paris", now).to_pylist()]


def test_each_customer_waits_for_the_morning_of_the_own_zone():
    now = datetime(2011, 1, 10, 22, tzinfo=UTC)
    assert sends(now, "UTC", "America/New_York", "Asia/Tokyo", None) == [
        datetime(2011, 1, 11, 8, tzinfo=UTC),
        now,
        datetime(2011, 1, 10, 23, tzinfo=UTC),
        datetime(2011, 1, 11, 7, tzinfo=UTC),
    ]


def test_an_unknown_zone_falls_back_on_the_projects():
    now = datetime(2011, 1, 10, 22, tzinfo=UTC)
    assert sends(now, "Mars/Olympus") == [datetime(2011, 1, 11, 7, tzinfo=UTC)]


def test_without_quiet_hours_now_is_fine():
    now = datetime(2011, 1, 10, 22, tzinfo=UTC)
    assert sends(now, "UTC", quiet=None) == [now]


@pytest.mark.parametrize(
    ("hour", "expected"), [(11, 11), (12, 14), (13, 14), (14, 14)], ids=["before", "start", "inside", "end is open"]
)
def test_quiet_hours_within_a_day(hour, expected):
    quiet = QuietHours(time(12), time(14))
    now = datetime(2011, 1, 10, hour, tzinfo=UTC)
    assert sends(now, "UTC", quiet=quiet) == [datetime(2011, 1, 10, expected, tzinfo=UTC)]


def test_the_night_of_a_clock_change_ends_at_the_local_hour():
    now = datetime(2011, 3, 26, 23, tzinfo=UTC)  # Paris springs forward that night
    assert sends(now, "Europe/Paris") == [datetime(2011, 3, 27, 6, tzinfo=UTC)]
