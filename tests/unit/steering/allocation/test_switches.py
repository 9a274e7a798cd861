"""The last step of a plan: single switches out of infeasibility and uphill, then two customers at once."""

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.steering.worlds import five_rows, market, tables

from alamo.steering.allocation import repair as repairing
from alamo.steering.allocation.certificate import certify
from alamo.steering.allocation.dual import solve_dual
from alamo.steering.allocation.problem import build_problem
from alamo.steering.allocation.repair import repair
from alamo.steering.allocation.switches import Moves, SwitchTerms, switch_pairs, switch_steepest


def two_customers(capacity: float) -> tuple[Moves, SwitchTerms]:
    """Each may have nothing (no use) or an action; the first has the one that is worth less."""
    moves = Moves(
        start=np.array([0, 2, 4]),
        value=np.array([0.0, 1.0, 0.0, 5.0]),
        use=np.array([[0.0], [1.0], [0.0], [1.0]]),
        current=np.array([1, 2]),
    )
    return moves, SwitchTerms(np.array([capacity - 1.0]), np.array([30.0]), np.array([0.3]))


def test_a_pair_switches_where_no_single_switch_fits():
    moves, terms = two_customers(capacity=1.0)
    assert switch_steepest(moves, terms, 10) == 0
    assert switch_pairs(moves, terms, np.array([2.0]), 10) == 1
    assert moves.current.tolist() == [0, 3]
    assert terms.slack.tolist() == [0.0]
    assert switch_pairs(moves, terms, np.array([2.0]), 10) == 0


def test_single_switches_first_leave_infeasibility_then_climb():
    moves, terms = two_customers(capacity=0.0)
    assert switch_steepest(moves, terms, 10) == 1
    assert moves.current.tolist() == [0, 2]
    moves, terms = two_customers(capacity=2.0)
    assert switch_steepest(moves, terms, 10) == 1
    assert moves.current.tolist() == [1, 3]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_pairs_only_ever_add_value_and_keep_every_row(seed, monkeypatch):
    cells, limits = market(5000, 8, seed), tables(five_rows(5000, 8, tight=0.7), 8)
    problem = build_problem(cells, limits)
    scan = solve_dual(problem)
    with_pairs = certify(cells, limits, repair(problem, scan), scan.bound)
    monkeypatch.setattr(repairing, "_PAIRS", 0)
    monkeypatch.setattr(repairing, "_GOOD", 1.0)
    without = certify(cells, limits, repair(problem, scan), scan.bound)
    assert with_pairs.feasible
    assert without.feasible
    assert with_pairs.value_money >= without.value_money
