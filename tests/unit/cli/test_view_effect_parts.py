"""Effects by stage and over time: what a person reads, and what the page draws."""

from __future__ import annotations

from typing import Any

from tests.unit.cli import samples
from tests.unit.cli.test_views import shown

from alamo.cli.html.effects import effects as pictures
from alamo.cli.html.page import page
from alamo.cli.views.reports import effects

_PART = {"mean": 0.61, "se": 0.1, "lower": 0.4, "upper": 0.8, "n": 900, "n_control": 300, "found": True, "method": "x"}
_NIL = _PART | {"mean": 0.02, "lower": -0.3, "upper": 0.34, "found": False}
_TREND = {
    "action": "voucher-mail", "since_cycle": 2, "cycles": 3, "slope": -0.3, "lower": -0.5, "upper": -0.1,
    "p_value": 0.003, "first": 0.6, "newest": 0.0, "says": "wears off",
}  # fmt: skip
PARTS: dict[str, Any] = samples.EFFECTS | {
    "by_stage": [
        {"action": "voucher-mail", "stage": "loyal", **_PART},
        {"action": "voucher-mail", "stage": "at risk", **_NIL},
    ],
    "over_time": [
        {"action": "voucher-mail", "cycle": 2, "decided_on": "2011-01-31", **_PART},
        {"action": "voucher-mail", "cycle": 3, "decided_on": "2011-02-28", **_NIL},
        {"action": "voucher-mail", "cycle": 4, "decided_on": "2011-03-28", **_NIL},
        {"action": "sale-mail", "cycle": 4, "decided_on": "2011-03-28", **_NIL},
    ],
    "trends": [_TREND],
}


def test_stages_with_a_find_are_listed_the_others_counted_and_the_trend_is_said() -> None:
    text = shown(effects, PARTS)
    assert "loyal" in text
    assert "at risk" not in text
    assert "1 of 2 exclude zero" in text
    assert "-0.50 … -0.10" in text
    assert "wears off" in text
    assert "1 of 1 trends and 1 of 4 effects of single cycles exclude zero" in text


def test_nothing_is_said_of_parts_where_there_are_none() -> None:
    text = shown(effects, samples.EFFECTS)
    assert "lifecycle stage" not in text
    assert "wear off" not in text


def test_the_page_draws_every_stage_and_every_cycle_and_names_the_number_of_intervals() -> None:
    _, drawn = pictures(PARTS)
    messages = [picture.message for picture in drawn]
    assert "voucher-mail by lifecycle stage: 1 of 2 shrunk intervals exclude zero" in messages
    assert "voucher-mail over time: wears off, -0.30 per cycle (-0.50 … -0.10)" in messages
    assert "sale-mail over time: too few cycles for a trend" in messages
    text = page("effects", PARTS)
    assert "3 intervals, each for one look" in text
    assert "at risk" in text
    trend = next(picture for picture in drawn if "wears off" in picture.message)
    assert trend.headings[-1] == "trend"
    assert [row[-1] for row in trend.rows] == ["+0.60", "+0.30", "+0.00"]
