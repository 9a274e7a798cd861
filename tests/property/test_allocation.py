"""Promises of the deterministic plan over random markets: no maximum exceeded, bounds and prices as they must be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from tests.property.examples import examples
from tests.unit.steering.worlds import linear_programme

from alamo.domain.policy import LimitRow
from alamo.numerics.hashing import unit_keys
from alamo.steering.allocation import dual as pricing
from alamo.steering.allocation import repair as repairing
from alamo.steering.allocation.certificate import Certificate, certify
from alamo.steering.allocation.dual import solve_dual
from alamo.steering.allocation.problem import Problem, build_problem
from alamo.steering.allocation.repair import repair
from alamo.steering.cells import Cells, Pairs, assemble
from alamo.steering.limits import LimitTables, affordable, limit_tables
from alamo.steering.units import Units

FEW, MANY = examples(300), examples(10_000)


def random_market(rng: np.random.Generator, *, minima: bool = False) -> tuple[Cells, LimitTables]:
    """Customers, actions, uses of two kinds and up to six limits over some of the actions and one of three groups."""
    n, k = int(rng.integers(2, 60)), int(rng.integers(1, 7))
    ids, names = [f"c{i}" for i in range(n)], tuple(f"a{a}" for a in range(k))
    units = Units(pa.array(ids), unit_keys(ids), rng.integers(0, 3, n).astype(np.int32), np.zeros(n, dtype=bool))
    unit, action = np.nonzero(rng.random((n, k)) < rng.uniform(0.2, 1.0))
    value = rng.normal(rng.normal(0.5, 1.0), 1.0, len(unit)) * np.exp(rng.normal(0, 1, len(unit)))
    value = value.round(int(rng.integers(0, 6)))  # masses of ties, too
    uses = np.stack([np.exp(rng.normal(0, 1.0, len(unit))), rng.integers(0, 4, len(unit))], axis=1)
    cells = assemble(units, Pairs(unit, action, value, np.zeros(len(unit)), uses), ("money", "stock"), names, "s")
    rows = [_row(rng, j, n, names, minima=minima) for j in range(int(rng.integers(1, 7)))]
    patterns = {f"g{g}": np.arange(3) == g for g in range(3)}
    limits = limit_tables(rows, names, ("money", "stock"), patterns)
    return cells.keep(affordable(cells, limits)), limits


def _row(rng: np.random.Generator, j: int, n: int, names: tuple[str, ...], *, minima: bool) -> LimitRow:
    column = ("count", "money", "stock")[rng.integers(0, 3)]
    bound = float(rng.uniform(0, 0.6) * n) if column == "money" else float(rng.integers(0, max(n // 2, 2)))
    counted = tuple(name for name in names if rng.random() < 0.7) or names[:1]
    where = ("", "g0", "g1", "g2")[rng.integers(0, 4)]
    if minima and rng.random() < 0.4:
        return LimitRow(f"l{j}", "count", -min(bound, 0.1 * n) // 1.0, -1, counted, where, False)
    return LimitRow(f"l{j}", column, bound, 1, counted, where, True)


def planned(cells: Cells, limits: LimitTables) -> tuple[Problem, Certificate]:
    problem = build_problem(cells, limits)
    scan = solve_dual(problem)
    return problem, certify(cells, limits, repair(problem, scan), scan.bound)


def check_limits_kept(seeds: range, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in seeds:
        cells, limits = random_market(np.random.default_rng((1, seed)))
        for solver in (pricing, repairing):  # every other market is planned as if it were large
            monkeypatch.setattr(solver, "SMALL_CELLS", 1_500 if seed % 2 else -1)
        _, certificate = planned(cells, limits)
        assert certificate.feasible, (seed, certificate.excess)
        assert certificate.value_money <= certificate.dual_bound + 1e-9 * abs(certificate.dual_bound), seed


def test_no_budget_or_cap_is_ever_exceeded(monkeypatch):
    check_limits_kept(range(FEW), monkeypatch)


@pytest.mark.statistical
def test_no_budget_or_cap_is_exceeded_in_ten_thousand_markets(monkeypatch):
    check_limits_kept(range(FEW, FEW + MANY), monkeypatch)


def test_another_limit_never_raises_the_bound():
    for seed in range(examples(60)):
        cells, limits = random_market(np.random.default_rng((2, seed)))
        with_all = solve_dual(build_problem(cells, limits)).bound
        fewer = replace(
            limits,
            rows=limits.rows[:-1],
            column=limits.column[:-1],
            coefficient=limits.coefficient[:-1],
            bound=limits.bound[:-1],
            hard=limits.hard[:-1],
        )
        without = solve_dual(build_problem(cells, fewer)).bound
        assert with_all <= without + 1e-6 * max(abs(without), 1.0), seed


def optimum_and_slack(problem: Problem) -> tuple[float, np.ndarray]:
    """Return optimum and slack of each row."""
    found = linear_programme(problem)
    return -found.fun, np.asarray(found.slack[: problem.m])


def test_the_price_of_a_limit_that_is_slack_in_the_linear_programme_is_zero():
    priced = 0
    for seed in range(examples(60)):
        cells, limits = random_market(np.random.default_rng((3, seed)))
        if not cells.n_cells:
            continue
        problem = build_problem(cells, limits)
        scan = solve_dual(problem)
        optimum, slack = optimum_and_slack(problem)
        assert scan.bound == pytest.approx(optimum, rel=1e-9, abs=1e-9)
        worth = scan.prices * slack  # what complementary slackness says is nil
        assert worth.max(initial=0.0) <= 1e-9 * max(optimum, 1.0), seed
        priced += int((scan.prices > 0).sum())
    assert priced > 40  # limits did bind


def test_tiny_plans_are_the_exact_integer_optimum_and_feasible_whenever_it_is():
    solved = 0
    for seed in range(examples(60)):
        cells, limits = random_market(np.random.default_rng((4, seed)), minima=True)
        problem = build_problem(cells, limits)
        exact = repairing._exact(problem)
        if exact is None:
            continue
        _, certificate = planned(cells, limits)
        best = certify(cells, limits, exact, certificate.dual_bound)
        assert certificate.feasible, seed
        assert certificate.value_money == pytest.approx(best.value_money, abs=1e-9), seed
        solved += 1
    assert solved >= 20
