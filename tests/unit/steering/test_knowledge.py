from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.unit.steering.worlds import market, tables

from alamo.steering.allocation.problem import build_problem
from alamo.steering.knowledge import cheap_first, worth_of_knowing

N, K = 400, 3


def problem_with(value, sd):
    cells = market(N, K, 1)
    shared = np.full(cells.n_cells, sd)
    cells = replace(cells, value_money=value(cells), value_sd_money=2.0 * shared, shared_sd_money=shared)
    return build_problem(cells, tables((), K))


def test_the_worth_is_the_expected_gain_of_choosing_again_under_a_shared_error():
    """Against a simulation of the error: each draw of Z moves all values of one action together."""
    problem = problem_with(lambda cells: np.random.default_rng(2).normal(0.0, 1.0, cells.n_cells), 0.8)
    cells, owner = problem.cells, problem.cells.owner()
    top = np.maximum(np.maximum.reduceat(cells.value_money, cells.indptr[:-1]), 0.0)
    worse = cells.value_money < top[owner]
    z = np.random.default_rng(3).normal(size=4_000)
    found = worth_of_knowing(problem, np.zeros(0))
    for action in range(K):
        mine = (cells.action == action) & worse
        gap = cells.value_money[mine] - top[owner[mine]]
        gains = np.maximum(gap[None, :] + 0.8 * z[:, None], 0.0).sum(axis=1)
        assert found[action] == pytest.approx(gains.mean(), abs=5 * gains.std() / np.sqrt(len(z)))


def test_what_is_known_is_not_worth_exploring():
    assert (
        worth_of_knowing(problem_with(lambda cells: np.full(cells.n_cells, -1.0), 1e-3), np.zeros(0)).tolist()
        == [0.0] * K
    )
    assert worth_of_knowing(problem_with(lambda cells: np.full(cells.n_cells, -1.0), 0.0), np.zeros(0)).sum() == 0.0


def test_the_dearer_a_draw_the_smaller_its_part_of_the_floor():
    """By hand: everybody's best brings 1, none loses 1, the others lose 4 and 16 by their price."""

    def value(cells):
        return np.array([1.0, -3.0, -15.0])[cells.action]

    problem = problem_with(value, 1.0)
    everybody = np.bincount(problem.cells.owner(), problem.cells.action == 0, N) > 0
    cells = problem.cells.take(np.flatnonzero(everybody))
    found = cheap_first(build_problem(cells, tables((), K)), np.zeros(0))
    assert found == pytest.approx([3.0, 0.5, 1.0 / 3.0])


def test_where_nothing_is_to_be_gained_the_floor_is_even():
    assert cheap_first(problem_with(lambda cells: np.full(cells.n_cells, -1.0), 1.0), np.zeros(0)).tolist() == [1.0] * K


def test_the_wider_the_error_the_more_it_is_worth():
    worths = [
        worth_of_knowing(problem_with(lambda cells: np.full(cells.n_cells, -1.0), sd), np.zeros(0)).sum()
        for sd in (0.5, 1.0, 2.0)
    ]
    assert worths[0] < worths[1] < worths[2]
