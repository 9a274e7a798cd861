"""The rule over compressed rows, compiled: what `alamo.steering.rule` runs on the cells of a block.

Every sum runs over a customer's own cells, or over limit rows, in a fixed order, so that a customer gets the same bits
alone and in a batch of any size.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from alamo.domain.reasons import DecisionReason
from alamo.numerics.compiled import compiled, inlined
from alamo.numerics.exponential import exp_nonpositive
from alamo.numerics.hashing import Keys
from alamo.numerics.mixing import uniform_of
from alamo.steering.allocation.kernels import net_of
from alamo.steering.cells import CellArrays
from alamo.steering.limits import LimitArrays

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

REASONS = tuple(DecisionReason)
"""Reasons by their code in `DrawArrays.reason`."""
_VALUE, _EXPLORATION, _CONTROL, _NO_ELIGIBLE, _HELD_OUT, _LIMIT = range(6)


class RuleNumbers(NamedTuple):
    """Temperature in money, floor share, control share, weights of the actions in the floor."""

    temperature: float
    floor: float
    control: float
    weights: Floats


class DrawnBy(NamedTuple):
    """Hashed ids of the customers, the salt's hash, and who is held out of everything."""

    keys: Keys
    salt: np.uint64
    held_out: npt.NDArray[np.bool_]


class DrawArrays(NamedTuple):
    """What the kernel writes; see `alamo.steering.rule.Drawn`."""

    p: Floats
    p_none: Floats
    net: Floats
    choice: Ints
    reason: npt.NDArray[np.int8]
    remaining: Floats


@compiled
def decide_block(
    cells: CellArrays,
    limits: LimitArrays,
    prices: Floats,
    rule: RuleNumbers,
    by: DrawnBy,
    out: DrawArrays,
) -> None:
    """Decide the customers of a block one after another; `prices` are those of the limit rows."""
    collapsed = collapse(limits, prices, cells.uses.shape[1])
    largest = largest_use(cells, limits)
    tight = _tight(limits, largest, out.remaining)
    for i in range(by.keys.size):
        first, last = cells.indptr[i], cells.indptr[i + 1]
        if by.held_out[i]:
            out.reason[i] = _HELD_OUT
            continue
        live, best = _probabilities(cells, collapsed, rule, i, out)
        if live == 0:
            out.reason[i] = _NO_ELIGIBLE
            continue
        drawn = _drawn(out, i, first, last, uniform_of(by.keys[i], by.salt))
        out.reason[i] = _reason(drawn, best)
        if tight and _stop(cells, limits, out, i, drawn):
            drawn = -1
            out.reason[i] = _LIMIT
        out.choice[i] = drawn
        if drawn >= 0:
            _spend(cells, limits, out, cells.group[i], drawn)
            tight = _tight(limits, largest, out.remaining)


@compiled
def collapse(limits: LimitArrays, prices: Floats, n_use_columns: int) -> Floats:
    """Return what a unit of each use costs per group and action, shape (1 + n_use_columns, n_groups, n_actions).

    The first slab is the count. Rows are added in their order, so every carrier gets the same bits.
    """
    rows, groups, actions = limits.coefficient.shape
    out = np.zeros((1 + n_use_columns, groups, actions))
    for r in range(rows):
        slab = limits.column[r] + 1
        for g in range(groups):
            for a in range(actions):
                out[slab, g, a] += prices[r] * limits.coefficient[r, g, a]
    return out


@compiled
def largest_use(cells: CellArrays, limits: LimitArrays) -> Floats:
    """Return an upper bound of what one cell uses of each row; a row with more than that left stops nobody."""
    columns = np.ones(1 + cells.uses.shape[1])
    if cells.action.size:
        columns[1:] = 0.0
    for j in range(cells.action.size):
        for c in range(cells.uses.shape[1]):
            columns[c + 1] = max(columns[c + 1], abs(cells.uses[j, c]))
    return columns[limits.column + 1]


@inlined
def _probabilities(cells: CellArrays, prices: Floats, rule: RuleNumbers, i: int, out: DrawArrays) -> tuple[int, int]:
    """Write the probabilities before stops; return how many actions can be drawn and which is best (−1 none)."""
    first, last = cells.indptr[i], cells.indptr[i + 1]
    live, best, top, mass = 0, -1, 0.0, 1.0
    for j in range(first, last):
        net = net_of(cells, prices, cells.group[i], j)
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


@inlined
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


@inlined
def _row_use(cells: CellArrays, limits: LimitArrays, group: int, j: int, r: int) -> float:
    column = limits.column[r]
    use = 1.0 if column < 0 else cells.uses[j, column]
    return limits.coefficient[r, group, cells.action[j]] * use


@inlined
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


@inlined
def _spend(cells: CellArrays, limits: LimitArrays, out: DrawArrays, group: int, j: int) -> None:
    for r in range(limits.hard.size):
        out.remaining[r] -= _row_use(cells, limits, group, j, r)


@inlined
def _tight(limits: LimitArrays, largest: Floats, remaining: Floats) -> bool:
    """Say whether any hard row may have too little left for somebody."""
    tight = False
    for r in range(limits.hard.size):
        tight = tight or (limits.hard[r] and remaining[r] < largest[r])
    return tight
