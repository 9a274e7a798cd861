from __future__ import annotations

import numpy as np
import pytest
from tests.unit.simulation.markets import action, scenario, world

from alamo.simulation.effects import groups


@pytest.mark.parametrize("on", ["conversion", "orders", "spend"])
@pytest.mark.parametrize("mean", [0.03, -0.03])
def test_the_mean_over_the_opening_population_is_the_mean_asked_for(on, mean):
    effect = {"mean": mean, "on": on, "spread": 0.02, "by": ["recency", "-taste_1"]}
    view = world(scenario(action(effect=effect, pulls_forward=0.5))).view()
    assert view.effects[0].mean() == pytest.approx(mean, abs=1e-9)
    assert view.effects[0].std() > 0.005


def test_a_mean_out_of_reach_is_met_as_far_as_possible():
    view = world(scenario(action(effect={"mean": -0.9}))).view()
    assert view.effects[0] == pytest.approx(-view.outlook.p_buys)


def test_probabilities_stay_probabilities():
    market = scenario(action(effect={"mean": 0.6, "spread": 0.5, "by": ["hidden"]}))
    view = world(market).view()
    after = view.outlook.p_buys + view.effects[0]
    assert after.min() >= 0
    assert after.max() <= 1 + 1e-12


def test_a_leading_minus_turns_the_direction_round():
    up = {"mean": 0.1, "on": "orders", "spread": 0.02, "by": ["recency"]}
    down = up | {"by": ["-recency"]}
    view = world(scenario(action("up", effect=up), action("down", effect=down))).view()
    assert np.corrcoef(view.effects[0], view.effects[1])[0, 1] < -0.99


def test_who_has_no_purchase_to_come_pulls_none_forward():
    place = world(scenario(action(effect={"mean": 0.02}, pulls_forward=1.0), purchase={"dropout": 0.5}))
    view = place.view()
    gone = ~view.state.alive
    assert gone.sum() > 100
    assert (view.effects[0][gone] == 0).all()
    assert (view.effects[0][~gone] > 0).any()


def test_groups_spread_an_effect_like_any_other_driver():
    effect = {"mean": 0.1, "on": "orders", "spread": 0.03, "by": ["group"]}
    back = effect | {"by": ["-group", "recency"]}
    market = world(scenario(action("one", effect=effect), action("two", effect=back)))
    one, two = market.view().effects
    group = groups(market.population.latents)
    assert one.mean() == pytest.approx(0.1, abs=1e-9)
    assert one.std() == pytest.approx(0.03, rel=1e-6)
    assert max(np.ptp(one[group == g]) for g in np.unique(group)) < 1e-12
    assert np.ptp(two[group == 0]) > 0.01
