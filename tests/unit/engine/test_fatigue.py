"""Fatigue is taken off values, told apart from what contacts displace, and leaves older policies as they were."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.steering.test_proposal import CUSTOMERS, REQUEST, SCORES

from alamo.engine.fatigue import tell_fatigue
from alamo.engine.propose import propose
from alamo.store import MemoryHistory
from alamo.store.shelf import policy_from_dict, policy_to_dict


def test_a_charge_makes_contacts_with_its_action_rarer_and_is_told_by_action():
    plain = propose(MemoryHistory(), CUSTOMERS, SCORES, replace(REQUEST, limits=()))
    tired = {"mail-small": 0.3}
    charged = propose(MemoryHistory(), CUSTOMERS, SCORES, replace(REQUEST, limits=(), fatigue_money=tired))
    drawn = [{row["action"]: row["customers"] for row in one.summary["actions"]} for one in (plain, charged)]
    assert drawn[1]["mail-small"] < drawn[0]["mail-small"]
    assert drawn[1]["mail-big"] > drawn[0]["mail-big"]
    tell_fatigue(charged.summary, tired)
    (row,) = charged.summary["fatigue"]
    assert row["total_money"] == pytest.approx(0.3 * drawn[1]["mail-small"])
    assert charged.summary["caps_by_value"]["displaced_money"] == pytest.approx(0.0, abs=1e-9)
    values = {d["decision_id"]: d for d in charged.decisions.to_pylist() if d["action_id"] == "mail-small"}
    own = dict(zip(zip(SCORES["customer_id"].to_pylist(), SCORES["action_id"].to_pylist(), strict=True),
                   SCORES["value_mean_money"].to_pylist(), strict=True))  # fmt: skip
    for decision in list(values.values())[:50]:
        assert decision["value_mean_money"] == own[decision["customer_id"], "mail-small"]
        assert decision["net_money"] == pytest.approx(decision["value_mean_money"] - 0.3)


def test_a_policy_keeps_its_version_where_nothing_is_charged_and_comes_back_whole_where_something_is():
    plain = propose(MemoryHistory(), CUSTOMERS, SCORES, replace(REQUEST, limits=())).policy
    stored = policy_to_dict(plain)
    for name in ("fatigue_money", "displacement"):
        del stored[name]  # as a version before wrote it
    assert policy_from_dict(stored).version == plain.version
    charged = replace(plain, fatigue_money={"mail-small": 0.3})
    assert policy_from_dict(policy_to_dict(charged)) == charged
    assert charged.version != plain.version
