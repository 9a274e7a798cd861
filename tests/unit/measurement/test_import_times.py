"""Times: what a file writes is found out from its own rows."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alamo.connectors.sources import open_rows
from alamo.domain.errors import UsageError
from alamo.measurement import ImportContext, preview, resolve_mapping

ZONES = ("Europe/Berlin", "America/New_York", "Pacific/Auckland", "UTC")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def moments(bench, *times: str, mapping: dict | None = None, zone: str = "UTC", now: datetime = NOW):
    """Import rows with these times; the moments accepted and the values put aside."""
    data = "date,customer,price\n" + "".join(f'"{time}",c,1\n' for time in times)
    context = ImportContext("orders:test", "GBP", zone, now)
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
    assert 'time_format = "%d/%m/%Y" or time_format = "%m/%d/%Y"' in caught.value.hint


def test_the_day_comes_first_in_dates_with_points_unless_the_file_shows_otherwise(bench):
    assert moments(bench, "01.02.2010", "03.04.2010")[0] == [
        datetime(2010, d, m, tzinfo=UTC) for m, d in ((1, 2), (3, 4))
    ]
    assert moments(bench, "01.02.2010", "03.31.2010")[0][0] == datetime(2010, 1, 2, tzinfo=UTC)


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


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("text", ["2011-03-04", "20110304", "04.03.2011"])
def test_a_date_is_the_utc_day_of_that_date_in_every_zone(bench, zone, text):
    accepted, bad = moments(bench, text, text.replace("04.03", "31.03"), zone=zone)
    assert accepted[0] == datetime(2011, 3, 4, tzinfo=UTC)
    assert bad == []


def test_dates_and_times_may_be_mixed_and_each_keeps_its_day(bench):
    accepted, _ = moments(bench, "2011-03-04", "2011-03-04 00:00:00", "2011-03-04T12:00:00Z", zone="Europe/Berlin")
    assert accepted == [
        datetime(2011, 3, 4, tzinfo=UTC),
        datetime(2011, 3, 3, 23, tzinfo=UTC),  # a midnight among other times is a time
        datetime(2011, 3, 4, 12, tzinfo=UTC),
    ]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
@pytest.mark.parametrize("form", ["{}-03-{:02d} 00:00:00", "{}-03-{:02d}T00:00", "{1:02d}/03/{0} 0:00"])
def test_a_column_of_midnights_holds_dates(bench, zone, form):
    accepted, bad = moments(bench, form.format(2011, 4), form.format(2011, 31), zone=zone)
    assert accepted == [datetime(2011, 3, 4, tzinfo=UTC), datetime(2011, 3, 31, tzinfo=UTC)]
    assert bad == []


def test_one_time_of_day_late_in_the_file_makes_the_midnights_times(bench):
    accepted, _ = moments(bench, *["2011-03-04 00:00:00"] * 300_000, "2011-03-04 10:00:00", zone="Europe/Berlin")
    assert accepted[0] == datetime(2011, 3, 3, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        (pa.array([date(2011, 3, 4)]), datetime(2011, 3, 4, tzinfo=UTC)),
        (pa.array([datetime(2011, 3, 4)]), datetime(2011, 3, 4, tzinfo=UTC)),  # noqa: DTZ001 # naive on purpose
        (pa.array([datetime(2011, 3, 4, 8)]), datetime(2011, 3, 4, 7, tzinfo=UTC)),  # noqa: DTZ001
        (pa.array([datetime(2011, 3, 4, tzinfo=UTC)]), datetime(2011, 3, 4, tzinfo=UTC)),
    ],
)
def test_typed_columns_follow_the_same_rule(tmp_path, values, wanted):
    path = tmp_path / "orders.parquet"
    pq.write_table(pa.table({"date": values, "customer": ["c"], "price": [1.0]}), path)
    with open_rows(path) as stream:
        context = ImportContext("orders:test", "GBP", "Europe/Berlin", NOW)
        shown = preview(stream, resolve_mapping("orders", stream.header), context)
    assert shown.rows["occurred_at"].to_pylist() == [wanted]


def test_what_is_dated_today_holds_today_although_the_day_has_not_begun_in_utc(bench):
    morning = datetime(2026, 1, 1, 21, tzinfo=UTC)  # 10 in the morning of 2 January in Auckland
    accepted, bad = moments(bench, "2026-01-01", "2026-01-02", zone="Pacific/Auckland", now=morning)
    assert accepted == [datetime(2026, 1, 1, tzinfo=UTC), morning]
    assert bad == []


def test_the_future_begins_a_day_after_the_import_by_the_clock_handed_in(bench):
    times = (
        "2010-06-01 10:00:00",
        "2010-06-02 09:59:59",
        "2010-06-02 10:00:01",
        "2010-06-03",
        "1969-12-31",
        "1970-01-01",
    )
    accepted, bad = moments(bench, *times, now=datetime(2010, 6, 1, 10, tzinfo=UTC))
    assert bad == ["2010-06-02 10:00:01", "2010-06-03", "1969-12-31"]
    assert len(accepted) == 3
