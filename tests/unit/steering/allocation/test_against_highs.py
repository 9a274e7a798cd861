"""The dual bound against the optimum that HiGHS finds, and the plan against its own certificate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.unit.steering.allocation.test_conflict import elastic
from tests.unit.steering.worlds import five_rows, linear_programme, market, tables

from alamo.steering.allocation.certificate import certify
from alamo.steering.allocation.conflict import find_conflict, out_of_reach, suspicious
from alamo.steering.allocation.dual import hard_dual, solve_dual
from alamo.steering.allocation.problem import Problem, build_problem
from alamo.steering.allocation.repair import repair


def linear_optimum(problem: Problem) -> float:
    found = linear_programme(problem)
    assert found.status in (0, 2)
    return -found.fun if found.status == 0 else np.nan


CASES = [(n, k, tight, seed) for n, k in ((60, 3), (400, 5), (2500, 8)) for tight in (0.5, 1.0) for seed in (1, 2)]


@pytest.mark.parametrize(("n", "k", "tight", "seed"), CASES)
def test_the_bound_is_the_linear_optimum_and_the_plan_keeps_every_limit(n, k, tight, seed):
    cells, limits = market(n, k, seed), tables(five_rows(n, k, tight=tight), k)
    problem = build_problem(cells, limits)
    optimum = linear_optimum(problem)
    scan = solve_dual(problem)
    assert scan.bound >= optimum - 1e-9 * abs(optimum)
    assert scan.bound <= optimum + 1e-5 * abs(optimum)
    certificate = certify(cells, limits, repair(problem, scan), scan.bound)
    assert certificate.feasible
    assert certificate.value_money <= scan.bound
    assert certificate.gap <= 6 / n  # a few whole customers


def test_any_prices_give_an_upper_bound():
    cells, limits = market(400, 5, 3), tables(five_rows(400, 5), 5)
    problem = build_problem(cells, limits)
    optimum = linear_optimum(problem)
    rng = np.random.default_rng(0)
    for _ in range(20):
        assert hard_dual(problem, rng.exponential(problem.ceiling / 20)).bound >= optimum


def test_masses_of_equal_scores_do_not_break_a_limit():
    cells = market(3000, 4, 5)
    coarse = cells.value_money.round(0)
    limits = tables(five_rows(3000, 4), 4)
    problem = build_problem(cells, limits).with_values(coarse)
    scan = solve_dual(problem)
    certificate = certify(problem.cells, limits, repair(problem, scan), scan.bound)
    assert certificate.feasible
    assert certificate.gap < 0.02


def test_a_warm_start_from_the_optimum_gives_the_same_bound():
    cells, limits = market(2500, 5, 4), tables(five_rows(2500, 5), 5)
    problem = build_problem(cells, limits)
    cold = solve_dual(problem)
    warm = solve_dual(problem, cold.prices)
    assert warm.bound == pytest.approx(cold.bound, rel=1e-6)


def test_without_limits_everybody_gets_the_best_action():
    cells, limits = market(500, 5, 1), tables((), 5)
    problem = build_problem(cells, limits)
    scan = solve_dual(problem)
    certificate = certify(cells, limits, repair(problem, scan), scan.bound)
    best = np.zeros(cells.n)
    np.maximum.at(best, cells.owner(), cells.value_money)
    assert certificate.value_money == pytest.approx(best.sum())
    assert certificate.gap <= 1e-12


def test_a_minimum_beyond_reach_is_named_with_what_is_missing():
    cells = market(1000, 5, 1)
    limits = tables(tuple(row for row in five_rows(1000, 5, minimum=0.9) if row.limit in ("minimum", "gold")), 5)
    clash = out_of_reach(build_problem(cells, limits))
    assert clash is not None
    (conflict,) = clash.conflicts
    reach = len(np.unique(cells.owner()[cells.action == 0]))
    assert (conflict.limit, conflict.side) == ("minimum", "minimum")
    assert conflict.relax_by == pytest.approx(900 - reach)


def test_a_minimum_beyond_reach_that_clashes_besides_gives_way_as_far_as_both_need():
    """As far as customers reach, the minimum would still break the cap of the north: the elastic programme knows."""
    problem = build_problem(market(1000, 5, 1), tables(five_rows(1000, 5, minimum=0.9), 5))
    clash = out_of_reach(problem)
    assert clash is not None
    _, given = elastic(problem, np.ones(problem.m))
    (row,) = np.flatnonzero(given > 1e-6)
    (needed,) = clash.together
    assert needed.limit == problem.names[row] == "minimum"
    assert needed.relax_by == pytest.approx(given[row] * problem.scale[row], rel=0.01)


def test_limits_that_clash_are_proven_and_the_relaxation_is_what_the_linear_programme_needs():
    n = 1000
    cells = market(n, 5, 1, eligible=1.0)
    rows = [row for row in five_rows(n, 5) if row.limit in ("minimum", "north")]
    rows[0] = replace(rows[0], bound=-800.0)
    limits = tables(tuple(rows), 5)
    problem = build_problem(cells, limits)
    assert not out_of_reach(problem)
    assert np.isnan(linear_optimum(problem))
    assert suspicious(problem, solve_dual(problem).prices)
    clash = find_conflict(problem)
    assert clash is not None
    found = {c.limit: c.relax_by for c in clash.conflicts}
    south = int((cells.units.group % 2 == 0).sum())
    missing = 800 - south - 200
    assert found["minimum"] == pytest.approx(missing, rel=0.02)
    assert found["north"] == pytest.approx(missing, rel=0.02)


def test_a_feasible_plan_is_never_called_infeasible():
    for seed in range(5):
        problem = build_problem(market(800, 5, seed), tables(five_rows(800, 5), 5))
        assert not out_of_reach(problem)
        assert not find_conflict(problem)
        assert not suspicious(problem, solve_dual(problem).prices)
