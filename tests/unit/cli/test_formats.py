"""How numbers are written for people."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from alamo.cli import formats


@pytest.mark.parametrize(
    ("value", "written"),
    [(0, "0.00"), (0.004, "0.0040"), (12.5, "12.50"), (-1234.5, "-1,234.50"), (250_000.4, "250,000")],
)
def test_money_shows_cents_where_they_matter(value: float, written: str) -> None:
    assert formats.money(value) == written


def test_a_signed_amount_says_its_direction() -> None:
    assert formats.money(3, signed=True) == "+3.00"
    assert formats.money(-3, signed=True) == "-3.00"


@pytest.mark.parametrize("write", [formats.money, formats.number, formats.count, formats.percent, formats.moment])
@pytest.mark.parametrize("absent", [None, float("nan"), float("inf")])
def test_an_absent_value_is_a_dash_and_never_a_zero(write: object, absent: object) -> None:
    assert write(absent) == formats.ABSENT


@pytest.mark.parametrize(
    ("value", "written"),
    [(0.0766, "0.07660"), (1234.5678, "1,235"), (3.2e-7, "3.200e-07"), (0.0, "0"), (-2.5, "-2.500")],
)
def test_numbers_keep_four_significant_digits(value: float, written: str) -> None:
    assert formats.number(value) == written


def test_an_interval_without_an_end_is_absent() -> None:
    assert formats.interval(1.0, 2.0, formats.money) == "1.00 … 2.00"
    assert formats.interval(None, 2.0) == formats.ABSENT


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (datetime(2011, 7, 22, tzinfo=UTC), "2011-07-22"),
        ("2011-07-22T08:30:00+00:00", "2011-07-22 08:30"),
        ("soon", "soon"),
    ],
)
def test_moments_are_dates_at_midnight_and_minutes_otherwise(value: object, written: str) -> None:
    assert formats.moment(value) == written


@pytest.mark.parametrize("value", [-0.0004, -0.0, -1e-9])
def test_what_rounds_to_nothing_has_no_minus(value: float) -> None:
    assert formats.percent(value) == "0.0 %"
    assert formats.percent(-0.0006) == "-0.1 %"
    assert formats.money(0.0 * value) == "0.00"
    assert formats.money(0.0 * value, signed=True) in ("+0.00", "0.00")


def test_percentages_and_flags_are_words_a_person_reads() -> None:
    assert formats.percent(0.123) == "12.3 %"
    assert [formats.yes(True), formats.yes(False), formats.yes(None)] == ["yes", "no", formats.ABSENT]
    assert formats.label("observations_matured") == "observations matured"
    assert formats.label("cost_money") == "cost"


@pytest.mark.parametrize(
    ("value", "text"), [(650.0, "650"), (630.05, "630.05"), (1200, "1,200"), (0.25, "0.2500"), (0, "0"), (None, "–")]
)
def test_an_amount_has_no_empty_decimals(value: object, text: str) -> None:
    assert formats.amount(value) == text
