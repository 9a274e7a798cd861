"""Micro-segments: found where customers differ, named exactly, stable under refits, and the same after a file."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.unit.inference.segment_months import months

from alamo.domain.errors import InputError, InsufficientDataError
from alamo.inference.micro_segments import (
    MicroSegments,
    SegmentSettings,
    SegmentSpec,
    analyze_micro_segments,
    find_micro_segments,
    found_anew,
    refit_micro_segments,
)
from alamo.inference.micro_segments.features import STAGE, bins_of, feature_values, features_of
from alamo.inference.micro_segments.fitting import build_panel, held_back
from alamo.inference.micro_segments.outcomes import future_of, told_apart
from alamo.inference.micro_segments.refitting import unseen
from alamo.inference.micro_segments.words import bounds, feature_words
from alamo.numerics.agreement import adjusted_rand

SETTINGS = SegmentSettings(least=20)


@pytest.fixture(scope="module")
def shop() -> list:
    return months()


@pytest.fixture(scope="module")
def found(shop: list) -> MicroSegments:
    return find_micro_segments(shop[:-1], SETTINGS).definition


def test_segments_are_found_named_and_large_enough(shop: list, found: MicroSegments) -> None:
    sizes = np.bincount(found.places(shop[-2]), minlength=len(found.numbers))
    stages = len(set(shop[-2]["stage"].to_pylist()))
    assert len(found.numbers) > stages
    assert sizes.sum() == shop[-2].num_rows
    assert sizes.min() >= 20
    assert len(set(found.names)) == len(found.names)
    assert found.numbers == tuple(range(1, len(found.names) + 1))


def test_a_name_is_exact_whoever_fits_it_is_in(shop: list, found: MicroSegments) -> None:
    table = shop[-1]
    places = found.places(table)
    for place, leaf in enumerate(found.tree.leaves):
        fits = np.ones(table.num_rows, bool)
        for j, (low, high) in bounds(found.tree, leaf, found.features).items():
            name = found.features[j].name
            value = feature_values(table, [name])[name]
            fits &= (value >= low) & (value < high)
        assert (fits == (places == place)).all()


def test_where_all_are_alike_the_stages_are_the_segments() -> None:
    alike = months(telling=False, seed=3)
    result = find_micro_segments(alike, SETTINGS)
    used = {result.definition.features[column].name for column in result.definition.tree.column if column >= 0}
    assert not result.choice.found
    assert used <= {STAGE}
    refusals = analyze_micro_segments(alike, SegmentSpec(least=20)).refusals
    assert refusals[0].what == "segments below the lifecycle stages"


def test_a_refit_keeps_numbers_and_customers(shop: list, found: MicroSegments) -> None:
    new = refit_micro_segments(shop, found, SETTINGS).definition
    today = shop[-1]
    assert new.parent == found.version
    assert adjusted_rand(found.places(today), new.places(today)) >= 0.8
    kept = np.array(found.numbers)[found.places(today)] == np.array(new.numbers)[new.places(today)]
    assert kept.mean() >= 0.8
    assert len(set(new.numbers)) == len(new.numbers)
    given_anew = set(new.numbers) - set(found.numbers)
    assert all(number >= found.next_number for number in given_anew)
    assert new.next_number == found.next_number + len(given_anew)
    sizes = np.bincount(new.places(today), minlength=len(new.numbers))
    assert sizes.min() >= 20


def test_a_refit_on_the_same_months_changes_next_to_nothing(shop: list, found: MicroSegments) -> None:
    again = refit_micro_segments(shop[:-1], found, SETTINGS).definition
    assert adjusted_rand(found.places(shop[-2]), again.places(shop[-2])) >= 0.95


def test_months_a_definition_could_not_know_judge_its_refit(shop: list, found: MicroSegments) -> None:
    assert unseen(shop, found, len(shop) - 3) == ((0, 1, 2, 3, 4), (5,))
    assert unseen(shop[:-1], found, len(shop) - 4) == ((0, 1, 2, 3), (4,))


def test_a_definition_comes_back_from_its_file(shop: list, found: MicroSegments) -> None:
    again = MicroSegments.from_dict(json.loads(json.dumps(found.to_dict())))
    assert again == found
    assert again.version == found.version
    assert again.assign(shop[0]).equals(found.assign(shop[0]))
    with pytest.raises(InputError, match="no definition of segments"):
        MicroSegments.from_dict({"schema": "other/1"})
    with pytest.raises(InputError, match="its cuts make"):
        MicroSegments.from_dict(found.to_dict() | {"numbers": [1]})


def test_of_very_many_customers_some_are_looked_at_and_all_are_in_segments(shop: list) -> None:
    settings = SegmentSettings(least=20, most_customers=400)
    panel = build_panel(shop, features_of(shop[-1]), settings)
    whole = build_panel(shop, features_of(shop[-1]), SETTINGS)
    assert len(panel.today) == pytest.approx(400, abs=4 * np.sqrt(700 * (4 / 7) * (3 / 7)))
    assert set(map(tuple, panel.rows.outcomes)) <= set(map(tuple, whole.rows.outcomes))  # the season is everybody's
    definition = find_micro_segments(shop, settings).definition
    sizes = np.bincount(definition.places(shop[-1]), minlength=len(definition.numbers))
    assert sizes.sum() == shop[-1].num_rows
    assert sizes.min() >= 20


def test_a_refit_asks_for_as_many_customers_as_the_definition_did_unless_told(shop: list) -> None:
    found = analyze_micro_segments(shop, SegmentSpec(least=80))
    for least, expected in ((None, 80), (90, 90)):
        again = analyze_micro_segments(shop, SegmentSpec(least=least), found.definition)
        sizes = np.bincount(again.places, minlength=len(again.definition.numbers))
        assert again.definition.least == expected
        assert sizes.min() >= expected


def test_a_month_with_a_handful_of_customers_says_nothing(shop: list) -> None:
    early = [shop[0].slice(0, 3), *(table.slice(0, 3) for table in shop[1:3])]
    settings = SegmentSettings(least=20)
    with pytest.raises(InsufficientDataError, match="no segments can be found yet"):
        find_micro_segments([*early, *shop[3:6]], settings)
    assert find_micro_segments([*early, *shop[3:]], settings).learnt[0] == 3


def test_segments_found_anew_keep_the_numbers_of_those_they_mostly_are(shop: list, found: MicroSegments) -> None:
    same = found_anew(shop[:-1], found, SETTINGS).definition
    assert same.numbers == found.numbers
    other = found_anew(shop, found, SegmentSettings(least=20, months=1)).definition
    assert (other.months, other.parent) == (1, found.version)
    assert set(other.numbers) & set(found.numbers)
    assert other.next_number == max(found.next_number, max(other.numbers) + 1)
    assert len(set(other.numbers)) == len(other.numbers)


def test_too_short_a_history_is_refused_with_what_to_do(shop: list) -> None:
    with pytest.raises(InsufficientDataError, match="60 customers and 120 days") as refused:
        find_micro_segments(shop[:3], SegmentSettings())
    assert "alamo analyze segments" in refused.value.hint


def test_what_came_after_is_a_difference_and_the_season_is_taken_out(shop: list) -> None:
    future = future_of(shop, 2, 3)
    later = np.asarray(shop[5]["purchase_days"]) - np.asarray(shop[2]["purchase_days"])
    assert (future.purchase_days == later).all()
    assert (future.bought == (later > 0)).all()
    assert future.by_category.sum() == pytest.approx(future.money.sum())
    outcomes = told_apart(future)
    assert outcomes.mean(axis=0) == pytest.approx(0.0, abs=1e-9)
    assert outcomes.var(axis=0).sum() == pytest.approx(1.0)


def test_later_months_judge_and_a_single_month_does_both() -> None:
    assert held_back(np.arange(8)) == ((0, 1, 2, 3, 4), (5, 6, 7))
    assert held_back(np.arange(3)) == ((0, 1), (2,))
    assert held_back(np.arange(1)) == ((0,), (0,))


def test_cut_points_are_round_and_part_somebody(shop: list) -> None:
    features = {feature.name: feature.cuts for feature in features_of(shop[-1])}
    assert set(features) >= {"stage", "purchase_days", "money", "share_in:garden"}
    assert "returns_365d" not in features  # nobody returned anything
    assert all(float(f"{cut:.2g}") == cut for cut in features["money"])
    bins = bins_of(shop[-1], features_of(shop[-1]))
    assert all(len(np.unique(column)) > 1 for column in bins.T)


@pytest.mark.parametrize(
    ("name", "low", "high", "words"),
    [
        ("stage", 2.0, 4.0, "active or loyal"),
        ("stage", 5.0, np.inf, "lapsed or lost"),
        ("purchase_days", 3.0, 5.0, "3 to 4 purchase days"),
        ("purchase_days", 3.0, 4.0, "3 purchase days"),
        ("purchase_days", -np.inf, 2.0, "under 2 purchase days"),
        ("orders_90d", 1.0, 2.0, "1 order in 90 days"),
        ("orders_90d", -np.inf, 1.0, "no orders in 90 days"),
        ("money", 1500.0, np.inf, "spent 1,500+ in all"),
        ("recency_days", 30.0, 60.0, "last bought 30 to 60 days ago"),
        ("share_in:toys", 0.25, np.inf, "25+ % on toys"),
        ("answered_last", 1.0, np.inf, "answered the last message"),
    ],
)
def test_a_cut_reads_as_words(name: str, low: float, high: float, words: str) -> None:
    assert feature_words(name, low, high) == words


def test_expected_figures_are_near_what_happened(shop: list) -> None:
    result = analyze_micro_segments(shop, SegmentSpec(least=20))
    rows = result.records()
    assert sum(row["customers"] for row in rows) == shop[-1].num_rows
    share = sum(row["bought"] * row["rows"] for row in rows) / sum(row["rows"] for row in rows)
    happened = np.concatenate([future_of(shop, k, 3).bought for k in range(len(shop) - 3)]).mean()
    assert share == pytest.approx(happened, abs=0.02)
    customers = result.customers_table()
    assert customers.column_names == ["customer", "number", "segment", "bought", "purchase_days", "money"]
    assert customers.num_rows == shop[-1].num_rows
