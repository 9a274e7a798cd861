from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.unit.steering.worlds import market, tables

from alamo.steering.allocation.knowledge import cheap_first, worth_first, worth_of_knowing
from alamo.steering.allocation.problem import build_problem

N, K = 400, 3


def problem_with(value, sd):
    cells = market(N, K, 1)
    shared = np.full(cells.n_cells, sd)
    cells = replace(cells, value_money=value(cells), value_sd_money=2.0 * shared, shared_sd_money=shared)
    return build_problem(cells, tables((), K))


def test_the_worth_is_the_expected_gain_of_choosing_again_under_a_shared_error():
    """Against a simulation of the error, one draw of Z for all values of the second action."""
    problem = problem_with(lambda cells: np.where(cells.action == 0, 1.0, np.where(cells.action == 1, 0.2, -99.0)), 0.8)
    cells, owner = problem.cells, problem.cells.owner()
    top = np.maximum(np.maximum.reduceat(cells.value_money, cells.indptr[:-1]), 0.0)
    second = (cells.action == 1) & (cells.value_money < top[owner])
    z = np.random.default_rng(3).normal(size=4_000)
    gains = np.maximum((cells.value_money[second] - top[owner[second]])[None, :] + 0.8 * z[:, None], 0.0).sum(axis=1)
    spread = gains.std() / np.sqrt(len(z))
    assert worth_of_knowing(problem, np.zeros(0)) == pytest.approx(gains.mean(), abs=5 * spread)


def worth_at(sd):
    return worth_of_knowing(problem_with(lambda cells: np.full(cells.n_cells, -1.0), sd), np.zeros(0))


def test_what_is_known_is_not_worth_exploring():
    assert (worth_at(0.0), worth_at(1e-3)) == (0.0, 0.0)


def test_the_wider_the_error_the_more_it_is_worth():
    assert worth_at(0.5) < worth_at(1.0) < worth_at(2.0)


def test_many_actions_alike_are_not_worth_many_times_one():
    """One excess a customer: at most what a customer with a single action would bring."""
    cells = problem_with(lambda cells: np.full(cells.n_cells, -1.0), 1.0).cells
    first = np.zeros(cells.n_cells, dtype=bool)
    first[cells.indptr[:-1][np.diff(cells.indptr) > 0]] = True
    alone = build_problem(cells.keep(first), tables((), K))
    assert worth_at(1.0) == pytest.approx(worth_of_knowing(alone, np.zeros(0)))


def test_the_dearer_a_draw_the_smaller_its_part_of_the_floor():
    """By hand: the best brings 1, the others lose 4 and 16 against it; customers with no cells count for nothing."""
    problem = problem_with(lambda cells: np.array([1.0, -3.0, -15.0])[cells.action], 1.0)
    cells, owner = problem.cells, problem.cells.owner()
    has_best = np.bincount(owner, cells.action == 0, N) > 0
    kept = build_problem(cells.keep(has_best[owner]), tables((), K))
    assert cheap_first(kept, np.zeros(0)) == pytest.approx([1.0, 2.0 / 3.0, 1.0 / 3.0])


def test_a_dear_action_is_drawn_less_where_nothing_is_to_be_gained_either():
    problem = problem_with(lambda cells: np.array([-0.1, -1.6, -0.1])[cells.action], 1.0)
    found = cheap_first(problem, np.zeros(0))
    assert found[0] == found[2] == 1.0
    assert found[1] == pytest.approx(1.0 / 3.0)


def with_best(values, sd):
    """Customers who may get action 0, their best one; the values of the three actions, and the shared error."""
    cells = problem_with(lambda cells: np.array(values)[cells.action], 1.0).cells
    has_best = np.bincount(cells.owner(), cells.action == 0, N) > 0
    errors = np.array(sd)[cells.action]
    cells = replace(cells, shared_sd_money=errors, value_sd_money=errors)
    return build_problem(cells.keep(has_best[cells.owner()]), tables((), K))


def test_what_most_is_to_be_learnt_of_for_the_money_is_drawn_most():
    """By hand: both others lose 4; with errors of 4 and 2 they excel the best by .083 and .0085 times their error."""
    found = worth_first(with_best([1.0, -3.0, -3.0], [1.0, 4.0, 2.0]), np.zeros(0))
    counts = np.bincount(with_best([1.0, -3.0, -3.0], [1.0, 4.0, 2.0]).cells.action)
    share = np.sqrt((2.0 * 0.0084907 * counts[2]) / (4.0 * 0.0833155 * counts[1]))
    assert found == pytest.approx([1 / 9, 1.0, share], rel=1e-4)


def test_the_dearer_of_two_that_promise_alike_is_drawn_less():
    """By hand: they lose 1 and 4, and both excel the best once in six; so half as often for the same error, and as the
    error is four times as large, as often."""
    problem = with_best([1.0, 0.0, -3.0], [1.0, 1.0, 4.0])
    counts = np.bincount(problem.cells.action)
    ratio = np.sqrt(counts[2] / counts[1])
    assert worth_first(problem, np.zeros(0))[1:] == pytest.approx(np.array([1.0, ratio]) / max(1.0, ratio))


def test_where_nothing_is_to_be_learnt_the_cheap_are_drawn_first():
    problem = with_best([1.0, -3.0, -15.0], [0.0, 0.0, 0.0])
    assert (worth_first(problem, np.zeros(0)) == cheap_first(problem, np.zeros(0))).all()


def test_where_no_draw_costs_anything_the_floor_follows_the_worth_in_any_size_of_money():
    """All values nil: nothing is lost by any draw, and worth over next to no cost must not overflow."""
    small, large = (
        worth_first(problem_with(lambda cells: 0.0 * cells.value_money, sd), np.zeros(0)) for sd in (1.0, 1e9)
    )
    assert small.max() == 1.0
    np.testing.assert_allclose(large, small, rtol=1e-12)
