"""Pictures are well-formed, accessible, and hold the numbers of their table."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

import pytest
from tests.unit.cli import samples, samples_analyses

from alamo.cli import formats
from alamo.cli.html.charts import bars, forest, over_time
from alamo.cli.html.health import health
from alamo.cli.html.marks import Picture, Scale, figure, padded_scale, tick_text
from alamo.cli.html.page import PAGES, page
from alamo.cli.html.plan_advice import value_curves
from alamo.cli.html.tables import cell

FOREST_ROWS = [
    {"name": "voucher", "mean": 0.6, "lower": 0.3, "upper": 0.9, "found": True},
    {"name": "sale & more", "mean": -0.4, "lower": -0.7, "upper": -0.1, "found": True},
    {"name": "post", "mean": 0.1, "lower": -0.2, "upper": 0.4, "found": False},
    {"name": "new", "mean": None, "lower": None, "upper": None, "found": None},
]
LOOP_ROWS = [
    {"cycle": 1, "value": 10.0, "lower": 5.0, "upper": 15.0, "truth": 11.0},
    {"cycle": 2, "value": None, "lower": None, "upper": None, "truth": 12.0},
    {"cycle": 3, "value": 14.0, "lower": 9.0, "upper": 19.0, "truth": 13.0},
]
BAR_ROWS = [{"name": "a", "value": 3.0, "written": "3.00"}, {"name": "b", "value": -1.0, "written": "-1.00"}]

MAILS, LETTERS = value_curves(samples.ADVICE)
PICTURES = {
    "value of a maximum": MAILS,
    "value of a minimum": LETTERS,
    "forest": forest(FOREST_ROWS, "Voucher helps & sale harms", "GBP per decision"),
    "over time": over_time(LOOP_ROWS, "Cycle 3 gained +14.00", "GBP"),
    "bars": bars(BAR_ROWS, "a is largest", "GBP"),
}


def drawing(picture: Picture) -> ElementTree.Element:
    """Return the parsed figure; fails where it is not well-formed."""
    return ElementTree.fromstring(figure(picture, "p"))  # noqa: S314 # our own output


@pytest.mark.parametrize("picture", PICTURES.values(), ids=PICTURES)
def test_a_picture_is_named_by_its_message_and_carries_its_numbers(picture: Picture) -> None:
    root = drawing(picture)
    svg = root.find("svg")
    assert svg is not None
    assert svg.get("role") == "img"
    assert svg.get("aria-labelledby") == "p-title"
    assert root.findtext("svg/title") == picture.message
    assert root.findtext("figcaption") == picture.message
    cells = {cell.text for cell in root.iter() if cell.tag in {"td", "th"}}
    assert {text for row in picture.rows for text in row} <= cells


@pytest.mark.parametrize("picture", PICTURES.values(), ids=PICTURES)
def test_everything_drawn_lies_inside_the_picture(picture: Picture) -> None:
    for mark in drawing(picture).iter():
        for key, limit in (("x", picture.width), ("x1", picture.width), ("x2", picture.width), ("cy", picture.height)):
            if mark.get(key) is not None:
                assert 0 <= float(mark.get(key, "nan")) <= limit


def test_a_forest_line_says_by_its_colour_what_was_found() -> None:
    bars_drawn = [mark for mark in drawing(PICTURES["forest"]).iter("line") if "bar" in mark.get("class", "").split()]
    assert [mark.get("class") for mark in bars_drawn] == ["bar good", "bar bad", "bar none"]
    dots = list(drawing(PICTURES["forest"]).iter("circle"))
    assert float(dots[1].get("cx", "nan")) < float(dots[2].get("cx", "nan")) < float(dots[0].get("cx", "nan"))


def test_an_effect_without_an_interval_is_a_dash_in_the_table_and_not_drawn() -> None:
    picture = PICTURES["forest"]
    assert picture.rows[3] == ["new", "–", "–"]
    assert len(list(drawing(picture).iter("circle"))) == 3


def test_a_cycle_without_a_value_leaves_a_gap() -> None:
    picture = PICTURES["over time"]
    assert len(list(drawing(picture).iter("circle"))) == 2
    assert picture.rows[1][1] == "–"


def test_the_truth_is_drawn_only_where_it_is_known() -> None:
    blind = over_time([{**row, "truth": None} for row in LOOP_ROWS], "message", "GBP")
    assert "truth" in PICTURES["over time"].headings
    assert "truth" not in blind.headings
    assert 'class="truth"' not in blind.body


def test_bars_of_losses_point_to_the_other_side_of_zero() -> None:
    rects = list(drawing(PICTURES["bars"]).iter("rect"))
    gain, loss = rects
    assert float(loss.get("x", "nan")) + float(loss.get("width", "nan")) == pytest.approx(
        float(gain.get("x", "nan")), abs=0.2
    )


def test_a_scale_maps_its_ends_and_ticks_are_round_and_inside() -> None:
    scale = Scale(-1.0, 9.0, 100.0, 200.0)
    assert (scale(-1.0), scale(9.0), scale(4.0)) == (100.0, 200.0, 150.0)
    ticks = scale.ticks()
    assert ticks == [0.0, 2.0, 4.0, 6.0, 8.0]


@pytest.mark.parametrize("values", [[], [0.0], [5.0], [-3.0, -1.0], [1e-9, 2e-9], [1e9, -1e9]])
def test_every_scale_holds_zero_and_all_values(values: list[float]) -> None:
    scale = padded_scale(values, 0.0, 100.0)
    assert all(0.0 <= scale(value) <= 100.0 for value in [0.0, *values])
    assert all(scale.low <= tick <= scale.high for tick in scale.ticks())


SAMPLES: dict[str, Mapping[str, Any]] = {
    "effects": samples.CALIBRATED,
    "segments": samples.SEGMENTS,
    "value": samples.VALUE,
    "policy": samples.POLICY,
    "loop": samples.LOOP,
    "contacts": samples.CONTACTS,
    "health": samples.HEALTH,
    "plan": samples.PLAN,
    "plan-advice": samples.ADVICE,
    "off-policy": samples_analyses.OFF_POLICY,
    "contracts": samples_analyses.CONTRACTS,
    "micro-segments": samples_analyses.MICRO_SEGMENTS,
    "policy-choice": samples_analyses.POLICY_CHOICE,
    "policy-tree": samples_analyses.POLICY_TREE,
    "scores": samples.SCORES,
}


@pytest.mark.parametrize("kind", PAGES)
def test_a_page_is_self_contained(kind: str) -> None:
    text = page(kind, SAMPLES[kind])
    assert text.startswith("<!doctype html>")
    assert "<svg" in text
    assert "prefers-color-scheme: dark" in text
    assert not re.search(r"<script|<link|src=|url\(|@import|https?://", text)


@pytest.mark.parametrize("kind", PAGES)
def test_a_page_without_rows_is_still_a_page(kind: str) -> None:
    empty = {**SAMPLES[kind], "rows": [], "summary": {}}
    assert "</html>" in page(kind, empty)


def test_a_page_escapes_what_others_named() -> None:
    text = page("effects", samples.EFFECTS)
    assert "simulated &lt;market&gt;" in text
    assert "needs about 12 more days" in text


@pytest.mark.parametrize(
    ("tick", "text"), [(20.0, "20"), (0.5, "0.5"), (1500.0, "1,500"), (0.1 * 3, "0.3"), (0.0, "0"), (2e-9, "2e-09")]
)
def test_a_tick_is_written_without_empty_digits(tick: float, text: str) -> None:
    assert tick_text(tick) == text


def test_every_number_below_the_pictures_is_written_the_way_its_key_says() -> None:
    written = [
        cell("cost_money", 0.05), cell("share", 0.4228), cell("recency_days", 7.543), cell("customers", 1853),
        cell("action", "none"), cell("found", True), cell("mean", None), cell("orders_365d_per_customer", 6.1),
        cell("gain_lower", -12_192.44),
    ]  # fmt: skip
    assert written == ["0.05", "42.3 %", "8", "1,853", "no action", "yes", "–", "6.100", "-12,192"]
    assert "as of" not in page("segments", samples.SEGMENTS).split("All rows")[1]


def test_a_plan_shows_its_limits_with_prices_and_who_is_left_out() -> None:
    text = page("plan", samples.PLAN)
    assert "price of one more unit" in text
    assert "no consent on record for the channel" in text
    assert "price of one more unit" in page("policy", samples.POLICY)
    assert "customers 4,383 → eligible 4,383 → consented 3,732 → contacted 1,500" in text
    older = {**samples.PLAN, "summary": {**samples.PLAN["summary"]}}
    del older["summary"]["funnel"]
    assert "Customers left" not in page("plan", older)


def test_a_gain_is_never_told_without_its_interval() -> None:
    assert "Cycle 1 gained +812.40 (700.00 … 924.80) net of cost" in page("loop", samples.LOOP)
    unsure = {**samples.LOOP, "rows": [{**samples.LOOP["rows"][0], "gain_lower": -5.0}]}
    assert "Cycle 1 gained +812.40 (-5.00 … 924.80, zero not excluded) net of cost" in page("loop", unsure)
    assert "expected to gain +640.00 (500.00 … 780.00) net of cost" in page("plan", samples.PLAN)


def test_a_difference_is_painted_as_found_only_where_it_is_to_be_gone_by() -> None:
    text = page("off-policy", samples_analyses.OFF_POLICY)
    assert text.count('"bar good"') == 2  # the chosen value and its difference
    none = {
        **samples_analyses.OFF_POLICY,
        "rows": [{**row, "chosen": False} for row in samples_analyses.OFF_POLICY["rows"]],
    }
    assert '"bar good"' not in page("off-policy", none)
    assert "nothing to go by" in page("off-policy", none)


def test_the_page_of_micro_segments_says_which_is_largest_which_brings_most_and_what_moved_customers() -> None:
    text = page("micro-segments", samples_analyses.MICRO_SEGMENTS)
    assert "lapsed, 2 to 4 purchases is the largest" in text
    assert "buys &lt;gifts&gt; brings most per customer" in text
    assert f"{formats.percent(0.21)} changed segment" in text


def test_a_tree_is_told_apart_only_from_what_its_interval_excludes() -> None:
    text = page("policy-tree", samples_analyses.POLICY_TREE)
    assert "The tree differs: Against what runs" in text
    assert text.count('"bar good"') == 2  # a leaf, and the running policy; the single action is within reach


def test_the_page_of_health_says_what_fails_and_when_to_fit_anew():
    text = page("health", samples.HEALTH)
    assert "<strong>Fit the model anew now</strong>: 1 finished cycle is not in the model yet." in text
    assert "fails for sale-mail (cycle 4, as of 2011-07-22)" in text
    assert "1 worth a look" in text
    assert "&lt;returns&gt;" in text
    assert "within the errors of both in every cycle" in text


def test_what_is_written_beside_a_features_bar_fits_the_page_with_its_verdict():
    moved = {"aspect": "feature drift", "cycle": 3, "as_of": "2011-07-22T00:00:00Z", "verdict": "watch"}
    rows = [moved | {"subject": f"f{i}", "value": 11.92827 * 10.0**-i, "threshold": 0.00835412} for i in range(6)]
    _, (picture,) = health({"rows": rows})
    written = [row[1] for row in picture.rows]
    assert all(text.endswith("watch") and len(text) <= 28 for text in written)  # 200 of the 960 points of the page
