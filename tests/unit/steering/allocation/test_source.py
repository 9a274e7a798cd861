"""Cells in blocks: the same sums, prices and plans as in memory, with nothing but choice and gap kept per customer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.unit.steering.worlds import five_rows, market, tables

from alamo.steering.allocation import source
from alamo.steering.allocation.certificate import certify
from alamo.steering.allocation.dual import hard_dual, solve_dual
from alamo.steering.allocation.problem import build_problem
from alamo.steering.allocation.repair import repair
from alamo.steering.allocation.source import BlockSource
from alamo.steering.allocation.streamed import stream_problem
from alamo.steering.cells import Cells, concatenate


def blocks(cells: Cells, size: int, loads: list[int] | None = None) -> BlockSource:
    bounds = [*range(0, cells.n, size), cells.n]

    def load(b: int) -> Cells:
        if loads is not None:
            loads.append(b)
        return cells.span(bounds[b], bounds[b + 1])

    return BlockSource(np.diff(bounds).tolist(), load, n_groups=4)


@pytest.fixture
def small_ranges(monkeypatch):
    monkeypatch.setattr(source, "RANGE", 100)


def same(left: Cells, right: Cells) -> bool:
    return left.units.ids.equals(right.units.ids) and all(
        np.array_equal(getattr(left, name), getattr(right, name))
        for name in ("indptr", "action", "value_money", "uses")
    )


@pytest.mark.usefixtures("small_ranges")
def test_blocks_of_whole_ranges_give_the_same_bits_as_memory():
    cells, limits = market(1234, 5, 1), tables(five_rows(1234, 5), 5)
    problem, streamed = build_problem(cells, limits), stream_problem(blocks(cells, 300), limits)
    assert np.array_equal(problem.table, streamed.rows.table)
    assert (problem.value_scale, problem.total_weight) == (streamed.value_scale, streamed.total_weight)
    here = solve_dual(problem)
    there = solve_dual(streamed)
    assert (here.bound, here.prices.tolist()) == (there.bound, there.prices.tolist())
    assert np.array_equal(here.choice, there.choice)
    assert np.array_equal(here.gap, there.gap)
    plan = repair(problem, here)
    assert np.array_equal(plan, repair(streamed, there))
    memory, counted = certify(cells, limits, plan, here.bound), certify(streamed.source, limits, plan, here.bound)
    assert (memory.value_money, memory.used.tolist()) == (counted.value_money, counted.used.tolist())


@pytest.mark.usefixtures("small_ranges")
def test_any_blocks_give_the_same_bound_but_for_rounding():
    cells, limits = market(1234, 5, 2), tables(five_rows(1234, 5), 5)
    problem = build_problem(cells, limits)
    prices = 0.01 * problem.ceiling
    bound = hard_dual(problem, prices).bound
    for size in (1, 77, 1234):
        other = hard_dual(stream_problem(blocks(cells, size), limits), prices).bound
        assert other == pytest.approx(bound, rel=1e-12)


def test_only_blocks_with_wanted_customers_are_loaded():
    loads: list[int] = []
    cells = market(100, 3, 1)
    streamed = blocks(cells, 10, loads)
    wanted = np.array([3, 4, 57], dtype=np.int64)
    assert same(streamed.take(wanted), cells.take(wanted))
    assert loads == [0, 5]
    assert streamed.take(np.zeros(0, dtype=np.int64)).n == 0


def test_parts_put_together_are_the_whole():
    cells = market(50, 3, 1)
    assert same(concatenate([cells.span(0, 20), cells.span(20, 21), cells.span(21, 50)]), cells)
    control = np.arange(50) % 7 == 0
    marked = replace(cells, units=replace(cells.units, in_control=control))
    together = concatenate([marked.span(0, 20), marked.span(20, 50)])
    assert np.array_equal(together.units.in_control, control)
    assert together.units.waiting is None
    first = cells.span(0, 20)
    waiting = replace(first, units=replace(first.units, waiting=np.arange(20) % 3 == 0))
    whole = (np.arange(50) % 3 == 0) & (np.arange(50) < 20)
    assert np.array_equal(concatenate([waiting, cells.span(20, 50)]).units.waiting, whole)
    charged = replace(cells, score_money=cells.value_money + 1.0)
    together = concatenate([charged.span(0, 20), charged.span(20, 50)])
    assert np.array_equal(together.earned_money, charged.earned_money)


def test_a_choice_is_a_place_among_the_customers_own_cells():
    cells = market(50, 3, 1)
    cell = np.where(np.diff(cells.indptr) > 0, cells.indptr[1:] - 1, -1)
    assert np.array_equal(cells.at(cells.places(cell)), cell)


def test_compact_cells_are_the_same_problem_to_seven_digits_in_nine_bytes_a_cell():
    cells, limits = market(2000, 5, 3), tables(five_rows(2000, 5), 5)
    small = cells.compact()
    assert sum(a.nbytes for a in (small.action, small.value_money, small.uses)) == 9 * cells.n_cells
    exact, rounded = (solve_dual(build_problem(c, limits)) for c in (cells, small))
    assert rounded.bound == pytest.approx(exact.bound, rel=1e-6)
    assert certify(small, limits, repair(build_problem(small, limits), rounded), rounded.bound).feasible
