"""Where the cells of an allocation come from: memory, the blocks of a file, or the partitions of a cluster.

The dual asks three things of a source: scan everybody at given prices, count a choice, hand out some customers. Sums
are taken over ranges of 65,536 customers and added in order, so blocks (or partitions) of whole ranges give the same
bits wherever they are scanned, and nothing but choice and gap is kept per customer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from alamo.steering.allocation.kernels import HardSums, count_choice, scan_hard
from alamo.steering.cells import Cells, Floats, Ints, Places, concatenate

RANGE = 65_536
"""Customers whose sums are added up before they are added to the others'."""


class Counted(NamedTuple):
    """Value in money, and use by column, group and action (1 + n_use_columns, n_groups, n_actions)."""

    value_money: float
    tallies: Floats


class CellSource(Protocol):
    """Customers in the order in which they are decided, wherever their cells are."""

    @property
    def n(self) -> int:
        """Number of customers."""
        ...

    def scan(self, prices: Floats) -> HardSums:
        """Return best net value, use, choice and gap at `prices` (1 + n_use_columns, n_groups, n_actions)."""
        ...

    def count(self, choice: Places) -> Counted:
        """Return value and use of `choice`, shape (n,)."""
        ...

    def take(self, index: Ints) -> Cells:
        """Return the cells of the customers `index`, ascending."""
        ...


def scan_ranges(cells: Cells, prices: Floats, weight: Floats | None = None) -> Iterator[HardSums]:
    """Yield the sums of each range of `cells`: what one block or partition returns.

    Parameters
    ----------
    prices
        Money per unit of each use, shape (1 + n_use_columns, n_groups, n_actions).
    weight
        How many customers each stands for, shape (n,); None: 1 each.
    """
    for start, stop in _ranges(cells.n):
        part = cells.arrays.span(start, stop)
        amount = np.ones(stop - start) if weight is None else np.ascontiguousarray(weight[start:stop])
        out = HardSums(
            np.zeros(1), np.zeros(prices.shape), np.empty(stop - start, np.int16), np.empty(stop - start, np.float32)
        )
        scan_hard(part, amount, prices, out)
        yield out


def gather_sums(parts: Iterable[HardSums], n: int, prices: Floats) -> HardSums:
    """Return the sums of `n` customers from those of their ranges, added in the order in which they come."""
    out = HardSums(np.zeros(1), np.zeros(prices.shape), np.empty(n, np.int16), np.empty(n, np.float32))
    start = 0
    for part in parts:
        stop = start + len(part.choice)
        out.total[:] += part.total
        out.tallies[:] += part.tallies
        out.choice[start:stop], out.gap[start:stop] = part.choice, part.gap
        start = stop
    return out


def count_cells(cells: Cells, choice: Places) -> Iterator[Counted]:
    """Yield value and use of `choice`, shape (n,), for each range of `cells`."""
    groups = int(cells.units.group.max(initial=0)) + 1
    for start, stop in _ranges(cells.n):
        total, tallies = np.zeros(1), np.zeros((1 + len(cells.use_names), groups, len(cells.action_ids)))
        count_choice(cells.arrays.span(start, stop), choice[start:stop], total, tallies)
        yield Counted(float(total[0]), tallies)


def add_counts(parts: Iterable[Counted], shape: tuple[int, ...]) -> Counted:
    """Return the sum of `parts` in order, with tallies of `shape`; a part may know fewer groups."""
    value, tallies = 0.0, np.zeros(shape)
    for part in parts:
        value += part.value_money
        tallies[:, : part.tallies.shape[1]] += part.tallies
    return Counted(value, tallies)


def _ranges(n: int) -> list[tuple[int, int]]:
    return [(start, min(start + RANGE, n)) for start in range(0, n, RANGE)]


@dataclass(frozen=True, slots=True, eq=False)
class BlockSource:
    """Cells that come in blocks; one block is in memory at a time.

    Attributes
    ----------
    sizes
        Customers of each block; every block but the last a multiple of `RANGE` for the same bits as in memory.
    load
        Returns block number b; the same one every time it is asked.
    n_groups
        Groups of customers in all blocks together.
    """

    sizes: Sequence[int]
    load: Callable[[int], Cells]
    n_groups: int

    @property
    def n(self) -> int:
        """Number of customers."""
        return sum(self.sizes)

    def scan(self, prices: Floats) -> HardSums:
        """Return best net value, use, choice and gap at `prices`."""
        parts = (part for b in range(len(self.sizes)) for part in scan_ranges(self.load(b), prices))
        return gather_sums(parts, self.n, prices)

    def count(self, choice: Places) -> Counted:
        """Return value and use of `choice`, shape (n,)."""
        first = self.load(0)
        shape = (1 + len(first.use_names), self.n_groups, len(first.action_ids))
        bounds = self._bounds()
        parts = (
            part
            for b in range(len(self.sizes))
            for part in count_cells(self.load(b), choice[bounds[b] : bounds[b + 1]])
        )
        return add_counts(parts, shape)

    def take(self, index: Ints) -> Cells:
        """Return the cells of the customers `index`, ascending; blocks without any of them are not loaded."""
        bounds = self._bounds()
        cuts = np.searchsorted(index, bounds)
        blocks = [b for b in range(len(self.sizes)) if cuts[b + 1] > cuts[b]]
        return concatenate([self.load(b).take(index[cuts[b] : cuts[b + 1]] - bounds[b]) for b in blocks or [0]])

    def _bounds(self) -> Ints:
        return np.concatenate([[0], np.cumsum(self.sizes)]).astype(np.int64)
