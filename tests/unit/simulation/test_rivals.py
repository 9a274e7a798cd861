from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from tests.unit.simulation.markets import action, scenario, world

from alamo.domain.errors import UsageError
from alamo.domain.settings import Settings
from alamo.simulation.rivals import POLICIES, best_offer, scorer_of, settings_of


def log(n=4000, effects=(0.0, 2.0, 1.0), seed=1):
    rng = np.random.default_rng(seed)
    names = np.array(["none", "a", "b"])
    p = np.array([0.5, 0.1, 0.4])
    drawn = rng.choice(3, n, p=p)
    return pa.table(
        {
            "action_id": names[drawn],
            "p_action": p[drawn],
            "outcome_money": np.array(effects)[drawn] + rng.normal(0, 1, n),
            "eligible": pa.array([["none", "a", "b"]] * n),
        }
    )


def test_the_best_offer_is_the_action_with_the_largest_difference_to_no_action():
    index, effect = best_offer(log(), ["a", "b"])
    assert index == 0
    assert effect == pytest.approx(2.0, abs=4 * np.sqrt(1 / 400 + 1 / 2000))


def test_an_action_never_drawn_is_never_the_best_offer():
    assert best_offer(log(), ["c", "b"])[0] == 1


def test_without_a_log_nothing_is_offered():
    assert best_offer(log(0), ["a", "b"])[1] < 0


def test_chances_that_differ_between_customers_are_weighted_away():
    rng = np.random.default_rng(3)
    rich = rng.random(20_000) < 0.5
    p = np.where(rich, 0.9, 0.1)
    drawn = rng.random(20_000) < p
    table = pa.table(
        {
            "action_id": np.where(drawn, "a", "none"),
            "p_action": np.where(drawn, p, 1 - p),
            "outcome_money": np.where(rich, 100.0, 0.0),
            "eligible": pa.array([["none", "a"]] * 20_000),
        }
    )
    assert abs(best_offer(table, ["a"])[1]) < 4 * 50 * np.sqrt(2 * 5.5 / 20_000)


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
