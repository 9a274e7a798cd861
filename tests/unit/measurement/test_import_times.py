"""Times: what a file writes is found out from its own rows."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from alamo.domain.errors import UsageError
from alamo.measurement import ImportContext


def moments(bench, *times: str, mapping: dict | None = None, zone: str = "UTC"):
    """Import rows with these times; the moments accepted and the values put aside."""
    data = "date,customer,price\n" + "".join(f'"{time}",c,1\n' for time in times)
    context = ImportContext("orders:test", "GBP", zone, datetime(2026, 1, 1, tzinfo=UTC))
    rows, bad = bench.imported("orders", data, mapping, context)
    return [row["occurred_at"] for row in rows], [row["value"] for row in bad]


@pytest.mark.parametrize(
    "text",
    [
        "2010-12-01 08:26:00",
        "2010-12-01T08:26",
        "2010-12-01T08:26:00Z",
        "2010-12-01T09:26:00+01:00",
        "2010-12-01 08:26:00.000",
        "2010/12/01 08:26",
        "20101201T0826",
    ],
)
def test_iso_times_in_many_forms_are_one_moment(bench, text):
    assert moments(bench, text) == ([datetime(2010, 12, 1, 8, 26, tzinfo=UTC)], [])


def test_offsets_and_plain_times_may_be_mixed_in_one_file(bench):
    assert (
        moments(bench, "2010-12-01T08:26:00Z", "2010-12-01 08:26:00")[0]
        == [datetime(2010, 12, 1, 8, 26, tzinfo=UTC)] * 2
    )


@pytest.mark.parametrize(
    ("times", "first"),
    [
        (("1/2/2010 8:26", "31/12/2010 8:26"), datetime(2010, 2, 1, 8, 26, tzinfo=UTC)),
        (("1/2/2010 8:26", "12/31/2010 8:26"), datetime(2010, 1, 2, 8, 26, tzinfo=UTC)),
        (("1/2/10 8:26", "12/31/10 8:26"), datetime(2010, 1, 2, 8, 26, tzinfo=UTC)),
        (("01.02.2010", "31.12.2010"), datetime(2010, 2, 1, tzinfo=UTC)),
        (("1/2/2010 8:26 PM", "12/31/2010 8:26 AM"), datetime(2010, 1, 2, 20, 26, tzinfo=UTC)),
    ],
)
def test_day_and_month_are_told_apart_by_a_later_row(bench, times, first):
    accepted, bad = moments(bench, *times)
    assert accepted[0] == first
    assert bad == []


def test_the_row_that_tells_may_come_late_in_the_file(bench):
    accepted, bad = moments(bench, *["01/02/2010"] * 400_000, "31/12/2010")
    assert accepted[0] == datetime(2010, 2, 1, tzinfo=UTC)
    assert bad == []


def test_a_file_that_never_tells_day_from_month_is_refused(bench):
    with pytest.raises(UsageError, match="tells day from month, as in '01/02/2010'") as caught:
        moments(bench, "01/02/2010", "03/04/2010")
    assert "time_format" in caught.value.hint


def test_a_time_format_in_the_mapping_settles_it(bench):
    form = {"time_format": "%m/%d/%Y"}
    assert moments(bench, "01/02/2010", mapping=form)[0] == [datetime(2010, 1, 2, tzinfo=UTC)]
    assert moments(bench, "1262304000", mapping={"time_format": "unix"})[0] == [datetime(2010, 1, 1, tzinfo=UTC)]


def test_mixed_formats_are_read_by_the_majority_and_the_rest_put_aside(bench):
    accepted, bad = moments(bench, "13/12/2010", "14/12/2010", "12/31/2010", "2010-12-31", "31/4/2010", "1/5/2010")
    assert accepted == [datetime(2010, month, day, tzinfo=UTC) for day, month in ((13, 12), (14, 12), (1, 5))]
    assert bad == ["12/31/2010", "2010-12-31", "31/4/2010"]


def test_times_that_are_none_are_refused(bench):
    with pytest.raises(UsageError, match="cannot tell how column 'date' writes its times, such as 'yesterday'"):
        moments(bench, "yesterday", "today")


def test_times_without_offset_are_in_the_projects_zone_or_the_mappings(bench):
    summer = "2010-07-01 12:00:00"
    assert moments(bench, summer, zone="Europe/London")[0] == [datetime(2010, 7, 1, 11, tzinfo=UTC)]
    berlin = {"time_zone": "Europe/Berlin"}
    assert moments(bench, summer, mapping=berlin, zone="Europe/London")[0] == [datetime(2010, 7, 1, 10, tzinfo=UTC)]
