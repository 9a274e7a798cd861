"""Actions as a person reads them: what is paused, by whom, and the command that brings it back."""

from __future__ import annotations

from typing import Any

from tests.unit.cli import samples
from tests.unit.cli.test_views import shown

from alamo.cli.html.page import page
from alamo.cli.views.actions import states
from alamo.cli.views.plan import plan
from alamo.cli.views.reports import effects

_WHY = "unsubscribes: 5.55 more in 100 decisions, at least 2.06, 1 are tolerated"
_PAUSE = {"action": "pushy-text", "at": "2026-03-02T00:00:00Z", "cycle": 3, "by": "guardrail", "reason": _WHY}
_HARM = {
    "metric": "unsubscribes",
    "mean": 0.056,
    "bound": 0.0206,
    "tolerated": 0.01,
    "n_action": 772,
    "n_control": 1824,
}
ACTIONS: dict[str, Any] = {
    "schema": "alamo.actions/1",
    "rows": [
        {
            "action": "mail",
            "channel": "email",
            "state": "active",
            "since": "2026-01-05T00:00:00Z",
            "by": "",
            "reason": "",
        },
        {"channel": "text", "state": "paused", "since": _PAUSE["at"], **_PAUSE},
    ],
    "guardrails": [
        {"action": "pushy-text", **_HARM},
        {"action": "mail", **_HARM, "metric": "outcome", "mean": -1.25, "bound": -3.5, "tolerated": 0.0},
        {"action": "mail", **_HARM, "metric": "returns", "mean": None, "bound": None},
    ],
}


def test_harm_is_shown_in_money_or_in_shares_and_what_has_no_bound_is_left_out() -> None:
    text = shown(states, ACTIONS)
    lines = [line.split() for line in text.splitlines()]
    assert ["pushy-text", "unsubscribes", "5.6", "%", "2.1", "%", "1.0", "%", "772", "1,824"] in lines
    assert ["mail", "outcome", "-1.25", "-3.50", "0.00", "772", "1,824"] in lines
    assert "returns" not in text


def test_a_pause_is_told_with_the_way_back_wherever_the_action_is_missed() -> None:
    data = samples.PLAN | {"summary": samples.PLAN["summary"] | {"paused": [_PAUSE]}}
    told = [shown(states, ACTIONS), shown(plan, data), shown(effects, samples.EFFECTS | {"paused": [_PAUSE]})]
    for text in told:
        assert "5.55 more in 100 decisions" in text
        assert "alamo actions resume pushy-text --reason WORDS" in text
    assert "Paused: pushy-text, by guardrail" in page("plan", data)


def test_nothing_is_said_of_pauses_where_there_are_none_or_a_plan_kept_none() -> None:
    assert "Paused" not in shown(plan, samples.PLAN)
    few = {"schema": "alamo.actions/1", "rows": ACTIONS["rows"][:1], "guardrails": ACTIONS["guardrails"][2:]}
    text = shown(states, few)
    assert "Paused" not in text
    assert "No guardrail has a bound yet" in text
