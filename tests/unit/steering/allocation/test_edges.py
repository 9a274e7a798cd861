"""Corners of an allocation: nobody, one customer, no costs, limits that nothing uses, any size of money."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.unit.steering.worlds import five_rows, market, names, tables

from alamo.domain.policy import LimitRow, RuleSettings
from alamo.steering.allocation.certificate import Certificate, certify
from alamo.steering.allocation.conflict import find_conflict, out_of_reach
from alamo.steering.allocation.dual import solve_dual
from alamo.steering.allocation.kernels import Mixture
from alamo.steering.allocation.newton import mixed_sums
from alamo.steering.allocation.prices import mixture_of, soft_prices
from alamo.steering.allocation.problem import build_problem
from alamo.steering.allocation.repair import repair
from alamo.steering.cells import Cells

K = 5


def planned(cells: Cells, rows: tuple[LimitRow, ...]) -> Certificate:
    """Return the certificate of the plan of `cells` under `rows`."""
    limits = tables(rows, K)
    problem = build_problem(cells, limits)
    scan = solve_dual(problem)
    return certify(cells, limits, repair(problem, scan), scan.bound)


def priced(cells: Cells, rows: tuple[LimitRow, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return the prices of the rule and the scaled slack they leave."""
    problem = build_problem(cells, tables(rows, K))
    rule = RuleSettings(0.03 * problem.value_scale, 0.0, 0.1)
    prices = soft_prices(problem, rule)
    return prices, problem.bound - problem.row_use(mixed_sums(problem, prices, mixture_of(problem, rule)).tallies)


@pytest.mark.parametrize("money", [2.0**-40, 2.0**40])
@pytest.mark.parametrize("n", [200, 2500])
def test_a_plan_is_as_good_in_any_currency(n, money):
    cells = market(n, K, 3)
    here = planned(cells, five_rows(n, K))
    there = planned(replace(cells, value_money=money * cells.value_money), five_rows(n, K))
    assert there.feasible
    assert there.value_money / money == pytest.approx(here.value_money, rel=1e-9)
    assert there.dual_bound / money == pytest.approx(here.dual_bound, rel=1e-9)


@pytest.mark.parametrize("unit", [1e-12, 1e12])
def test_a_budget_is_kept_whatever_its_unit(unit):
    n = 2500
    cells = market(n, K, 3)
    rows = tuple(
        replace(row, bound=unit * row.bound) if row.column == "cost" else row for row in five_rows(n, K, tight=0.7)
    )
    here = planned(cells, five_rows(n, K, tight=0.7))
    there = planned(replace(cells, uses=unit * cells.uses), rows)
    assert there.feasible
    assert there.value_money == pytest.approx(here.value_money, rel=1e-4)


@pytest.mark.parametrize("n", [0, 1])
def test_nobody_and_one_customer_have_a_plan_and_prices(n):
    cells = market(n, K, 1)
    rows = five_rows(10, K)[:2]
    assert planned(cells, rows).feasible
    prices, slack = priced(cells, rows)
    assert np.isfinite(prices).all()
    assert (slack >= -1e-6).all()


def test_where_nothing_costs_anything_a_budget_is_slack():
    cells = market(2500, K, 2)
    free = replace(cells, uses=np.zeros_like(cells.uses))
    budget = LimitRow("budget", "cost", 5.0, 1, names(K), "", True)
    plan = planned(free, (budget,))
    assert plan.feasible
    assert plan.gap <= 1e-9
    assert priced(free, (budget,))[0].tolist() == [0.0]


def test_a_limit_that_no_open_action_uses_changes_nothing():
    cells = market(2500, K, 2)
    idle = LimitRow("nobody", "count", 3.0, 1, (), "", True)
    rows = five_rows(2500, K)
    assert planned(cells, (*rows, idle)).dual_bound == pytest.approx(planned(cells, rows).dual_bound, rel=1e-7)
    assert priced(cells, (*rows, idle))[0][-1] == 0.0


def test_a_limit_stated_twice_binds_once():
    cells = market(2500, K, 2)
    rows = five_rows(2500, K, tight=0.7)
    twice, once = planned(cells, (*rows, rows[0])), planned(cells, rows)
    assert twice.feasible
    assert twice.dual_bound == pytest.approx(once.dual_bound, rel=1e-7)
    assert (priced(cells, (*rows, rows[0]))[1] >= -1e-6).all()


def test_a_capacity_of_nothing_lets_nothing_through():
    cells = market(2500, K, 2)
    none = LimitRow("capacity", "count", 0.0, 1, names(K)[-1:], "", True)
    plan = planned(cells, (none,))
    assert plan.feasible
    assert plan.used.tolist() == [0.0]
    assert (priced(cells, (none,))[1] >= -1e-6).all()


def test_a_minimum_above_what_exists_is_named():
    cells = market(2500, K, 2)
    more = LimitRow("minimum", "count", -2600.0, -1, names(K), "", False)
    problem = build_problem(cells, tables((more,), K))
    assert out_of_reach(problem).conflicts[0].relax_by >= 100.0
    assert find_conflict(problem).conflicts[0].limit == "minimum"
    assert np.isfinite(soft_prices(problem, RuleSettings(0.03 * problem.value_scale, 0.0, 0.1))).all()


def test_values_that_are_nearly_all_nil_can_still_be_priced():
    """Prices have to outweigh the few that are worth something, not the usual nothing."""
    cells = market(2500, K, 2)
    rare = np.where(np.arange(cells.n_cells) % 2000 == 0, 100.0, 0.0)
    one = LimitRow("capacity", "count", 1.0, 1, names(K), "", True)
    sparse = replace(cells, value_money=rare)
    plan = planned(sparse, (one,))
    assert plan.feasible
    assert plan.value_money == pytest.approx(100.0)
    problem = build_problem(sparse, tables((one,), K))
    assert problem.ceiling[0] * problem.unit[0] >= 100.0
    assert mixed_sums(problem, problem.ceiling, Mixture(1.0, 1.0)).total[1] <= 1e-6
