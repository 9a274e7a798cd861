from __future__ import annotations

import pytest

from alamo.domain.action import Exclusion
from alamo.domain.errors import ConfigError
from alamo.simulation.builtin import builtin_scenario, builtin_scenarios
from alamo.simulation.scenario_reading import scenario_from_dict

ACTION = {"id": "mail", "channel": "email", "cost": 0.4, "effect": {"mean": 0.02}}


def read(**keys):
    return scenario_from_dict({"name": "x", "action": [ACTION]} | keys, "x.toml")


def test_everything_but_name_and_the_actions_four_keys_has_a_default():
    scenario = read()
    assert scenario.actions[0].effect.on == "conversion"
    assert scenario.population.source == "synthetic"
    assert scenario.limits == ()


def test_the_example_of_the_interfaces_page_is_read():
    scenario = read(
        customers=50000,
        cycle_days=28,
        cycles=8,
        population={"from": "orders"},
        purchase={},
        action=[
            {
                "id": "voucher-mail",
                "channel": "email",
                "cost": 0.4,
                "effect": {"mean": 0.02, "on": "conversion", "spread": 0.02, "by": ["recency", "taste_1"]},
                "pulls_forward": 0.0,
                "fatigue": 0.01,
            }
        ],
        limit=[{"name": "budget", "use": "cost", "maximum": 5000}],
    )
    assert scenario.actions[0].effect.by == ("recency", "taste_1")
    assert scenario.limits[0].maximum == 5000
    assert scenario.inference.planned_cycles == 8


@pytest.mark.parametrize(
    ("keys", "where", "near"),
    [
        ({"custmers": 5}, "custmers", "customers"),
        ({"purchase": {"rate_per_yr": 2}}, "purchase.rate_per_yr", "rate_per_year"),
        ({"action": [ACTION | {"pull_forward": 1}]}, "action[1].pull_forward", "pulls_forward"),
        ({"action": [ACTION | {"effect": {"mean": 0.1, "by": ["recencey"]}}]}, "action[1].effect.by", "recency"),
        ({"action": [ACTION | {"effect": {"mean": 0.1, "on": "convert"}}]}, "action[1].effect.on", "conversion"),
        ({"limit": [{"name": "b", "maximum": 1, "actions": ["mial"]}]}, "limit 'b'.actions", "mail"),
        ({"contact": {"exclusive": [{"actions": ["mail", "lettr"], "days": 7}]}}, "contact.exclusive", "mail"),
        ({"contact": {"exclusive": [{"actions": ["mail", "b"], "dys": 7}]}}, "contact.exclusive.dys", "days"),
        ({"contact": {"caps": [{"channel": "emial", "maximum": 1, "days": 7}]}}, "contact.caps.channel", "email"),
    ],
)
def test_a_wrong_name_is_refused_with_file_key_and_near_names(keys, where, near):
    with pytest.raises(ConfigError) as error:
        read(**keys)
    assert error.value.message.startswith(f"x.toml: {where}: ")
    assert near in error.value.message
    assert "alamo simulate x.toml" in error.value.hint


@pytest.mark.parametrize(
    "keys",
    [
        {"customers": "many"},
        {"customers": True},
        {"cycles": 0},
        {"outcome": {"long_days": 20}},
        {"outcome": {"long_days": 182, "residual_horizon_days": 100}},
        {"outcome": {"act_on_calibrated": True}},
        {"outcome": {"price_permissions": 1}},
        {"cycle_days": 0},
        {"exploration": {"opening_cycles": -1}},
        {"currency": "XXQ"},
        {"action": []},
        {"action": [ACTION, ACTION]},
        {"action": [ACTION | {"id": "none"}]},
        {"action": [ACTION | {"id": "a b"}]},
        {"action": [ACTION | {"cost": -1}]},
        {"action": [ACTION | {"cost": float("nan")}]},
        {"action": [ACTION | {"effect": 0.1}]},
        {"action": [ACTION | {"effect": {}}]},
        {"action": [ACTION | {"effect": {"mean": 1.5}}]},
        {"action": [ACTION | {"fatigue": 2}]},
        {"action": [{"id": "mail"}]},
        {"limit": [{"name": "b"}]},
        {"limit": [{"name": "b", "maximum": 1}, {"name": "b", "maximum": 1}]},
        {"limit": [{"name": "b", "maximum": 1, "minimum": 2}]},
        {"limit": [{"name": "b", "maximum": 1, "use": "points"}]},
        {"contact": {"quiet_hours": {"from": "25:00", "until": "08:00"}}},
        {"contact": {"max_actions": 2}},
        {"contact": {"exclusive": [["mail"]]}},
        {"contact": {"exclusive": [["mail", "mail"]]}},
        {"contact": {"exclusive": [{"actions": ["mail", "letter"]}]}},
        {"contact": {"exclusive": [{"actions": ["mail", "letter"], "days": 0}]}},
        {"purchase": {"season": [0, 0]}},
        {"purchase": {"dropout": 1.0}},
        {"consent": {"pigeon": 0.5}},
    ],
)
def test_a_value_that_cannot_be_is_refused(keys):
    with pytest.raises(ConfigError):
        read(**keys)


def test_an_exclusion_counts_beyond_the_cycle_and_a_pair_is_kept_apart_by_one_action_a_cycle():
    both = [["mail", "letter"], {"actions": ["mail", "letter"], "days": 28}]
    scenario = read(action=[ACTION, ACTION | {"id": "letter"}], contact={"exclusive": both})
    assert scenario.contact.exclusive == (Exclusion(("mail", "letter"), 28),)


def test_a_missing_key_is_named():
    with pytest.raises(ConfigError, match=r"x.toml: name: is missing"):
        scenario_from_dict({"action": [ACTION]}, "x.toml")


def test_a_spread_without_drivers_is_hidden():
    assert read(action=[ACTION | {"effect": {"mean": 0.0, "spread": 0.1}}]).actions[0].effect.by == ("hidden",)


def test_every_scenario_that_comes_with_the_program_is_read_under_its_name():
    assert {"shop", "smooth", "mixed", "homogeneous", "nil", "harmful", "pull-forward", "synthetic"} <= set(
        builtin_scenarios()
    )
    for name in builtin_scenarios():
        assert builtin_scenario(name).name == name


def test_an_unknown_scenario_lists_near_ones():
    with pytest.raises(ConfigError, match="near names: shop"):
        builtin_scenario("shpo")
