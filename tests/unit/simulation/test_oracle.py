from __future__ import annotations

import numpy as np
import pytest
from tests.unit.simulation.markets import action, scenario

from alamo.domain.action import Limit
from alamo.simulation.decision_log import DecisionLog
from alamo.simulation.oracle import oracle_profit

MARKET = scenario(action("cheap", cost=1.0), action("dear", cost=2.0), control={"share": 0.2})


def log_of(eligible, held_out=None):
    n = len(eligible)
    return DecisionLog(
        position=np.arange(n),
        drawn=np.full(n, -1),
        eligible=eligible,
        p=np.zeros(eligible.shape),
        held_out=np.zeros(n, bool) if held_out is None else held_out,
    )


def profit(profits, limits=(), eligible=None, held_out=None, where=None):
    log = log_of(np.ones(profits.shape, bool) if eligible is None else eligible, held_out)
    return oracle_profit(MARKET, log, profits, tuple(limits), where or (lambda predicate: np.ones(len(profits), bool)))


def test_without_limits_everybody_gets_the_best_but_for_the_control():
    profits = np.array([[3.0, 5.0], [-1.0, -2.0], [4.0, 1.0]])
    assert profit(profits) == pytest.approx(0.8 * (5 + 4))


def test_what_is_not_eligible_or_held_out_earns_nothing():
    profits = np.full((4, 2), 10.0)
    eligible = np.array([[True, False], [False, False], [True, True], [True, True]])
    assert profit(profits, eligible=eligible, held_out=np.array([0, 0, 0, 1], bool)) == pytest.approx(0.8 * 20)


def test_a_budget_goes_to_those_who_bring_most_for_it():
    rng = np.random.default_rng(1)
    profits = np.column_stack([rng.gamma(1.0, 5.0, 3000), np.full(3000, -1.0)])
    found = profit(profits, [Limit("budget", "cost", maximum=400.0)])
    best = 0.8 * np.sort(profits[:, 0])[::-1][: int(400 / 0.8)].sum()
    assert found == pytest.approx(best, rel=2e-3)


def test_a_limit_binds_only_the_customers_it_is_about():
    profits = np.column_stack([np.full(3000, 5.0), np.full(3000, -1.0)])
    half = np.arange(3000) < 1500
    limits = [Limit("none of these", "count", where="country = 'x'", maximum=0.0)]
    assert profit(profits, limits, where=lambda predicate: half) == pytest.approx(0.8 * 1500 * 5, rel=1e-6)
