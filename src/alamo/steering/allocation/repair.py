"""From prices to a plan that keeps every row: re-price the closest ties, then switch customers one by one.

Prices alone leave customers whose best two actions tie, and which of the two each of them gets decides whether a row is
kept. Scores of trees and segments tie in masses, so a hashed jitter breaks ties here; the certificate counts the
original values.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from alamo.numerics.hashing import uniforms
from alamo.numerics.small_assignment import assign_exactly
from alamo.steering.allocation.dual import CUT, SMALL_CELLS, Scan, hard_dual, nearest, switches_left
from alamo.steering.allocation.newton import Schedule, follow_path
from alamo.steering.allocation.options import best_options, switchable
from alamo.steering.allocation.problem import Problem
from alamo.steering.allocation.streamed import Scannable
from alamo.steering.allocation.switches import Moves, SwitchTerms, switch_pairs, switch_steepest
from alamo.steering.cells import Floats, Ints, Places

_POOL = 12_000
_MARGINS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
_TRIES, _GOOD = 4, 1e-3
"""Attempts that keep every row, unless one loses less than this share of the bound: the scan tells what none loses."""
_SWITCHES, _PAIRS = 5_000, 200
_ROUNDING = 1e-12
_JITTER = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class _Attempt:
    """A choice within the pool, the least slack it leaves and its value."""

    choice: Ints
    least_slack: float
    value: float

    def merit(self) -> tuple[float, float]:
        """Return what to compare by: first by how much a row is broken, then the value."""
        return min(self.least_slack, 0.0), self.value


def repair(problem: Scannable, scan: Scan) -> Places:
    """Return the choice of each customer (−1 none), shape (n,), keeping every row wherever switches can.

    Tiny problems are solved exactly: there the last customer is worth more than any tolerance.
    """
    if problem.n <= SMALL_CELLS:
        exact = _exact(problem.whole())
        if exact is not None:
            return exact
    index = nearest(scan.gap, int(max(_POOL, 15 * switches_left(problem, scan))))
    pool = _jittered(problem.take(index))
    owner = np.arange(pool.n, dtype=np.int64)
    before = pool.cells.at(scan.choice[index])
    frozen = scan.use - pool.cell_use(before, owner).sum(axis=0)
    pool = replace(pool, bound=problem.bound - frozen + np.where(pool.counted, _ROUNDING, 0.0))
    enough = _value(pool, before) + float(scan.prices @ (problem.bound - scan.use)) - _GOOD * abs(scan.bound)
    best, feasible = _Attempt(before, -np.inf, -np.inf), 0
    prices = scan.prices
    for margin in _MARGINS:
        attempt, prices = _attempt(pool, prices, margin)
        best = max(best, attempt, key=_Attempt.merit)
        feasible += attempt.least_slack >= 0.0
        if feasible and (best.value >= enough or feasible == _TRIES):
            break
    choice = scan.choice.copy()
    choice[index] = pool.cells.places(best.choice)
    return choice


def _exact(problem: Problem) -> Places | None:
    cells = problem.cells
    if cells.n_cells > SMALL_CELLS:
        return None
    owner = cells.owner()
    uses = problem.cell_use(np.arange(cells.n_cells, dtype=np.int64), owner).T
    found = assign_exactly(cells.value_money, owner, uses, problem.bound)
    if found is None or (uses[:, found].sum(axis=1) - problem.bound).max(initial=0.0) > 1e-9:
        return None
    choice = np.full(problem.n, -1, dtype=np.int64)
    choice[owner[found]] = found
    return cells.places(choice)


def _jittered(pool: Problem) -> Problem:
    cells, owner = pool.cells, pool.cells.owner()
    number = cells.action.astype(np.uint64)
    if (number[1:] == number[:-1])[owner[1:] == owner[:-1]].any():  # cells of one action tie, too
        number = (np.arange(cells.n_cells) - cells.indptr[owner]).astype(np.uint64)
    with np.errstate(over="ignore"):
        keys = cells.units.key[owner] + number * np.uint64(0x9E3779B97F4A7C15)
    return pool.with_values(cells.value_money + _JITTER * pool.value_scale * uniforms(keys, "ties"))


def _attempt(pool: Problem, prices: Floats, margin: float) -> tuple[_Attempt, Floats]:
    """Re-price the pool with `margin` typical customers kept free in every row, then switch; return also the prices."""
    target = replace(pool, bound=pool.bound - margin * pool.unit)
    scale = pool.value_scale
    prices = follow_path(target, prices, Schedule(4e-4 * scale, 1e-4 * scale, tolerance=0.1, cut=CUT))
    scan = hard_dual(target, prices)
    slack = pool.bound - scan.use
    options = best_options(pool, scan)
    core = switchable(options, scan, slack)
    moves, cell = options.moves(pool, core)
    use_step = np.maximum(np.abs(moves.use).max(axis=0, initial=0.0), 1e-300)
    paid = prices / scale
    penalty = 3.0 * paid + 5.0 * np.abs(moves.value).mean() / use_step if len(moves.value) else 3.0 * paid
    terms = SwitchTerms(slack, penalty, 0.3 * use_step)
    switch_steepest(moves, terms, _SWITCHES)
    if terms.slack.min(initial=0.0) >= 0.0:
        _uphill(moves, terms, paid)
    choice = pool.cells.at(scan.choice)
    choice[core] = cell[moves.current]
    return _Attempt(choice, float(terms.slack.min(initial=np.inf)), _value(pool, choice)), prices


def _value(pool: Problem, choice: Ints) -> float:
    return float(pool.cells.value_money[choice[choice >= 0]].sum())


def _uphill(moves: Moves, terms: SwitchTerms, prices: Floats) -> None:
    """Switch pairs of customers, then single ones again, until neither gains."""
    for _ in range(_PAIRS):
        if not switch_pairs(moves, terms, prices, 1):
            break
        switch_steepest(moves, terms, _SWITCHES)
