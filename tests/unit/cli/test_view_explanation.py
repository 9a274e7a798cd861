"""An explanation begins with one sentence that anybody understands, and its numbers add up on the page."""

from __future__ import annotations

import re
from typing import Any

import pytest
from tests.unit.cli import samples
from tests.unit.cli.test_views import shown

from alamo.cli.views.decision import explanation, sentence


def explained(**changes: Any) -> dict[str, Any]:
    return {**samples.EXPLANATION, **changes}


def nothing(reason: str) -> dict[str, Any]:
    return explained(action_id="none", reason=reason, p_action=0.3)


SENTENCES = [
    (
        explained(),
        "Customer 13085 gets voucher-mail because it is expected to earn 0.90 GBP more than it costs (+0.85 GBP after "
        "the price of the limits it uses), the only one that was open; it was drawn with probability 0.70.",
    ),
    (
        explained(options=[{**samples.EXPLANATION["options"][0], "limits_money": 0.0}]),
        "Customer 13085 gets voucher-mail because it is expected to earn 0.90 GBP more than it costs, the only one "
        "that was open; it was drawn with probability 0.70.",
    ),
    (
        explained(options=[{**samples.EXPLANATION["options"][0], "later_money": 0.3}]),
        "Customer 13085 gets voucher-mail because it is expected to earn 0.90 GBP more than it costs (+0.55 GBP after "
        "the price of the limits it uses and what the contact displaces later), the only one that was open; it was "
        "drawn with probability 0.70.",
    ),
    (
        explained(
            reason="drawn by exploration",
            options=[{**samples.EXPLANATION["options"][0], "value_mean_money": -0.2, "limits_money": 0.0}],
        ),
        "Customer 13085 gets voucher-mail by chance: every open action is drawn now and then, so that what it changes "
        "can be measured. It is expected to earn 0.20 GBP less than it costs; it was drawn with probability 0.70.",
    ),
    (
        nothing("no action drawn"),
        "Customer 13085 gets no action by chance: some are left out, so that what actions change can be measured; it "
        "was drawn with probability 0.30.",
    ),
    (nothing("no action was eligible"), "Customer 13085 gets no action because no action is open to them."),
    (nothing("the decision failed"), "Customer 13085 gets no action because the decision failed."),
    (
        explained(rule=None),
        "Customer 13085 gets voucher-mail in an imported experiment; it was drawn with probability 0.70.",
    ),
]


@pytest.mark.parametrize(("data", "words"), SENTENCES)
def test_the_first_line_is_a_plain_sentence(data: dict[str, Any], words: str) -> None:
    assert sentence(data) == words
    assert " ".join(shown(explanation, data).split()).startswith(words)


@pytest.mark.parametrize(
    "reason", ["best net value", "held out by the universal control", "what was left of a limit did not fit"]
)
def test_no_action_has_a_reason_in_words(reason: str) -> None:
    assert re.fullmatch(r"Customer 13085 gets no action because [a-z].+\.", sentence(nothing(reason)))


@pytest.mark.parametrize(
    "row",
    [
        {"gross_money": 1.3, "cost_money": 0.4, "limits_money": 0.05, "net_money": 0.85},
        {"gross_money": 6.20555, "cost_money": 0.05, "limits_money": 0.11666, "net_money": 6.03889},
        {"gross_money": 240.5788, "cost_money": 0.0049, "limits_money": 0.00333, "net_money": 240.57057},
        {"gross_money": -16.79, "cost_money": 0.0, "limits_money": 0.0, "net_money": -16.79},
    ],
)
def test_gross_value_less_cost_less_limits_is_net_on_the_page(row: dict[str, float]) -> None:
    option = {**samples.EXPLANATION["options"][0], **row}
    text = shown(explanation, explained(options=[option, samples.EXPLANATION["options"][1]]))
    line = next(line for line in text.splitlines() if line.startswith("voucher-mail"))
    gross, _, cost, limits, net = (float(figure.replace(",", "")) for figure in line.split()[1:6])
    assert gross + cost + limits == pytest.approx(net, abs=1e-9)
    assert gross == pytest.approx(row["gross_money"], abs=0.02)
    assert cost <= 0
    assert limits <= 0


def test_what_is_displaced_is_a_column_where_anything_is_and_the_sum_still_adds_up() -> None:
    option = {**samples.EXPLANATION["options"][0], "later_money": 0.3, "net_money": 0.55}
    text = shown(explanation, explained(options=[option, samples.EXPLANATION["options"][1]]))
    line = next(line for line in text.splitlines() if line.startswith("voucher-mail"))
    gross, _, cost, limits, later, net = (float(figure) for figure in line.split()[1:7])
    assert (gross, cost, limits, later, net) == (1.3, -0.4, -0.05, -0.3, 0.55)
    assert "what it displaces" not in shown(explanation, explained())


def test_it_fits_a_hundred_columns() -> None:
    long = explained(
        options=[{**row, "action_id": "winback-letter-spring"} for row in samples.EXPLANATION["options"]],
        action_id="winback-letter-spring",
    )
    wide = [line for line in shown(explanation, long, width=100).splitlines() if len(line) > 100]
    assert not wide
    rows = [
        line for line in shown(explanation, long, width=100).splitlines() if line.startswith("winback-letter-spring")
    ]
    assert all(line.rstrip().endswith("%") for line in rows)
