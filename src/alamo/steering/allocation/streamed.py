"""Problems whose cells are not in memory: what the dual asks of any problem, and how a source of cells answers it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from alamo.steering.allocation.kernels import HardSums
from alamo.steering.allocation.problem import SAMPLED_CELLS, Problem, build_problem
from alamo.steering.allocation.source import RANGE, CellSource
from alamo.steering.cells import Floats, Ints
from alamo.steering.limits import LimitTables


class Scannable(Protocol):
    """What the dual asks of a problem, wherever its cells are: a `Problem`, or a `StreamedProblem`."""

    @property
    def n(self) -> int:
        """Number of customers."""
        ...

    @property
    def m(self) -> int:
        """Number of rows."""
        ...

    @property
    def bound(self) -> Floats:
        """Scaled right-hand side, shape (m,)."""
        ...

    @property
    def unit(self) -> Floats:
        """Scaled use of a typical customer, shape (m,)."""
        ...

    @property
    def value_scale(self) -> float:
        """The yardstick of temperatures."""
        ...

    @property
    def total_weight(self) -> float:
        """Number of customers that all of them stand for."""
        ...

    def scan(self, prices: Floats) -> HardSums:
        """Return the sums of everybody's best choice at scaled `prices`, shape (m,)."""
        ...

    def row_use(self, tallies: Floats) -> Floats:
        """Return the use of each row from use summed by column, group and action, shape (m,)."""
        ...

    def take(self, index: Ints, weight: Floats | None = None) -> Problem:
        """Return the same rows over the customers `index`, in memory."""
        ...

    def whole(self) -> Problem:
        """Return the problem with all cells in memory."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class StreamedProblem:
    """A problem whose cells stay where they are; only samples, near ties and what is kept per customer are in memory.

    Attributes
    ----------
    rows
        Rows and yardsticks, over the first customers only; see `stream_problem`.
    source
        All customers.
    """

    rows: Problem
    source: CellSource

    @property
    def n(self) -> int:
        """Number of customers."""
        return self.source.n

    @property
    def m(self) -> int:
        """Number of rows."""
        return self.rows.m

    @property
    def bound(self) -> Floats:
        """Scaled right-hand side, shape (m,)."""
        return self.rows.bound

    @property
    def unit(self) -> Floats:
        """Scaled use of a typical customer, shape (m,)."""
        return self.rows.unit

    @property
    def value_scale(self) -> float:
        """The yardstick of temperatures."""
        return self.rows.value_scale

    @property
    def total_weight(self) -> float:
        """Number of customers."""
        return float(self.n)

    def scan(self, prices: Floats) -> HardSums:
        """Return the sums of everybody's best choice at scaled `prices`, shape (m,)."""
        return self.source.scan(self.rows.collapse(prices))

    def row_use(self, tallies: Floats) -> Floats:
        """Return the use of each row from use summed by column, group and action, shape (m,)."""
        return self.rows.row_use(tallies)

    def take(self, index: Ints, weight: Floats | None = None) -> Problem:
        """Return the same rows over the customers `index`, in memory."""
        return replace(
            self.rows, cells=self.source.take(index), weight=np.ones(len(index)) if weight is None else weight
        )

    def whole(self) -> Problem:
        """Return the problem with all cells in memory; only asked for where they are few."""
        return self.take(np.arange(self.n, dtype=np.int64))


def stream_problem(source: CellSource, tables: LimitTables) -> StreamedProblem:
    """Return the scaled problem of the cells of `source` under `tables`: the same numbers as `build_problem` gives."""
    size = min(RANGE, source.n)
    first = source.take(np.arange(size, dtype=np.int64))
    while first.n_cells < SAMPLED_CELLS and size < source.n:
        size = min(2 * size, source.n)
        first = source.take(np.arange(size, dtype=np.int64))
    return StreamedProblem(build_problem(first, tables, source.n), source)
