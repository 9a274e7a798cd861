"""From prices to a plan that keeps every row: re-price the closest ties, then switch customers one by one.

Prices alone leave customers whose best two actions tie, and which of the two each of them gets decides whether a row is
kept. Scores of trees and segments tie in masses, so a hashed jitter breaks ties here; the certificate counts the
original values.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from alamo.numerics.hashing import uniforms
from alamo.numerics.small_assignment import assign_exactly
from alamo.steering.allocation.dual import CUT, Scan, hard_dual, nearest, switches_left
from alamo.steering.allocation.newton import Schedule, follow_path
from alamo.steering.allocation.problem import Problem
from alamo.steering.allocation.streamed import Scannable
from alamo.steering.allocation.switches import Moves, SwitchTerms, switch_steepest
from alamo.steering.cells import Cells, Floats, Ints, Places

_POOL, _CORE, _PER_ROW, _ALTERNATIVES = 12_000, 600, 30, 4
_MARGINS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
_SWITCHES = 5_000
_ROUNDING = 1e-12
_JITTER = 1e-4
_EXACT_CELLS = 1_500


@dataclass(frozen=True, slots=True, eq=False)
class _Attempt:
    """A choice within the pool and the least slack it leaves."""

    choice: Ints
    least_slack: float


def repair(problem: Scannable, scan: Scan) -> Places:
    """Return the choice of each customer (−1 none), shape (n,), keeping every row wherever switches can.

    Tiny problems are solved exactly: there the last customer is worth more than any tolerance.
    """
    if problem.n <= _EXACT_CELLS:
        exact = _exact(problem.whole())
        if exact is not None:
            return exact
    index = nearest(scan.gap, int(max(_POOL, 15 * switches_left(problem, scan))))
    pool = _jittered(problem.take(index))
    owner = np.arange(pool.n, dtype=np.int64)
    before = pool.cells.at(scan.choice[index])
    frozen = scan.use - pool.cell_use(before, owner).sum(axis=0)
    pool = replace(pool, bound=problem.bound - frozen + np.where(pool.counted, _ROUNDING, -_ROUNDING))
    best = _Attempt(before, -np.inf)
    prices = scan.prices
    for margin in _MARGINS:
        attempt, prices = _attempt(pool, prices, margin)
        if attempt.least_slack > best.least_slack:
            best = attempt
        if best.least_slack >= 0:
            break
    choice = scan.choice.copy()
    choice[index] = pool.cells.places(best.choice)
    return choice


def _exact(problem: Problem) -> Places | None:
    cells = problem.cells
    if cells.n_cells > _EXACT_CELLS:
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
    cells = pool.cells
    with np.errstate(over="ignore"):
        keys = cells.units.key[cells.owner()] + cells.action.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return pool.with_values(cells.value_money + _JITTER * pool.value_scale * uniforms(keys, "ties"))


def _attempt(pool: Problem, prices: Floats, margin: float) -> tuple[_Attempt, Floats]:
    """Re-price the pool with `margin` typical customers kept free in every row, then switch; return also the prices."""
    target = replace(pool, bound=pool.bound - margin * pool.unit)
    scale = pool.value_scale
    prices = follow_path(target, prices, Schedule(4e-4 * scale, 1e-4 * scale, tolerance=0.1, cut=CUT))
    scan = hard_dual(target, prices)
    slack = pool.bound - scan.use
    options = _options(pool, scan.prices, pool.cells.at(scan.choice))
    core = _core(pool, options, scan, slack)
    moves, cell = _moves(pool, options, core)
    use_step = np.maximum(np.abs(moves.use).max(axis=0, initial=0.0), 1e-300)
    penalty = 3.0 * prices + 5.0 * np.abs(moves.value).mean() / use_step if len(moves.value) else 3.0 * prices
    terms = SwitchTerms(slack, penalty, 0.3 * use_step)
    switch_steepest(moves, terms, _SWITCHES)
    choice = pool.cells.at(scan.choice)
    choice[core] = cell[moves.current]
    return _Attempt(choice, float(terms.slack.min(initial=np.inf))), prices


@dataclass(frozen=True, slots=True, eq=False)
class _Options:
    """The best few cells of each customer, the one it has, and none (cell −1), grouped by customer."""

    cell: Ints
    owner: Ints
    loss: Floats
    use: Floats
    taken: npt.NDArray[np.bool_]


def _options(pool: Problem, prices: Floats, choice: Ints) -> _Options:
    cells = pool.cells
    n = pool.n
    cell = np.concatenate([np.arange(cells.n_cells), np.full(n, -1)]).astype(np.int64)
    owner = np.concatenate([cells.owner(), np.arange(n)])
    net = np.concatenate([_net(cells, pool.collapse(prices)), np.zeros(n)])
    order = np.lexsort((-net, owner))
    cell, owner, net = cell[order], owner[order], net[order]
    rank = np.arange(len(owner)) - np.searchsorted(owner, np.arange(n))[owner]
    taken = cell == choice[owner]
    keep = (rank < _ALTERNATIVES) | taken | (cell < 0)
    cell, owner, net, taken = cell[keep], owner[keep], net[keep], taken[keep]
    return _Options(cell, owner, net[taken][owner] - net, pool.cell_use(cell, owner), taken)


def _net(cells: Cells, prices: Floats) -> Floats:
    group = cells.units.group[cells.owner()]
    net = cells.value_money - prices[0, group, cells.action]
    for c in range(len(cells.use_names)):
        net -= prices[c + 1, group, cells.action] * cells.uses[:, c]
    return np.asarray(net)


def _core(pool: Problem, options: _Options, scan: Scan, slack: Floats) -> Ints:
    """Return the customers that may switch: the closest ties, and the cheapest relief and filling of active rows."""
    chosen = np.zeros(pool.n, dtype=bool)
    chosen[nearest(scan.gap, _CORE)] = True
    change = options.use - options.use[options.taken][options.owner]
    for r in np.flatnonzero((scan.prices > 0) | (slack <= 0)):
        for sign in (-1.0, 1.0):
            moving = np.flatnonzero((sign * change[:, r] > 0) & ~options.taken)
            cheapest = moving[np.argsort(options.loss[moving], kind="stable")[:_PER_ROW]]
            chosen[options.owner[cheapest]] = True
    return np.flatnonzero(chosen).astype(np.int64)


def _moves(pool: Problem, options: _Options, core: Ints) -> tuple[Moves, Ints]:
    """Return the alternatives of the customers `core`, and the cell of each alternative."""
    inside = np.zeros(pool.n, dtype=bool)
    inside[core] = True
    pick = inside[options.owner]
    cell, owner = options.cell[pick], options.owner[pick]
    start = np.append(np.searchsorted(owner, core), len(owner)).astype(np.int64)
    value = np.where(cell >= 0, pool.cells.value_money[np.maximum(cell, 0)], 0.0) if len(cell) else np.zeros(0)
    current = np.flatnonzero(options.taken[pick]).astype(np.int64)
    return Moves(start, value, np.ascontiguousarray(options.use[pick]), current), cell
