from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.unit.simulation.markets import action, scenario, world

from alamo.domain.errors import UsageError
from alamo.domain.settings import ExplorationSettings, Settings
from alamo.engine.infer import profiles_as_of
from alamo.prediction import boosted_outcome
from alamo.simulation.rivals import POLICIES, only_the_best, plain_scores, scorer_of, settings_of
from alamo.simulation.run import Equipment, simulate
from alamo.store import memory_stores


def test_to_everybody_only_the_best_action_is_offered():
    assert only_the_best(np.array([1.0, 3.0, 2.0])).tolist() == [-np.inf, 3.0, -np.inf]
    assert np.isneginf(only_the_best(np.full(2, -np.inf))).all()


def test_every_policy_has_a_scorer_and_the_engine_keeps_its_own():
    place = world(scenario(action()))
    assert scorer_of("engine", place) is None
    assert all(scorer_of(policy, place) is not None for policy in POLICIES if policy != "engine")
    with pytest.raises(UsageError, match="there is no policy 'blats'"):
        scorer_of("blats", place)


class Wait:
    """A contender that never contacts anybody, unless it is told another value."""

    name = "wait"

    def __init__(self, value=-1.0):
        self.value = value

    def settings(self, cycle, settings):
        return replace(settings, exploration=ExplorationSettings(0.0, 0.0, 0.0))

    def __call__(self, context, cycle, as_of):
        customers = profiles_as_of(context, as_of)["customer_id"]
        return plain_scores(
            context, self.name, customers, np.full((len(customers), len(context.actions)), self.value), as_of
        )


def test_a_contender_of_ones_own_decides_like_any_other_policy():
    market = scenario(action(), customers=300, cycles=1)
    stores = memory_stores()
    equipment = Equipment(stores.history, stores.state, stores.shelf, boosted_outcome())
    found = simulate(market, equipment, policy=Wait())
    assert [row.policy for row in found.cycles] == ["wait"]
    assert found.cycles[0].profit_true == 0.0
    assert 0.0 <= found.cycles[0].spend < 1e-6


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_contender_whose_values_are_no_numbers_is_told_so(value):
    stores = memory_stores()
    equipment = Equipment(stores.history, stores.state, stores.shelf, boosted_outcome())
    with pytest.raises(UsageError, match="policy 'wait' gives 300 values that are no finite numbers") as caught:
        simulate(scenario(action(), customers=300, cycles=1), equipment, policy=Wait(value))
    assert caught.value.code == "simulation.bad_value"


def test_rivals_that_learn_open_like_the_engine_and_then_follow_their_choice():
    settings = Settings("x")
    assert settings_of("blast", 1, settings) == settings
    assert settings_of("blast", 2, settings).exploration.opening_share == 0
    assert settings_of("oracle", 1, settings).exploration.opening_share == 0
    assert settings_of("nothing", 1, settings).exploration.floor_minimum == 0
    assert settings_of("engine", 5, settings) == settings
