"""The allocation problem: maximise Σ value of at most one cell per customer subject to scaled one-sided rows.

    maximise Σ_ia x_ia v_ia   subject to   Σ_ia x_ia u_r(i, a) ≤ b_r   (r = 1 … m),   Σ_a x_ia ≤ 1,   x ∈ {0, 1}

Use is a table lookup, u_r(i, a) = table[c, r, g, a] · use_c(i, a), so prices collapse to one number per use column,
group and action before a scan, and the scan costs one multiplication per cell and use column whatever m is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from alamo.steering.allocation.kernels import HardSums, add_row_use
from alamo.steering.allocation.source import gather_sums, scan_ranges
from alamo.steering.cells import Cells, Floats, Ints, action_type
from alamo.steering.limits import LimitTables

SAMPLED_CELLS = 1_000_000
"""Cells that a mean used as a yardstick looks at."""


_OUTWEIGHS = 20.0
_NEGLIGIBLE = 1e-12
"""Of the usual use: a bound below it is as good as none at all, and nothing is measured by it."""
_NO_VALUE = 1e-9
"""What stands for the usual value where every value is 0."""
_MANY = 256


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """An allocation problem with rows scaled to a bound of about 1.

    Attributes
    ----------
    cells
        Values and uses.
    table
        Scaled coefficients, shape (1 + n_use_columns, m, n_groups, n_actions); slab 0 is the count.
    bound
        Scaled right-hand side, shape (m,).
    scale
        Units of use that a scaled 1 stands for, shape (m,).
    unit
        Scaled use of a typical customer, shape (m,).
    ceiling
        Scaled price at which a row outweighs every value; a price there says that the row cannot be met, shape (m,).
    counted
        Rows that count, whose use is a whole number, shape (m,).
    names
        Limit of each row.
    sign
        +1 for a maximum, −1 for a minimum, shape (m,).
    weight
        How many customers each customer stands for, shape (n,).
    value_scale
        Mean of the positive values (of all |values| if there is none): the yardstick of temperatures.
    """

    cells: Cells
    table: Floats
    bound: Floats
    scale: Floats
    unit: Floats
    ceiling: Floats
    counted: npt.NDArray[np.bool_]
    names: tuple[str, ...]
    sign: Ints
    weight: Floats
    value_scale: float

    @property
    def n(self) -> int:
        """Number of customers."""
        return self.cells.n

    @property
    def m(self) -> int:
        """Number of rows."""
        return len(self.bound)

    @property
    def total_weight(self) -> float:
        """Number of customers that all of them stand for."""
        return float(self.weight.sum())

    def scan(self, prices: Floats) -> HardSums:
        """Return the sums of everybody's best choice at scaled `prices`, shape (m,)."""
        collapsed = self.collapse(prices)
        return gather_sums(scan_ranges(self.cells, collapsed, self.weight), self.n, collapsed)

    def whole(self) -> Problem:
        """Return the problem with all cells in memory: itself."""
        return self

    @property
    def balances(self) -> npt.NDArray[np.bool_]:
        """Return which rows weigh the use of some against that of others, such as a share of a whole, shape (m,)."""
        return np.asarray(
            (self.table.min(axis=(0, 2, 3), initial=0) < 0) & (self.table.max(axis=(0, 2, 3), initial=0) > 0)
        )

    def collapse(self, prices: Floats) -> Floats:
        """Return what a unit of each use costs, shape (1 + n_use_columns, n_groups, n_actions)."""
        return np.tensordot(prices, self.table, axes=(0, 1))

    def row_use(self, tallies: Floats) -> Floats:
        """Return the use of each row from use summed by column, group and action, shape (m,)."""
        return np.asarray(np.tensordot(self.table, tallies, axes=((0, 2, 3), (0, 1, 2))))

    def cell_use(self, cell: Ints, owner: Ints) -> Floats:
        """Return the scaled use of the cells `cell` of `owner`, shape (len(cell), m); cell −1 (none) uses nothing."""
        out = np.zeros((len(cell), self.m))
        add_row_use(self.cells.arrays, cell, owner, np.ascontiguousarray(np.moveaxis(self.table, 1, 3)), out)
        return out

    def take(self, index: Ints, weight: Floats | None = None) -> Problem:
        """Return the same rows over the customers `index`, each standing for `weight` customers (None: as before)."""
        return replace(self, cells=self.cells.take(index), weight=self.weight[index] if weight is None else weight)

    def merged(self) -> Problem:
        """Return the problem with actions that no row tells apart made one, so that tables stay small.

        Only where there are more than 256 of them. Positions of cells stay as they are, names of actions do not.
        """
        slabs, m, groups, actions = self.table.shape
        if actions <= _MANY:
            return self
        columns = self.table.reshape(slabs * m * groups, actions).T
        _, first, kind = np.unique(columns, axis=0, return_index=True, return_inverse=True)
        ids = tuple(self.cells.action_ids[a] for a in first)
        cells = replace(
            self.cells, action=kind.reshape(-1)[self.cells.action].astype(action_type(len(ids))), action_ids=ids
        )
        return replace(self, cells=cells, table=np.ascontiguousarray(self.table[..., first]))

    def span(self, start: int, stop: int) -> Problem:
        """Return the same rows over the customers ``start:stop``."""
        return replace(self, cells=self.cells.span(start, stop), weight=self.weight[start:stop])

    def with_weight(self, weight: float) -> Problem:
        """Return the problem in which every customer counts `weight` times."""
        return replace(self, weight=np.full(self.n, weight))

    def with_values(self, value_money: Floats) -> Problem:
        """Return the problem with other values of the cells, shape (n_cells,)."""
        return replace(self, cells=replace(self.cells, value_money=value_money))


def build_problem(cells: Cells, tables: LimitTables, n: int | None = None) -> Problem:
    """Return the scaled problem of `cells` under `tables`; `n` customers are meant where `cells` are the first only."""
    columns = np.concatenate([[1.0], _mean_use(cells)])[tables.column + 1]
    customers = cells.n if n is None else n
    usual = np.maximum(0.05 * customers * columns, 1e-9)
    scale = np.where(tables.bound != 0, np.maximum(np.abs(tables.bound), _NEGLIGIBLE * usual), usual)
    shape = (1 + len(cells.use_names), tables.m, *tables.coefficient.shape[1:])
    table = np.zeros(shape)
    for r in range(tables.m):
        table[tables.column[r] + 1, r] = tables.coefficient[r] / scale[r]
    used = np.abs(tables.coefficient).max(axis=(1, 2), initial=0.0)
    unit = np.maximum(used * columns / scale, 1e-12)
    return Problem(
        cells=cells,
        table=table,
        bound=tables.bound / scale,
        scale=scale,
        unit=unit,
        ceiling=_OUTWEIGHS * _largest_value(cells.value_money[:SAMPLED_CELLS]) / unit,
        counted=tables.whole_numbers,
        names=tuple(row.limit for row in tables.rows),
        sign=np.array([row.sign for row in tables.rows], dtype=np.int64),
        weight=np.ones(cells.n),
        value_scale=_value_scale(cells.value_money[:SAMPLED_CELLS]),
    )


def _mean_use(cells: Cells) -> Floats:
    if not cells.n_cells:
        return np.ones(len(cells.use_names))
    return np.asarray(np.abs(cells.uses[:SAMPLED_CELLS]).mean(axis=0))


def _largest_value(value: Floats) -> float:
    """Return a high quantile of |value|; the maximum where all but a few are 0."""
    if not len(value):
        return 1.0
    size = np.abs(value)
    return float(np.quantile(size, 0.999)) or float(size.max()) or _NO_VALUE


def _value_scale(value: Floats) -> float:
    positive = value[value > 0]
    typical = positive.mean() if len(positive) else np.abs(value).mean() if len(value) else 1.0
    return float(typical) if typical > 0.0 else _NO_VALUE
