"""The decision rule: net value → softmax mixed with a floor → hard stop → salted-hash draw.

Pure and compiled: arrays in, arrays out; no I/O, clock or generator. Customers are decided one after another, because
what one of them draws may leave too little of a limit for the next. Every number of a customer is computed from the
customer's own cells in a fixed order, so a batch of one gives the same bits as a batch of a million.

For a customer's eligible actions and no action beside them, with w = 1 − floor − control and floor weights g:

    p(a)    = w · softmax(net / τ)_a    + floor · g_a / (1 + Σ g)
    p(none) = w · softmax(net / τ)_none + floor / (1 + Σ g) + control

where net(a) = value(a) − Σ_r price_r · use_r(a) and net(none) = 0. Then, still before the draw, an action that no
longer fits what is left of a hard row loses its probability to none. The probabilities of that state are logged.

Source: the softmax solves the entropy-regularised assignment problem, so prices and probabilities belong together
(Cuturi, 2013, "Sinkhorn distances", NeurIPS, §4, for one constraint per unit).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from alamo.domain.policy import RuleSettings
from alamo.domain.reasons import DecisionReason
from alamo.numerics.compiled import compiled
from alamo.numerics.exponential import exp_nonpositive
from alamo.numerics.hashing import uniforms
from alamo.steering.cells import CellArrays, Cells
from alamo.steering.limits import LimitArrays, LimitTables

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

REASONS = tuple(DecisionReason)
"""Reasons by their code in `Drawn.reason`."""
_VALUE, _EXPLORATION, _CONTROL, _NO_ELIGIBLE, _HELD_OUT, _LIMIT = range(6)


class RuleNumbers(NamedTuple):
    """Temperature in money, floor share, control share, weights of the actions in the floor."""

    temperature: float
    floor: float
    control: float
    weights: Floats


class DrawArrays(NamedTuple):
    """What the kernel writes; see `Drawn`."""

    p: Floats
    p_none: Floats
    net: Floats
    choice: Ints
    reason: npt.NDArray[np.int8]
    remaining: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """The decisions of a block.

    Attributes
    ----------
    p
        Probability of each cell after the stops, 0 where it could not be drawn, shape (n_cells,).
    p_none
        Probability of no action, shape (n,).
    net_money
        Value less prices times use, shape (n_cells,).
    choice
        Cell drawn, −1 for none, shape (n,).
    reason
        Index into `REASONS`, shape (n,).
    remaining
        What is left of each row after the block, shape (m,).
    """

    p: Floats
    p_none: Floats
    net_money: Floats
    choice: Ints
    reason: npt.NDArray[np.int8]
    remaining: Floats


@dataclass(frozen=True, slots=True, eq=False)
class BlockTerms:
    """What the rule is told for one block.

    Attributes
    ----------
    prices
        Money per unit of use of each row, at least 0, shape (m,).
    remaining
        What is left of each row, shape (m,).
    rule
        Temperature, floor and control share.
    salt
        Of the draw.
    """

    prices: Floats
    remaining: Floats
    rule: RuleSettings
    salt: str


def decide(cells: Cells, tables: LimitTables, terms: BlockTerms) -> Drawn:
    """Decide the customers of one block in their order.

    Never raises because of a value: a cell whose net value is not finite cannot be drawn.
    """
    n = cells.n
    out = DrawArrays(
        np.zeros(cells.n_cells),
        np.ones(n),
        np.zeros(cells.n_cells),
        np.full(n, -1, dtype=np.int64),
        np.zeros(n, dtype=np.int8),
        np.array(terms.remaining, dtype=np.float64),
    )
    weights = np.array(terms.rule.floor_of(len(cells.action_ids)), dtype=np.float64)
    rule = RuleNumbers(terms.rule.temperature_money, terms.rule.floor_share, terms.rule.control_share, weights)
    _decide(
        cells.arrays,
        tables.arrays,
        (collapse(tables, terms.prices, len(cells.use_names)), _largest_use(cells, tables), rule),
        cells.units.held_out,
        uniforms(cells.units.key, f"{terms.salt}/draw"),
        out,
    )
    return Drawn(*out)


def collapse(tables: LimitTables, prices: Floats, n_use_columns: int) -> Floats:
    """Return what a unit of each use costs per group and action, shape (1 + n_use_columns, n_groups, n_actions).

    The first slab is the count. Rows are added in their order, so every carrier gets the same bits.
    """
    out = np.zeros((1 + n_use_columns, *tables.coefficient.shape[1:]))
    for r in range(tables.m):
        out[tables.column[r] + 1] += prices[r] * tables.coefficient[r]
    return out


def _largest_use(cells: Cells, tables: LimitTables) -> Floats:
    """Return an upper bound of what one cell uses of each row; a row with more than that left stops nobody."""
    columns = np.ones(1 + cells.uses.shape[1])
    if cells.n_cells:
        columns[1:] = np.fmax.reduce(np.abs(cells.uses), axis=0)
    return columns[tables.column + 1]


@compiled
def _decide(
    cells: CellArrays,
    limits: LimitArrays,
    terms: tuple[Floats, Floats, RuleNumbers],
    held_out: npt.NDArray[np.bool_],
    draws: Floats,
    out: DrawArrays,
) -> None:
    prices, largest, rule = terms
    tight = _tight(limits, largest, out.remaining)
    for i in range(draws.size):
        first, last = cells.indptr[i], cells.indptr[i + 1]
        if held_out[i]:
            out.reason[i] = _HELD_OUT
            continue
        live, best = _probabilities(cells, prices, rule, i, out)
        if live == 0:
            out.reason[i] = _NO_ELIGIBLE
            continue
        drawn = _drawn(out, i, first, last, draws[i])
        out.reason[i] = _reason(drawn, best)
        if tight and _stop(cells, limits, out, i, drawn):
            drawn = -1
            out.reason[i] = _LIMIT
        out.choice[i] = drawn
        if drawn >= 0:
            _spend(cells, limits, out, cells.group[i], drawn)
            tight = _tight(limits, largest, out.remaining)


@compiled
def _net(cells: CellArrays, prices: Floats, group: int, j: int) -> float:
    action = cells.action[j]
    net = cells.value[j] - prices[0, group, action]
    for c in range(cells.uses.shape[1]):
        net -= prices[c + 1, group, action] * cells.uses[j, c]
    return net


@compiled
def _probabilities(cells: CellArrays, prices: Floats, rule: RuleNumbers, i: int, out: DrawArrays) -> tuple[int, int]:
    """Write the probabilities before stops; return how many actions can be drawn and which is best (−1 none)."""
    first, last = cells.indptr[i], cells.indptr[i + 1]
    live, best, top, mass = 0, -1, 0.0, 1.0
    for j in range(first, last):
        net = _net(cells, prices, cells.group[i], j)
        out.net[j] = net
        if np.isfinite(net):
            live += 1
            mass += rule.weights[cells.action[j]]
            if net > top:
                best, top = j, net
    none = exp_nonpositive(-top / rule.temperature)
    total = none
    for j in range(first, last):
        if np.isfinite(out.net[j]):
            out.p[j] = exp_nonpositive((out.net[j] - top) / rule.temperature)
            total += out.p[j]
    weight, floor = 1.0 - rule.floor - rule.control, rule.floor / mass
    for j in range(first, last):
        if np.isfinite(out.net[j]):
            out.p[j] = weight * (out.p[j] / total) + floor * rule.weights[cells.action[j]]
    out.p_none[i] = 1.0 if live == 0 else weight * (none / total) + floor + rule.control
    return live, best


@compiled
def _drawn(out: DrawArrays, i: int, first: int, last: int, u: float) -> int:
    """Return the cell that the number `u` in [0, 1) falls on, −1 for none, which comes last."""
    possible = -1
    for j in range(first, last):
        if u < out.p[j]:
            return j
        u -= out.p[j]
        if out.p[j] > 0.0:
            possible = j
    return -1 if out.p_none[i] > 0.0 else possible  # rounding must not draw what has probability 0


@compiled
def _reason(drawn: int, best: int) -> int:
    if drawn == best:
        return _VALUE
    return _CONTROL if drawn < 0 else _EXPLORATION


@compiled
def _row_use(cells: CellArrays, limits: LimitArrays, group: int, j: int, r: int) -> float:
    column = limits.column[r]
    use = 1.0 if column < 0 else cells.uses[j, column]
    return limits.coefficient[r, group, cells.action[j]] * use


@compiled
def _stop(cells: CellArrays, limits: LimitArrays, out: DrawArrays, i: int, drawn: int) -> bool:
    """Move the probability of what no longer fits to none; say whether the cell drawn was among it."""
    hit = False
    for j in range(cells.indptr[i], cells.indptr[i + 1]):
        for r in range(limits.hard.size):
            use = _row_use(cells, limits, cells.group[i], j, r)
            if limits.hard[r] and use > 0.0 and use > out.remaining[r]:  # a spent limit stops only what uses it
                out.p_none[i] = min(out.p_none[i] + out.p[j], 1.0)  # rounding must not make it more than certain
                out.p[j] = 0.0
                hit = hit or j == drawn
                break
    return hit


@compiled
def _spend(cells: CellArrays, limits: LimitArrays, out: DrawArrays, group: int, j: int) -> None:
    for r in range(limits.hard.size):
        out.remaining[r] -= _row_use(cells, limits, group, j, r)


@compiled
def _tight(limits: LimitArrays, largest: Floats, remaining: Floats) -> bool:
    """Say whether any hard row may have too little left for somebody."""
    tight = False
    for r in range(limits.hard.size):
        tight = tight or (limits.hard[r] and remaining[r] < largest[r])
    return tight
