"""A run against the true long-run effects: a blind policy may be inferred from at the end, with the same result."""

from __future__ import annotations

from dataclasses import replace

import pytest

from alamo.prediction.learners.booster import BoosterSettings
from alamo.prediction.learners.outcome import BoostedOutcomeLearner
from alamo.simulation import long_run
from alamo.simulation.builtin import builtin_scenario
from alamo.simulation.long_run import play_long
from alamo.simulation.run import Equipment
from alamo.store import memory_stores


def market(**outcome):
    base = builtin_scenario("pull-forward")
    changed = replace(base.outcome, long_days=56, residual_horizon_days=28, **outcome)
    return replace(base, customers=150, cycles=5, outcome=changed)


def played(policy="uniform", **outcome):
    stores = memory_stores()
    learner = BoostedOutcomeLearner(BoosterSettings(trees=5, bins=15))
    run = play_long(market(**outcome), Equipment(stores.history, stores.state, stores.shelf, learner), policy=policy)
    return run, stores


def turns(stores) -> int:
    return sum(step.key.endswith("/infer") for step in stores.state.steps.all())


def test_what_a_blind_policy_leads_to_is_the_same_inferred_at_the_end(monkeypatch):
    at_the_end, stores = played()
    assert turns(stores) == 1
    monkeypatch.setattr(long_run, "BLIND", ())
    every_cycle, stores = played()
    assert turns(stores) == 6
    assert [row.label for row in at_the_end.rows] == ["calibrated", "calibrated"]
    for one, other in zip(at_the_end.rows, every_cycle.rows, strict=True):
        assert one.proxy == pytest.approx(other.proxy)
        assert one.correction == pytest.approx(other.correction)
        assert one.calibrated == pytest.approx(other.calibrated)
        assert one.truth == pytest.approx(other.truth)


def test_prices_of_permissions_are_inferred_before_each_cycle():
    _, stores = played(price_permissions=True)
    assert turns(stores) == 6
    assert sum(step.key.endswith("/permission-price") for step in stores.state.steps.all()) > 0
