"""Limits in conflict against the elastic linear programme of HiGHS, on a market with 42 rows of many kinds."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import linprog
from tests.unit.steering.worlds import five_rows, many_rows, market, names, tables

from alamo.domain.policy import LimitRow
from alamo.steering.allocation.clash import Clash, infeasible
from alamo.steering.allocation.conflict import find_conflict, out_of_reach
from alamo.steering.allocation.dual import solve_dual
from alamo.steering.allocation.problem import Problem, build_problem

K = 10
FEASIBLE, CLASHING = (1.0, 1.5), (2.0, 2.5, 3.0, 4.0)


@cache
def problem_of(times: float, n: int = 3000) -> Problem:
    cells = market(n, K, 1, eligible=0.43)
    return build_problem(cells, many_rows(cells, K, times))


@cache
def clash_of(times: float) -> Clash:
    clash = find_conflict(problem_of(times))
    assert clash is not None
    return clash


def elastic(problem: Problem, penalty: np.ndarray, value: np.ndarray | None = None) -> tuple[float, np.ndarray]:
    """Return the optimum of the programme in which each row may give way at `penalty`, and by how much each does."""
    cells = problem.cells
    owner = cells.owner()
    uses = problem.cell_use(np.arange(cells.n_cells, dtype=np.int64), owner).T
    once = sp.csr_matrix((np.ones(cells.n_cells), (owner, np.arange(cells.n_cells))), (problem.n, cells.n_cells))
    found = linprog(
        np.concatenate([np.zeros(cells.n_cells) if value is None else -value, penalty]),
        A_ub=sp.bmat([[sp.csr_matrix(uses), -sp.eye(problem.m)], [once, None]], format="csr"),
        b_ub=np.concatenate([problem.bound, np.ones(problem.n)]),
        bounds=(0, None),
        method="highs",
    )
    assert found.status == 0
    return float(found.fun), found.x[-problem.m :]


@pytest.mark.parametrize("times", FEASIBLE)
def test_limits_that_can_be_met_are_never_called_a_clash(times):
    assert elastic(problem_of(times), np.ones(problem_of(times).m))[0] == pytest.approx(0.0, abs=1e-9)
    assert out_of_reach(problem_of(times)) is None
    assert find_conflict(problem_of(times)) is None


@pytest.mark.parametrize("times", CLASHING)
def test_the_least_relaxation_of_all_is_that_of_the_elastic_programme(times):
    problem = problem_of(times)
    shortage, given = elastic(problem, np.ones(problem.m))
    scale = dict(zip(problem.names, problem.scale, strict=True))
    together = {c.limit: c.relax_by / scale[c.limit] for c in clash_of(times).together}
    assert set(together) == {problem.names[r] for r in np.flatnonzero(given > 1e-6)}
    assert sum(together.values()) == pytest.approx(shortage, rel=0.02)
    assert 0.98 * shortage <= clash_of(times).proven_share <= shortage * (1 + 1e-9)


@pytest.mark.parametrize("times", CLASHING)
def test_what_a_limit_gives_alone_is_proven_and_at_most_two_per_cent_short(times):
    problem, never = problem_of(times), 1e4
    checked = 0
    for conflict in clash_of(times).conflicts[:3]:
        row = problem.names.index(conflict.limit)
        penalty = np.full(problem.m, never)
        penalty[row] = 1.0
        least, given = elastic(problem, penalty)
        proven = conflict.relax_by / problem.scale[row]
        others = np.delete(given, row).max() > 1e-7
        assert conflict.alone is not others
        assert proven <= least * (1 + 1e-9)
        if conflict.alone:
            assert proven >= 0.98 * least
        checked += conflict.alone
    assert checked or all(not c.alone for c in clash_of(times).conflicts)


@pytest.mark.parametrize("times", [2.0, 3.0])
def test_what_the_relaxed_plan_brings_is_the_linear_optimum(times):
    problem, bound = problem_of(times), problem_of(times).bound.copy()
    for given in clash_of(times).together:
        row = problem.names.index(given.limit)
        bound[row] += 1.005 * given.relax_by / problem.scale[row]
    least, _ = elastic(replace(problem, bound=bound), problem.ceiling, problem.cells.value_money)
    assert clash_of(times).value_money == pytest.approx(-least, rel=0.05)


def test_with_prices_capped_the_dual_is_the_elastic_programme_and_the_short_row_sits_at_its_cap():
    cells = market(2000, K, 2, eligible=0.6)
    reach = len(np.unique(cells.owner()[cells.action == 0]))
    rows = tuple(
        replace(row, bound=-1.2 * reach) if row.limit == "minimum" else row for row in five_rows(2000, K, minimum=0.0)
    )
    problem = build_problem(cells, tables(rows, K))
    scan = solve_dual(problem)
    optimum, given = elastic(problem, problem.ceiling, cells.value_money)
    assert scan.bound == pytest.approx(-optimum, rel=1e-6)
    assert scan.bound >= -optimum - 1e-11 * abs(optimum)
    short = np.flatnonzero(given > 1e-7)
    assert [problem.names[r] for r in short] == ["minimum"]
    assert np.flatnonzero(scan.prices >= 0.999 * problem.ceiling).tolist() == short.tolist()


def two_out_of_reach(n: int = 3) -> Problem:
    """Three letters at most cost 2.1 and are 3, where both limits want 5."""
    cells = market(n, 1, 1, eligible=1.0)
    cells = replace(cells, value_money=np.array([4.2, 2.9, 0.3]), uses=np.full((n, 1), 0.7))
    rows = (
        LimitRow("budget", "cost", -5.0, -1, names(1), "", False),
        LimitRow("letters", "count", -5.0, -1, names(1), "", False),
    )
    return build_problem(cells, tables(rows, 1))


def test_two_minima_out_of_reach_are_both_named_and_neither_is_enough_alone():
    clash = out_of_reach(two_out_of_reach())
    assert {(c.limit, c.alone) for c in clash.conflicts} == {("budget", False), ("letters", False)}
    assert max(c.relax_by for c in clash.conflicts) <= 5.0  # nothing of a minimum of 5 is left then
    assert {c.limit: c.relax_by for c in clash.together} == pytest.approx({"budget": 2.9, "letters": 2.0}, rel=0.01)
    assert clash.value_money == pytest.approx(7.4)


def test_a_single_minimum_out_of_reach_is_told_exactly_with_what_the_plan_of_few_then_brings():
    problem = two_out_of_reach()
    one = replace(problem, bound=problem.bound * np.array([1.0, 0.2]))
    (conflict,) = out_of_reach(one).conflicts
    assert (conflict.limit, conflict.alone) == ("budget", True)
    assert conflict.relax_by == pytest.approx(2.9)
    assert conflict.value_money == pytest.approx(7.4, rel=2e-3)  # with half a per cent of room: the third in part


def test_the_refusal_names_a_single_way_out_in_units_and_money():
    said = infeasible(clash_of(2.0))
    (least,) = clash_of(2.0).together
    assert f"lower the minimum of {least.limit!r}" in said.hint
    assert "the plan then brings about" in said.hint
    assert said.details["relaxation"]["alone"][0]["enough"] is True
    assert said.hint.endswith("run: alamo steer")


def test_the_refusal_says_where_no_single_limit_is_enough():
    said = infeasible(clash_of(4.0))
    assert "no single limit is enough; the least in all is to " in said.hint
    assert len(said.details["relaxation"]["together"]) > 1
