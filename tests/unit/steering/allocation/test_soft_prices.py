"""Prices of the randomised rule meet the bounds in expectation, and pacing keeps them in every draw."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.unit.steering.worlds import SALT, five_rows, market, names, tables

from alamo.domain.policy import BlockState, LimitRow, PolicySnapshot, RuleSettings
from alamo.engine.batch import run_blocks
from alamo.steering.allocation.dual import solve_dual
from alamo.steering.allocation.newton import mixed_sums, newton_step, soft_dual
from alamo.steering.allocation.prices import floor_use, mixture_of, soft_prices, warm_start
from alamo.steering.allocation.problem import build_problem
from alamo.steering.pacing import block_bounds, block_count, pace
from alamo.steering.rule import BlockTerms, decide

N, K = 5000, 5


@pytest.fixture(scope="module")
def problem():
    return build_problem(market(N, K, 1), tables(five_rows(N, K), K))


@pytest.mark.parametrize(("tau", "floor", "control"), [(0.03, 0.02, 0.1), (0.003, 0.05, 0.1), (0.3, 0.0, 0.0)])
def test_expected_use_meets_every_bound(problem, tau, floor, control):
    rule = RuleSettings(tau * problem.value_scale, floor, control)
    prices = soft_prices(problem, rule)
    sums = mixed_sums(problem, prices, mixture_of(problem, rule))
    slack = problem.bound - problem.row_use(sums.tallies)
    assert slack.min() >= -1e-6
    assert (prices * slack).max() <= 1e-6 * max(prices.max(), 1.0)


def test_gradient_and_hessian_of_the_soft_dual_are_its_derivatives(problem):
    tau = 0.1 * problem.value_scale
    prices = 0.05 * problem.ceiling * np.arange(1, problem.m + 1) / problem.m
    at = soft_dual(problem, prices, tau)
    for r in range(problem.m):
        step = np.zeros(problem.m)
        step[r] = 2e-6 * problem.ceiling[r]
        up, down = (soft_dual(problem, prices + sign * step, tau) for sign in (1, -1))
        assert (up.value - down.value) / (2 * step[r]) == pytest.approx(at.gradient[r], rel=1e-4, abs=1e-7)
        slope = (up.gradient - down.gradient) / (2 * step[r])
        np.testing.assert_allclose(slope, at.hessian[r], rtol=1e-2, atol=1e-6 * np.abs(at.hessian).max())


def test_a_newton_step_stays_within_its_reach_and_the_bounds_of_prices(problem):
    """Close to the linear programme the dual is flat along prices hardly anybody answers to; a step there runs off."""
    prices = np.where(np.arange(problem.m) % 2, 1e-3 * problem.ceiling, 0.0)
    at = soft_dual(problem, prices, 1e-5 * problem.value_scale)
    free, promised = newton_step(problem, prices, at, problem.value_scale)
    reach = 0.1 * np.abs(free).max() * np.ones(problem.m)
    step, less = newton_step(problem, prices, at, problem.value_scale, reach=reach)
    assert 0.0 < less <= promised
    assert (np.abs(step) <= reach).all()
    assert (prices + step >= 0.0).all()
    assert (prices + step <= problem.ceiling).all()


def test_the_soft_value_tends_to_the_hard_bound_as_the_temperature_falls(problem):
    bound = solve_dual(problem).bound
    shares = []
    for tau in (0.3, 0.03, 0.003):
        rule = RuleSettings(tau * problem.value_scale, 0.0, 0.0)
        shares.append(mixed_sums(problem, soft_prices(problem, rule), mixture_of(problem, rule)).total[1] / bound)
    assert shares == sorted(shares)
    assert 0.999 < shares[-1] <= 1.0


def test_uniform_use_is_a_mean_over_eligible_actions_and_none(problem):
    cells = problem.cells
    owner = cells.owner()
    share = 1 / (np.diff(cells.indptr)[owner] + 1)
    capacity = share[cells.action == K - 1].sum() / problem.scale[1]
    assert floor_use(problem, np.ones(len(problem.cells.action_ids)))[1] == pytest.approx(capacity)


def test_a_warm_start_finds_prices_by_limit_name_whatever_their_order(problem):
    rows = five_rows(N, K)
    rule = RuleSettings(0.03 * problem.value_scale, 0.02, 0.1)
    prices = soft_prices(problem, rule)
    reordered = tuple(reversed(rows))
    per_unit = tuple(reversed((prices / problem.scale).tolist()))
    state = BlockState(0, per_unit, tuple(0.0 for _ in rows))
    before = PolicySnapshot(1, names(K), reordered, rule, "s", "u", 0.0, 1, (state,), "m", "d", {})
    start = warm_start(problem, rows, before)
    np.testing.assert_allclose(start, prices)
    np.testing.assert_allclose(soft_prices(problem, rule, start), prices, rtol=1e-3, atol=1e-9 * prices.max())
    assert warm_start(problem, rows, None) is None


def test_a_limit_that_has_become_boundless_starts_at_no_price(problem):
    budget = LimitRow("budget", "cost", 1e308, 1, names(K), "", True)
    boundless = build_problem(problem.cells, tables((budget,), K))
    rule = RuleSettings(0.03 * problem.value_scale, 0.02, 0.1)
    before = PolicySnapshot(
        1, names(K), (budget,), rule, "s", "u", 0.0, 1, (BlockState(0, (170.0,), (0.0,)),), "m", "d", {}
    )
    start = warm_start(boundless, (budget,), before)
    assert start.tolist() == [0.0]
    assert soft_prices(boundless, rule, start).tolist() == [0.0]


@pytest.mark.parametrize("money", [1e-12, 1.0, 1e12])
@pytest.mark.parametrize("times", [0.0, 0.2, 5.0, 1e6])
def test_a_start_far_away_leads_to_the_same_prices_in_any_currency(problem, money, times):
    """A price that is too high breaks no row; the use it leaves idle has to give it away, however small the money."""
    maxima = tables([row for row in five_rows(N, K) if row.sign > 0], K)
    here = build_problem(problem.cells, maxima)
    there = build_problem(replace(problem.cells, value_money=money * problem.cells.value_money), maxima)
    rule = RuleSettings(0.03 * problem.value_scale, 0.02, 0.1)
    prices = soft_prices(here, rule)
    found = soft_prices(there, replace(rule, temperature_money=money * rule.temperature_money), times * money * prices)
    np.testing.assert_allclose(found / money, prices, rtol=1e-4, atol=1e-6 * prices.max())


def test_blocks_cover_every_customer_once_and_hold_at_least_a_thousand():
    for n in (0, 1, 999, 1000, 49_999, 50_000, 1_000_003):
        bounds = block_bounds(n, block_count(n))
        assert [start for start, _ in bounds[1:]] == [stop for _, stop in bounds[:-1]]
        assert (bounds[0][0], bounds[-1][1]) == (0, n)
        assert n < 2000 or min(stop - start for start, stop in bounds) >= 1000
        assert len(bounds) <= 50


def test_paced_draws_keep_capacities_always_and_minimums_nearly_always():
    """20 draws; a minimum may be missed in at most one (the margin is three sd of one block)."""
    n = 20_000
    cells, limits = market(n, K, 7), tables(five_rows(n, K), K)
    problem = build_problem(cells, limits)
    rule = RuleSettings(0.03 * problem.value_scale, 0.02, 0.1)
    pacer = pace(problem, soft_prices(problem, rule), rule, block_count(n))
    short, spent = 0, []
    for salt in range(20):
        batch = run_blocks(cells, limits, pacer, rule, (f"paced-{salt}", block_count(n)))
        owner = np.flatnonzero(batch.drawn.choice >= 0)
        used = limits.cell_use(cells, batch.drawn.choice[owner], owner).sum(axis=1)
        assert (used[limits.hard] <= limits.bound[limits.hard]).all()
        short += bool((used > limits.bound)[~limits.hard].any())
        spent.append(used[0] / limits.bound[0])
    assert short <= 1
    assert min(spent) > 0.97


def test_the_mixture_of_the_kernels_is_what_the_rule_draws_by(problem):
    weights = tuple(np.linspace(0.4, 2.5, len(problem.cells.action_ids)).tolist())
    rule = RuleSettings(0.05 * problem.value_scale, 0.1, 0.2, weights)
    cells, rows = problem.cells, tables(five_rows(N, K), K)
    drawn = decide(cells, rows, BlockTerms(np.zeros(problem.m), np.full(problem.m, 1e12), rule, "same"))
    mixed = mixed_sums(problem, np.zeros(problem.m), mixture_of(problem, rule)).tallies[0].sum(axis=0)
    assert mixed == pytest.approx(np.bincount(cells.action, drawn.p, len(weights)), rel=1e-12)


def test_without_a_limit_there_is_nothing_to_price_and_everybody_is_decided():
    cells, none = market(N, K, 1), tables((), K)
    problem = build_problem(cells, none)
    rule = RuleSettings(0.03 * problem.value_scale, 0.02, 0.1)
    prices = soft_prices(problem, rule)
    n_blocks = block_count(N)
    batch = run_blocks(cells, none, pace(problem, prices, rule, n_blocks), rule, (SALT, n_blocks))
    assert prices.shape == (0,)
    assert (batch.drawn.choice >= 0).mean() > 0.5
