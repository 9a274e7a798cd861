"""What the repair may switch: the best few cells of each customer, and which customers are worth looking at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alamo.numerics.compiled import compiled
from alamo.steering.allocation.dual import Scan, nearest
from alamo.steering.allocation.kernels import net_of
from alamo.steering.allocation.problem import Problem
from alamo.steering.allocation.switches import Moves
from alamo.steering.cells import CellArrays, Floats, Ints, Places

_EVERYBODY, _CORE, _PER_ROW, _ALTERNATIVES = 3_000, 600, 30, 6


@dataclass(frozen=True, slots=True, eq=False)
class Options:
    """The best few cells of each customer, the one it has, and none (cell −1), grouped by customer.

    Attributes
    ----------
    cell, owner, loss
        Cell, customer, and net value lost by switching to it from what the customer has, shape (n_options,).
    use
        Scaled use, shape (n_options, m).
    taken
        Which option each customer has now, shape (n_options,).
    """

    cell: Ints
    owner: Ints
    loss: Floats
    use: Floats
    taken: npt.NDArray[np.bool_]

    def moves(self, pool: Problem, core: Ints) -> tuple[Moves, Ints]:
        """Return the options of the customers `core` as the kernels take them, in usual values, and their cells."""
        inside = np.zeros(pool.n, dtype=bool)
        inside[core] = True
        pick = inside[self.owner]
        cell, owner = self.cell[pick], self.owner[pick]
        start = np.append(np.searchsorted(owner, core), len(owner)).astype(np.int64)
        value = np.zeros(len(cell))
        value[cell >= 0] = pool.cells.value_money[cell[cell >= 0]] / pool.value_scale
        current = np.flatnonzero(self.taken[pick]).astype(np.int64)
        return Moves(start, value, np.ascontiguousarray(self.use[pick]), current), cell


def best_options(pool: Problem, scan: Scan) -> Options:
    """Return the options of every customer of `pool` at the prices and with the choice of `scan`."""
    most = pool.n * (_ALTERNATIVES + 2)
    cell, owner = np.empty(most, dtype=np.int64), np.empty(most, dtype=np.int64)
    net, taken = np.empty(most), np.empty(most, dtype=np.bool_)
    n = _list_options(pool.cells.arrays, pool.collapse(scan.prices), scan.choice, (cell, owner, net, taken))
    cell, owner, net, taken = cell[:n], owner[:n], net[:n], taken[:n]
    return Options(cell, owner, net[taken][owner] - net, pool.cell_use(cell, owner), taken)


@compiled
def _list_options(
    cells: CellArrays,
    prices: Floats,
    choice: Places,
    out: tuple[Ints, Ints, Floats, npt.NDArray[np.bool_]],
) -> int:
    """Write cell, owner, net value and whether it is taken of every option; return how many there are."""
    cell, owner, value, taken = out
    best, worth = np.empty(_ALTERNATIVES + 1, dtype=np.int64), np.empty(_ALTERNATIVES + 1)
    n = 0
    for i in range(choice.size):
        has = cells.indptr[i] + choice[i] if choice[i] >= 0 else -1
        size = 0
        for j in range(cells.indptr[i], cells.indptr[i + 1]):
            net = net_of(cells, prices, cells.group[i], j)
            at = size
            while at > 0 and worth[at - 1] < net:
                best[at], worth[at] = best[at - 1], worth[at - 1]
                at -= 1
            if at < _ALTERNATIVES:
                best[at], worth[at] = j, net
            size = min(size + 1, _ALTERNATIVES)
        listed = False
        for t in range(size):
            listed = listed or best[t] == has
            cell[n], owner[n], value[n], taken[n] = best[t], i, worth[t], best[t] == has
            n += 1
        if has >= 0 and not listed:
            cell[n], owner[n], value[n], taken[n] = has, i, net_of(cells, prices, cells.group[i], has), True
            n += 1
        cell[n], owner[n], value[n], taken[n] = -1, i, 0.0, has < 0
        n += 1
    return n


def switchable(options: Options, scan: Scan, slack: Floats) -> Ints:
    """Return the customers that may switch: the closest ties, and the cheapest relief and filling of active rows."""
    chosen = np.zeros(len(scan.choice), dtype=bool)
    chosen[nearest(scan.gap, _CORE if len(chosen) > _EVERYBODY else len(chosen))] = True
    active = np.flatnonzero((scan.prices > 0) | (slack <= 0))
    use = np.ascontiguousarray(options.use[:, active].T)
    change = use - use[:, options.taken][:, options.owner]
    for row in change:
        for sign in (-1.0, 1.0):
            moving = np.flatnonzero(sign * row > 0)
            loss = options.loss[moving]
            if len(moving) > _PER_ROW:
                moving = moving[np.argpartition(loss, _PER_ROW)[:_PER_ROW]]
            chosen[options.owner[moving]] = True
    return np.flatnonzero(chosen).astype(np.int64)
