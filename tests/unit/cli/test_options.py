"""What a person types becomes typed values, or one clear complaint."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

import click
import pytest

from alamo.cli.analyze_options import chosen, number_or_column
from alamo.cli.decide import context
from alamo.cli.options import amount, day, labelled, moment, names, whole_amount
from alamo.engine.plan_diff import differences


def test_a_date_is_midnight_utc_and_a_zone_is_converted() -> None:
    assert moment("2011-07-22") == datetime(2011, 7, 22, tzinfo=UTC)
    assert moment("2011-07-22T10:00+02:00") == datetime(2011, 7, 22, 8, tzinfo=UTC)


def test_a_day_stays_a_whole_day_unless_a_time_is_given() -> None:
    assert type(day("2011-07-22")) is date
    assert day("2011-07-22T10:00+02:00") == datetime(2011, 7, 22, 8, tzinfo=UTC)


def test_lists_amounts_and_choices_are_read() -> None:
    assert names("visit, spend,") == ("visit", "spend")
    assert amount("mens=mail=0.5") == ("mens=mail", 0.5)
    assert whole_amount("email=5e3") == ("email", 5000)
    assert (chosen("auto"), chosen("none"), chosen("a,b")) == ("auto", "none", ("a", "b"))
    assert (number_or_column("0.5"), number_or_column("p")) == (0.5, "p")
    assert context('{"orders": 3}') == {"orders": 3}


@pytest.mark.parametrize(
    ("read", "words", "complaint"),
    [
        (moment, "22.7.2011", "2011-07-22"),
        (day, "yesterday", "2011-07-22"),
        (names, " , ", "one,two"),
        (amount, "mail=cheap", "'cheap'"),
        (amount, "0.5", "NAME=NUMBER"),
        (whole_amount, "email=nan", "'nan' .* is no whole number"),
        (whole_amount, "email=inf", "is no whole number"),
        (whole_amount, "email=0.5", "is no whole number"),
        (context, "[1]", "JSON object"),
        (context, "{", "no JSON"),
    ],
)
def test_a_mistake_is_named(read: Callable[[str], object], words: str, complaint: str) -> None:
    with pytest.raises(click.BadParameter, match=complaint):
        read(words)


def test_the_difference_of_two_plans_leaves_out_what_stayed() -> None:
    before = {
        "cycle": 1,
        "cost_money": 100.0,
        "customers": 10,
        "gain": {"mean": 1.0},
        "actions": [{"action": "mail", "customers": 3}],
        "limits": [{"limit": "budget", "price": 0.0, "used": 100.0}],
    }
    after = before | {"cycle": 2, "cost_money": 90.0, "actions": [{"action": "post", "customers": 4}]}
    assert differences(before, after) == [
        {"what": "cost", "before": 100.0, "after": 90.0},
        {"what": "customers with post", "before": None, "after": 4},
        {"what": "customers with mail", "before": 3, "after": None},
    ]


def test_the_first_plan_differs_from_nothing() -> None:
    assert differences({}, {"contacted": 5}) == [{"what": "contacted", "before": None, "after": 5}]


def test_a_labelled_word_keeps_what_stands_behind_the_last_equals_sign() -> None:
    assert labelled("left=up:0.01") == ("left", "up:0.01")
    assert labelled("a=b=up") == ("a=b", "up")
    for words in ("left", "=up", "left="):
        with pytest.raises(click.BadParameter, match="NAME=WORDS"):
            labelled(words)
