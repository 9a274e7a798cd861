"""Moves: everybody is counted once, the reason is a cut that was passed, and forecasts keep to what was known."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from tests.unit.inference.segment_months import DAYS, FIRST, months

from alamo.inference.micro_segments import MicroSegments, SegmentSettings, find_micro_segments
from alamo.inference.micro_segments.forecast import forecast_segments
from alamo.inference.micro_segments.moves import migration, move_words, moves_over

STEPS = 2


@pytest.fixture(scope="module")
def shop() -> list:
    return months(11, joining=0.4)


@pytest.fixture(scope="module")
def found(shop: list) -> MicroSegments:
    return find_micro_segments(shop, SegmentSettings(least=20)).definition


def test_everybody_is_counted_once(shop: list, found: MicroSegments) -> None:
    moved = migration(shop[4], shop[7], found)
    before = np.bincount(found.places(shop[4]), minlength=len(found.numbers))
    after = np.bincount(found.places(shop[7]), minlength=len(found.numbers))
    assert (moved.counts.sum(axis=1) == before).all()
    assert (moved.counts.sum(axis=0) + moved.joined == after).all()
    assert moved.movers.num_rows == moved.counts.sum() - np.trace(moved.counts)
    assert sum(flow["customers"] for flow in moved.flows()) == moved.movers.num_rows
    assert sum(reason["customers"] for reason in moved.reasons()) == moved.movers.num_rows
    assert moved.moved_share == pytest.approx(moved.movers.num_rows / before.sum())
    last = [(FIRST + timedelta(days=DAYS * month - 1)).date().isoformat() for month in (4, 7)]
    assert [moved.from_day, moved.to_day] == last


def test_what_moved_a_customer_is_a_cut_he_passed(shop: list, found: MicroSegments) -> None:
    rows = migration(shop[4], shop[7], found).movers.to_pylist()
    assert rows
    for row in rows:
        assert (row["before"] >= row["cut"]) != (row["after"] >= row["cut"])
        assert row["from_number"] != row["to_number"]
    assert migration(shop[4], shop[4], found).movers.num_rows == 0


def test_moves_over_spans_are_those_between_the_ends(shop: list, found: MicroSegments) -> None:
    spans = moves_over(shop[:8], found, 3, 2)
    assert len(spans.counts) == 2
    assert (spans.counts[-1] == migration(shop[4], shop[7], found).counts).all()
    assert (spans.joined[0] == migration(shop[3], shop[6], found).joined).all()
    assert not len(moves_over(shop[:3], found, 3, 2).counts)


def test_a_move_reads_as_words() -> None:
    assert move_words("stage", 2.0, 5.0) == "stage: active → lapsed"
    assert move_words("money_90d", 0.0, 1021.08) == "money 90d: 0 → 1,021"
    assert move_words("share_in:toys", 0.1, 0.5) == "share in: toys: 0.1 → 0.5"


def test_a_forecast_has_its_test_beside_it(shop: list, found: MicroSegments) -> None:
    forecast, scores = forecast_segments(shop, found, STEPS)
    assert forecast is not None
    assert forecast.size.shape == (STEPS, len(found.numbers))
    assert (forecast.size_lower <= forecast.size).all()
    assert (forecast.size <= forecast.size_upper).all()
    assert len(scores) == len(shop) - 2 * STEPS
    assert [score.widened for score in scores] == [place >= STEPS for place in range(len(scores))]
    again, _ = forecast_segments(shop, found, STEPS)
    assert again is not None
    assert (again.size_upper == forecast.size_upper).all()


def test_what_comes_later_changes_no_earlier_forecast(shop: list, found: MicroSegments) -> None:
    _, early = forecast_segments(shop[:-1], found, STEPS)
    _, late = forecast_segments(shop, found, STEPS)
    assert late[: len(early)] == early
    assert forecast_segments(shop[:3], found, STEPS) == (None, ())
