"""The true long-run effect: valued as the engine values it, exact where the policy can be read off its log."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.unit.simulation.markets import action
from tests.unit.simulation.test_counterfactual import played

from alamo.domain.settings import OutcomeSettings
from alamo.inference import Estimate, PermissionPrice, PermissionPrices
from alamo.inference.lifetime_value import NoResidualValue
from alamo.simulation.long_truth import Terms, long_effects
from alamo.simulation.truth import outcome_effects

LONG = OutcomeSettings(window_days=28, residual_horizon_days=56, long_days=70, discount_rate_per_year=0.0)
PLAIN = Terms(lambda cycle: NoResidualValue(), lambda cycle: None)


def with_outcome(place, outcome: OutcomeSettings = LONG):
    place.scenario = replace(place.scenario, outcome=outcome)
    return place


@pytest.fixture(scope="module")
def market():
    place, records = played(customers=1500, purchase={"rate_per_year": 20.0})
    return with_outcome(place), records


def test_a_policy_that_looks_at_nothing_else_is_played_exactly(market):
    truth = long_effects(*market, PLAIN)
    assert truth.se == pytest.approx([0.0, 0.0], abs=1e-12)
    assert truth.decisions[0].tolist() == [1500.0, pytest.approx(1200, abs=60)]
    mean = np.average(truth.by_cycle[:, 0], weights=truth.decisions[:, 0])
    assert truth.effect[0] == pytest.approx(mean)


def test_what_is_only_pulled_forward_earns_next_to_nothing_and_what_is_new_earns_its_margin(market):
    forward, new = long_effects(*market, PLAIN).effect
    assert forward < 0.5 * 0.1 * 18  # ten points of conversion at a margin of 18, most of it missing later
    assert new > 0.6 * 0.05 * 18  # five points, less a cost of .1 and what lost permissions would have brought


def test_a_lost_permission_is_charged_over_what_is_left_of_the_horizon(market):
    gain = PermissionPrices(PermissionPrice(Estimate(28.0, 1.0, 26.0, 30.0, 100), 0.0, 0.0, 28, 0.0, 0.95))
    plain = long_effects(*market, PLAIN).effect
    priced = long_effects(*market, Terms(PLAIN.value, lambda cycle: gain)).effect
    email = PermissionPrices(gain.whole, {"email": gain.whole})
    assert long_effects(*market, Terms(PLAIN.value, lambda cycle: email)).effect == pytest.approx(plain)
    lost = (plain - priced) / 14.0  # 56 days less the 42 that have passed, at 1 a day
    assert lost[1] == pytest.approx(0.3, abs=0.15)  # later contacts lose it too, in either arm
    assert 0.0 < lost[0] < 0.5 * lost[1]  # a mail wears the customer out for the text that follows


def test_an_action_that_only_costs_costs():
    actions = [action(name, channel=channel, cost=0.25, effect={"mean": 0.0}) for name, channel in IDLE]
    place, records = played(customers=800, p=(0.4, 0.0), actions=actions)
    truth = long_effects(with_outcome(place), records, PLAIN)
    assert truth.effect[0] == pytest.approx(-0.25)
    assert truth.decisions[:, 1].tolist() == [0.0] * len(records)
    assert np.isnan(truth.by_cycle[:, 1]).all()


IDLE = (("mail", "email"), ("text", "text"))


def test_a_price_is_charged_in_the_short_outcome_by_the_chance_to_lose_the_permission():
    place, _ = played(customers=300)
    charge = np.array([2.0, 5.0])
    plain, charged = (outcome_effects(place, NoResidualValue(), charge_money=money) for money in (None, charge))
    worn = 1 + place.view().state.contacts.sum(axis=1)
    assert plain - charged == pytest.approx(np.column_stack([0.0 * worn, 5.0 * np.minimum(0.3 * worn, 1.0)]))
