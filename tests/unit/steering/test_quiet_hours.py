"""Quiet hours in the customer's own time zone."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from alamo.domain.action import QuietHours
from alamo.steering.quiet_hours import Zones, count_zones, earliest_send

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
    for name in ("Mars/Olympus", "Europe", "", "../Paris"):  # "Europe" is a folder of the zone files
        assert sends(now, name) == [datetime(2011, 1, 11, 7, tzinfo=UTC)]


def test_zones_are_counted_as_own_missing_and_unknown():
    column = pa.chunked_array([["UTC", "Europe/Paris", None], ["Europe/Paris", "Mars/Olympus", None, "Europe"]])
    assert count_zones(column) == Zones(own=3, missing=2, unknown=2)
    assert count_zones(pa.chunked_array([pa.array([None, None], pa.string())])) == Zones(0, 2, 0)
    assert count_zones(pa.chunked_array([], pa.string())) == Zones(0, 0, 0)


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


@pytest.mark.parametrize("zone", ["Europe/Paris", "America/New_York", "Australia/Lord_Howe", "America/St_Johns", "UTC"])
@pytest.mark.parametrize("clock", [(21, 0, 8, 0), (0, 30, 2, 30), (1, 45, 2, 0), (12, 0, 1, 30), (23, 0, 0, 15)])
def test_it_is_the_first_minute_that_is_not_quiet_on_the_local_clock_also_where_it_changes(zone, clock):
    """Against a search minute by minute, around every change of the clock in 2011 and 2026."""
    quiet, where = QuietHours(time(*clock[:2]), time(*clock[2:])), ZoneInfo(zone)
    days = [(2011, 3, 12), (2011, 3, 26), (2011, 10, 1), (2011, 10, 29), (2011, 11, 5), (2026, 4, 4), (2026, 11, 1)]
    for year, month, day in days:
        for hour in range(0, 48, 1):
            now = datetime(year, month, day, tzinfo=UTC) + timedelta(hours=hour, minutes=7 * hour % 60)
            expected = now
            while quiet.contains(expected.astimezone(where).time()):
                expected = (expected + timedelta(minutes=1)).replace(second=0)
            assert sends(now, zone, quiet=quiet) == [expected], (now, expected)


def test_the_night_of_a_clock_change_ends_at_the_local_hour():
    now = datetime(2011, 3, 26, 23, tzinfo=UTC)  # Paris springs forward that night
    assert sends(now, "Europe/Paris") == [datetime(2011, 3, 27, 6, tzinfo=UTC)]
