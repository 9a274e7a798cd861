from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.unit.steering.worlds import five_rows, market, names, tables

from alamo.domain.policy import LimitRow
from alamo.domain.settings import ControlSettings, ExplorationSettings
from alamo.steering.allocation.dual import solve_dual
from alamo.steering.allocation.knowledge import cheap_first
from alamo.steering.allocation.newton import mixed_sums
from alamo.steering.allocation.prices import floor_use, mixture_of, soft_prices
from alamo.steering.allocation.problem import build_problem
from alamo.steering.exploration import opening, promising, running, told_cost
from alamo.steering.floor import affordable_floor, parts_of, widened

N, K = 3000, 4
CONTROL = ControlSettings(share=0.1)
BUDGET = LimitRow("budget", "cost", 0.3 * N, 1, names(K), "", True)


def problem_with(*rows, seed=1):
    return build_problem(market(N, K, seed), tables(rows, K))


def worthless(problem):
    return replace(problem, cells=replace(problem.cells, value_money=-np.abs(problem.cells.value_money)))


def test_what_has_been_learnt_is_used_at_once_beside_the_opening_share():
    found = opening(problem_with(), ExplorationSettings(opening_share=0.2), CONTROL)
    assert (found.phase, found.rule.floor_share, found.rule.control_share) == ("opening", 0.2, CONTROL.share)


def test_the_opening_draws_uniformly_for_its_share_and_nothing_otherwise():
    found = opening(worthless(problem_with()), ExplorationSettings(opening_share=0.2), CONTROL)
    assert found.phase == "opening"
    assert (found.rule.floor_share, found.rule.control_share) == (0.2, 0.8)
    assert found.floor_reduced_by is None


def test_the_opening_follows_values_where_a_minimum_has_to_be_met():
    found = opening(problem_with(*five_rows(N, K)), ExplorationSettings(opening_share=0.02), CONTROL)
    assert found.rule.control_share == CONTROL.share


def test_a_floor_that_a_limit_cannot_bear_is_reduced_and_names_the_limit():
    tight = LimitRow("tiny budget", "cost", 0.02 * N, 1, names(K), "", True)
    problem = problem_with(BUDGET, tight)
    floor, by = affordable_floor(problem, 0.2, np.ones(K))
    assert by == "tiny budget"
    cells = problem.cells
    share = 1 / (np.diff(cells.indptr)[cells.owner()] + 1)
    use = cells.uses[:, 0] / problem.scale[1]
    left = problem.bound[1] - floor * floor_use(problem, np.ones(K))[1] - 3 * np.sqrt(floor * (share @ use**2))
    assert left == pytest.approx(0.0, abs=1e-9)
    assert opening(problem, ExplorationSettings(), CONTROL).floor_reduced_by == "tiny budget"


def test_running_keeps_the_cost_of_exploration_within_its_share_or_the_floor_at_its_minimum():
    problem = problem_with(BUDGET)
    bound = solve_dual(problem).bound
    for share in (0.2, 0.05, 0.001):
        settings = ExplorationSettings(cost_share=share, floor_minimum=0.005)
        found = running(problem, settings, ControlSettings(share=0.0), None)
        prices = soft_prices(problem, found.rule, found.prices)
        value = mixed_sums(problem, prices, mixture_of(problem, found.rule)).total[1]
        at_minimum = found.rule.floor_share == pytest.approx(0.005)
        assert at_minimum or 1 - value / bound <= 1.3 * share + 1e-3
        assert 0.005 <= found.rule.floor_share <= settings.opening_share


def unsure(problem, sd, rows):
    n = problem.cells.n_cells
    cells = replace(problem.cells, shared_sd_money=np.full(n, sd), value_sd_money=np.full(n, 100.0))
    return build_problem(cells, tables(rows, K))


def test_the_floor_is_wide_while_there_is_much_to_learn_and_narrows_as_errors_shrink():
    problem = problem_with(BUDGET)
    settings = ExplorationSettings(cost_share=0.01, floor_minimum=0.01, opening_share=0.3)
    found = [running(unsure(problem, sd, (BUDGET,)), settings, CONTROL, None) for sd in (0.0, 0.05, 0.2, 100.0)]
    floors = [exploration.rule.floor_share for exploration in found]
    assert floors[0] == pytest.approx(0.01)
    assert floors == sorted(floors)
    assert 0.02 < floors[-1] <= 0.3
    bound = solve_dual(problem).bound
    assert found[-1].cost_money <= 0.11 * bound  # however little is known, a tenth of the gain at most


def test_until_something_is_found_the_floor_is_as_wide_as_there_is_to_learn_whatever_the_gain():
    settings = ExplorationSettings(cost_share=0.01, floor_minimum=0.01, opening_share=0.5)
    little = [unsure(worthless(problem_with(BUDGET)), sd, (BUDGET,)) for sd in (0.0, 0.2, 5.0)]
    bounded = [running(problem, settings, CONTROL, None).rule.floor_share for problem in little]
    wide = [running(problem, settings, CONTROL, None, sure=False).rule.floor_share for problem in little]
    assert bounded == pytest.approx([0.01] * 3)
    assert wide[0] == pytest.approx(0.01)
    assert wide[0] < wide[1] < wide[2] <= 0.5


def test_what_is_beyond_the_least_floor_is_drawn_of_the_action_that_most_is_to_be_learnt_of():
    """One action is known badly, the others well: it gets more than with errors alike, they no less than the least."""
    settings = ExplorationSettings(cost_share=0.01, floor_minimum=0.02, opening_share=0.5)
    problem = worthless(problem_with(BUDGET))
    alike, badly = np.full(K, 2.0), np.array([*[0.05] * (K - 1), 8.0])
    parts = []
    for sd in (alike, badly):
        cells = replace(
            problem.cells, shared_sd_money=sd[problem.cells.action], value_sd_money=sd[problem.cells.action]
        )
        rule = running(build_problem(cells, tables((BUDGET,), K)), settings, CONTROL, None, sure=False).rule
        parts.append(parts_of(rule.floor_share, np.array(rule.floor_weights))[1:])
    assert parts[1][-1] / parts[1].sum() > 3.0 * parts[0][-1] / parts[0].sum()
    least = parts_of(0.02, cheap_first(problem, np.zeros(problem.m)))[1:]
    assert (parts[1] >= 0.9 * least).all()


@pytest.mark.parametrize("cap", [25.0, 60.0])
def test_where_a_limit_cuts_the_floor_no_action_gets_less_than_its_part_of_the_least(cap):
    """The action that most is to be learnt of is capped: what it may get more is not taken from the others."""
    settings = ExplorationSettings(cost_share=0.01, floor_minimum=0.02, opening_share=0.5)
    capped = LimitRow("cap", "count", cap, 1, names(K)[-1:], "", True)
    cells = worthless(problem_with(capped)).cells
    sd = np.array([*[0.05] * (K - 1), 8.0])[cells.action]
    problem = build_problem(replace(cells, shared_sd_money=sd, value_sd_money=sd), tables((capped,), K))
    explored = running(problem, settings, CONTROL, None, sure=False)
    weights = np.array(explored.rule.floor_weights)
    least = parts_of(0.02, cheap_first(problem, explored.prices))
    assert (parts_of(explored.rule.floor_share, weights)[1:] >= 0.99 * least[1:]).all()
    assert affordable_floor(problem, 1.0, weights)[0] >= explored.rule.floor_share


def test_a_floor_that_has_nothing_to_learn_is_spread_as_it_was():
    problem = problem_with(BUDGET)
    kept = (0.03, np.array([0.5] * K))
    assert widened(problem, np.zeros(problem.m), kept, (0.0, 0.4)) is kept[1]
    assert widened(problem, np.zeros(problem.m), kept, (1.0, 0.0)) is kept[1]


def test_a_limit_that_cuts_the_wanted_floor_is_named():
    tight = LimitRow("tiny budget", "cost", 0.03 * N, 1, names(K), "", True)
    settings = ExplorationSettings(cost_share=0.5, floor_minimum=0.001, opening_share=0.9)
    found = running(problem_with(tight), settings, CONTROL, None)
    assert found.floor_reduced_by == "tiny budget"


def test_the_temperature_falls_with_the_posterior_sd():
    problem = problem_with(BUDGET)
    known = replace(problem.cells, value_sd_money=np.full(problem.cells.n_cells, 1e-4))
    sure = build_problem(known, tables((BUDGET,), K))
    settings = ExplorationSettings(cost_share=0.05)
    assert (
        running(sure, settings, CONTROL, None).rule.temperature_money
        < running(problem, settings, CONTROL, None).rule.temperature_money
    )


def test_one_action_above_its_shared_error_is_promising():
    cells = problem_with().cells
    n = cells.n_cells
    sure = replace(cells, value_sd_money=np.full(n, 5.0), shared_sd_money=np.full(n, 1e-3))
    assert promising(sure, 0.95)
    assert not promising(replace(sure, shared_sd_money=np.full(n, 5.0)), 0.95)
    assert not promising(replace(sure, value_money=np.full(n, -0.1)), 0.95)


def test_noise_is_called_promising_no_more_often_than_the_level_allows():
    """Values that are nothing but a shared error: each action is off by the same z for everybody."""
    rng = np.random.default_rng(11)
    cells = problem_with().cells
    n, trials = cells.n_cells, 2000
    flat = replace(cells, value_sd_money=np.ones(n), shared_sd_money=np.ones(n))
    called = sum(promising(replace(flat, value_money=rng.normal(size=K)[cells.action]), 0.95) for _ in range(trials))
    assert called / trials <= 0.025 + 4 * np.sqrt(0.025 * 0.975 / trials)
    assert called > 0


def test_what_learning_costs_a_plan_is_what_the_same_limits_would_bring_without_it():
    """At the prices of a tight budget the loss of the floor is more than what it takes from the plan."""
    tight = LimitRow("tight", "cost", 0.05 * N, 1, names(K), "", True)
    problem = problem_with(tight)
    settings = ExplorationSettings(opening_share=0.2, cost_share=0.01, floor_minimum=0.03)
    explored = running(problem, settings, CONTROL, None)
    prices = soft_prices(problem, explored.rule)
    told = told_cost(problem, explored, prices)
    without = solve_dual(problem.with_weight(1.0 - CONTROL.share)).bound
    brings = float(mixed_sums(problem, prices, mixture_of(problem, explored.rule)).total[1])
    assert told.cost_money == pytest.approx(without - brings, rel=0.02)
    assert told.cost_money < 0.9 * explored.cost_money
    assert told.rule == explored.rule
