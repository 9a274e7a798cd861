"""Times as days: read alike whatever their form, and never a day that does not exist."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from alamo.numerics.days import iso_days, whole_days, written_days

MOMENTS = [
    datetime(1969, 12, 31, 6, 30, tzinfo=UTC),
    datetime(2010, 2, 28, tzinfo=UTC),
    datetime(2011, 7, 22, 18, tzinfo=UTC),
]
DAYS = [-1 + 6.5 / 24, 14668.0, 15177.75]


@pytest.mark.parametrize(
    "form", ["%Y-%m-%d %H:%M", "%d.%m.%Y %H:%M", "%m/%d/%Y %H:%M:%S", "%y%m%dT%H%M", "%B %d %Y, %I:%M %p"]
)
def test_a_form_reads_back_what_it_wrote(form: str) -> None:
    texts = pa.array([moment.strftime(form) for moment in MOMENTS] + [None, "soon"])
    assert written_days(texts, form) == pytest.approx([*DAYS, np.nan, np.nan], nan_ok=True, abs=1e-9)
    assert written_days(texts.slice(0, 4), form) == pytest.approx([*DAYS, np.nan], nan_ok=True, abs=1e-9)


@pytest.mark.parametrize("text", ["30.02.2010", "31.04.2010", "00.01.2010", "1.13.2010"])
def test_a_day_that_does_not_exist_is_none(text: str) -> None:
    found = written_days(pa.array(["01.02.2010", text]), "%d.%m.%Y")
    assert found[0] == 14641.0
    assert np.isnan(found[1])


def test_days_and_months_without_zeros_and_blanks_around_them_are_read() -> None:
    assert written_days(pa.array([" 1.2.2010", "01.02.2010 "]), "%d.%m.%Y").tolist() == [14641.0, 14641.0]
    assert iso_days(pa.array([" 2010-02-01 "])).tolist() == [14641.0]


def test_iso_texts_are_read_in_utc_one_kind_or_mixed() -> None:
    zoned = ["2010-02-01T23:30:00-01:00", "2010-02-02T01:30:00+01:00"]
    assert iso_days(pa.array(zoned)).tolist() == [14642.0 + 0.5 / 24] * 2
    mixed = pa.array([*zoned, "2010-02-02T00:30", None, "20100202", "02.02.2010"])
    assert iso_days(mixed) == pytest.approx([14642.0 + 0.5 / 24] * 3 + [np.nan, 14642.0, np.nan], nan_ok=True, abs=1e-9)


def test_a_microsecond_before_midnight_is_still_the_day_before() -> None:
    found = iso_days(pa.array(["2010-02-01T23:59:59.999999", "2010-02-02T00:00:00.000000"]))
    assert np.floor(found).tolist() == [14641.0, 14642.0]


@pytest.mark.parametrize(
    "kind",
    [pa.date32(), pa.date64(), pa.timestamp("s"), pa.timestamp("ns"), pa.timestamp("us", tz="Europe/Berlin")],
    ids=str,
)
def test_times_of_any_kind_are_whole_days_in_utc_also_before_1970(kind: pa.DataType) -> None:
    moments = [
        datetime(1969, 12, 31, 6, 30, tzinfo=UTC),
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(2010, 2, 1, 23, 59, tzinfo=UTC),
    ]
    times = pa.array([moment.date() if pa.types.is_date(kind) else moment for moment in moments], kind)
    assert whole_days(times).tolist() == [-1, 0, 14641]
