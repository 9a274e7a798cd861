from __future__ import annotations

import numpy as np
import pytest
from tests.unit.simulation.markets import action, scenario, world

from alamo.domain.errors import UsageError
from alamo.domain.settings import Settings
from alamo.simulation.rivals import POLICIES, only_the_best, scorer_of, settings_of


def test_to_everybody_only_the_best_action_is_offered():
    assert only_the_best(np.array([1.0, 3.0, 2.0])).tolist() == [-np.inf, 3.0, -np.inf]
    assert np.isneginf(only_the_best(np.full(2, -np.inf))).all()


def test_every_policy_has_a_scorer_and_the_engine_keeps_its_own():
    place = world(scenario(action()))
    assert scorer_of("engine", place) is None
    assert all(scorer_of(policy, place) is not None for policy in POLICIES if policy != "engine")
    with pytest.raises(UsageError, match="there is no policy 'blats'"):
        scorer_of("blats", place)


def test_rivals_that_learn_open_like_the_engine_and_then_follow_their_choice():
    settings = Settings("x")
    assert settings_of("blast", 1, settings) == settings
    assert settings_of("blast", 2, settings).exploration.opening_share == 0
    assert settings_of("oracle", 1, settings).exploration.opening_share == 0
    assert settings_of("nothing", 1, settings).exploration.floor_minimum == 0
    assert settings_of("engine", 5, settings) == settings
