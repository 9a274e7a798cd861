"""A start for new actions: as wide as an opening, bounded in money, and the others keep what they had."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.unit.steering.worlds import five_rows, market, names, tables

from alamo.domain.policy import LimitRow
from alamo.domain.settings import ControlSettings, ExplorationSettings
from alamo.steering.allocation.problem import build_problem
from alamo.steering.exploration import opening, running
from alamo.steering.floor import floor_loss
from alamo.steering.start import MOST_OF_GAIN, with_start

N, K = 2000, 4
CONTROL = ControlSettings(share=0.1)
BUDGET = LimitRow("budget", "cost", 0.5 * N, 1, names(K), "", True)


def problem_with(*rows, seed=1, eligible=1.0):
    return build_problem(market(N, K, seed, eligible=eligible), tables(rows, K))


def of_floor(rule) -> np.ndarray:
    """What none and each action get where all are open."""
    weights = np.array([1.0, *rule.floor_of(K)])
    return rule.floor_share * weights / weights.sum()


@pytest.mark.parametrize("rows", [(), (BUDGET,), five_rows(N, K)], ids=["free", "budget", "five limits"])
def test_a_new_action_is_drawn_as_in_an_opening_and_the_others_as_before(rows):
    problem, settings = problem_with(*rows), ExplorationSettings(opening_share=0.2, cost_share=0.05)
    before = running(problem, settings, CONTROL, None)
    after = with_start(problem, before, settings, {"a0"})
    old, new = of_floor(before.rule), of_floor(after.rule)
    assert after.set_by == "start of a new action"
    assert new[1] == pytest.approx(0.2 / (K + 1))
    assert np.delete(new, 1) == pytest.approx(np.delete(old, 1))
    assert (after.rule.temperature_money, after.rule.control_share) == (before.rule.temperature_money, 0.1)


@pytest.mark.parametrize("seed", range(8))
def test_what_a_start_costs_is_bounded_in_money_and_told(seed):
    problem = problem_with(BUDGET, seed=seed, eligible=0.6)
    settings = ExplorationSettings(opening_share=0.9, cost_share=0.002, floor_minimum=0.002)
    before = running(problem, settings, CONTROL, None)
    after = with_start(problem, before, settings, {"a1"})
    bound = max(MOST_OF_GAIN * settings.cost_share * before.gain_money, before.cost_money)
    lost = [
        one.rule.floor_share * floor_loss(problem, before.prices, np.array(one.rule.floor_of(K)))
        for one in (before, after)
    ]
    assert 0.0 < lost[1] - lost[0] <= bound * (1 + 1e-9)
    assert after.cost_money - before.cost_money == pytest.approx(lost[1] - lost[0])
    assert of_floor(before.rule)[2] < of_floor(after.rule)[2] < 0.9 / (K + 1)


def test_nothing_changes_without_a_new_action_or_in_an_opening():
    problem, settings = problem_with(BUDGET), ExplorationSettings()
    before = running(problem, settings, CONTROL, None)
    assert with_start(problem, before, settings, set()) is before
    assert with_start(problem, before, settings, {"unknown"}) is before
    wide = opening(problem, settings, CONTROL)
    assert with_start(problem, wide, settings, {"a0"}) is wide


def test_a_limit_that_a_start_would_break_narrows_it():
    tight = LimitRow("few of it", "count", 0.01 * N, 1, ("a0",), "", True)
    problem, settings = problem_with(tight), ExplorationSettings(opening_share=0.5, cost_share=0.5)
    after = with_start(problem, running(problem, settings, CONTROL, None), settings, {"a0"})
    assert of_floor(after.rule)[1] * N < 0.01 * N


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("share", [0.01, 0.001])
def test_strict_exploration_never_costs_more_than_its_share_of_the_gain(seed, share):
    rng = np.random.default_rng(seed)
    rows = [(), (BUDGET,), five_rows(N, K)][seed % 3]
    problem = problem_with(*rows, seed=seed, eligible=0.3 + 0.7 * rng.random())
    cells = replace(problem.cells, value_money=problem.cells.value_money + rng.normal(0.0, 0.2))
    settings = ExplorationSettings(cost_share=share, strict=True, opening_share=0.9)
    found = running(replace(problem, cells=cells), settings, CONTROL, None)
    assert found.cost_money <= share * found.gain_money * (1 + 1e-9) + 1e-4 * N * problem.value_scale * (
        found.gain_money <= 0.0
    )
    started = with_start(replace(problem, cells=cells), found, settings, {"a3"})
    assert started.cost_money <= max(share * found.gain_money, found.cost_money) * (1 + 1e-9)


def test_what_sets_the_width_is_told():
    problem = problem_with(BUDGET)
    told = {
        running(problem, ExplorationSettings(**given), CONTROL, None).set_by
        for given in (
            {"cost_share": 1e-6, "floor_minimum": 0.05},
            {"cost_share": 0.01, "strict": True},
            {"cost_share": 0.9, "opening_share": 0.05},
        )
    }
    assert told == {"floor minimum", "cost share", "opening share"}
