"""Bundles: the sets of actions that one customer may get together, as cells of a problem of their own.

The values of single actions add up, and so does what they use. A set of at most k actions of which none excludes
another is then one cell, *at most one cell per customer* holds as before, and prices, bound, repair, certificate and
draw are those of single actions. What a set uses of a row is a column of its own, because a limit may count some of
its members only; rows that count the same, such as a minimum and its maximum, share one.

Not supported: actions that are worth more or less together than the sum of what each is worth by itself.

Source: Nisan (2000), "Bidding and allocation in combinatorial auctions", EC, for bundles of which a bidder gets at most
one (XOR bids).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from alamo.steering.action_sets import Together, all_sets
from alamo.steering.cells import Cells, Floats, Ints, Places
from alamo.steering.limits import LimitTables, affordable


@dataclass(frozen=True, slots=True, eq=False)
class Bundles:
    """Sets of actions as cells.

    Attributes
    ----------
    cells, tables
        The problem over sets; its rows are those of the problem over single actions.
    place
        Position of each member among the customer's own single cells, −1 for none, shape (n_cells, most).
    """

    cells: Cells
    tables: LimitTables
    place: Places

    def members(self, singles: Cells, taken: Ints) -> Ints:
        """Return the single cells of what customers get, −1 for none, shape (n, most).

        Parameters
        ----------
        singles
            The cells that the sets were made of.
        taken
            Cell (set) of each customer, −1 for none, shape (n,).
        """
        if not len(self.place):
            return np.full((len(taken), 1), -1, dtype=np.int64)
        place = np.where(taken[:, None] >= 0, self.place[np.maximum(taken, 0)], -1)
        return np.where(place >= 0, singles.indptr[:-1, None] + place, -1)


def bundle(cells: Cells, tables: LimitTables, together: Together) -> Bundles:
    """Return the sets of the single `cells` under the same rows; the cells themselves where only one is allowed.

    Raises
    ------
    UsageError
        If a customer is open to more than 500 sets.
    """
    if together.most == 1:
        place = np.arange(cells.n_cells) - cells.indptr[cells.owner()]
        return Bundles(cells, tables, place[:, None].astype(np.int16))
    owner, member = all_sets(cells, _worth_taking(cells, tables, together), together)
    columns = _columns(cells, tables)
    sets = replace(
        cells,
        indptr=np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=cells.n))]).astype(np.int64),
        action=np.zeros(len(owner), dtype=np.int16),
        value_money=_sums(cells.value_money[:, None], member)[:, 0],
        value_sd_money=np.zeros(len(owner)),
        uses=_sums(columns.use, member),
        use_names=tuple(f"row {column}" for column in range(columns.use.shape[1])),
        action_ids=("set",),
    )
    rows = replace(tables, column=columns.of_row, coefficient=columns.coefficient)
    fits = affordable(sets, rows)
    place = np.where(member >= 0, member - cells.indptr[owner][:, None], -1).astype(np.int16)
    return Bundles(sets.keep(fits), rows, place[fits])


def _worth_taking(cells: Cells, tables: LimitTables, together: Together) -> Ints:
    """Return the cells that a set may need: without one that brings nothing and relieves no row, a set is as good."""
    if together.drawn:
        return np.arange(cells.n_cells, dtype=np.int64)
    use = tables.cell_use(cells, np.arange(cells.n_cells, dtype=np.int64), cells.owner())
    return np.flatnonzero((cells.value_money > 0) | (use < 0).any(axis=0)).astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class _Columns:
    """Use columns of sets: of each single cell, shape (n_cells, n); which one a row reads and how, by group."""

    use: Floats
    of_row: Ints
    coefficient: Floats


def _columns(cells: Cells, tables: LimitTables) -> _Columns:
    """Return one column per way in which rows weigh single cells; a row counts it in all groups or in some."""
    group, known, uses = cells.units.group[cells.owner()], dict[tuple[int, bytes], int](), list[Floats]()
    of_row, coefficient = np.zeros(tables.m, dtype=np.int64), np.zeros((tables.m, tables.coefficient.shape[1], 1))
    for r in range(tables.m):
        weight, factor = _factored(tables.coefficient[r])
        key = (int(tables.column[r]), weight.tobytes())
        if key not in known:
            known[key] = len(uses)
            own = 1.0 if tables.column[r] < 0 else cells.uses[:, tables.column[r]]
            uses.append(own * np.broadcast_to(weight, tables.coefficient[r].shape)[group, cells.action])
        of_row[r], coefficient[r, :, 0] = known[key], factor
    return _Columns(np.stack(uses, axis=1) if uses else np.zeros((cells.n_cells, 0)), of_row, coefficient)


def _factored(coefficient: Floats) -> tuple[Floats, Floats]:
    """Return the coefficients of a row (n_groups, n_actions) as weights of actions times factors −1, 0, 1 of groups.

    Where groups differ in more than that, the weights are the coefficients and the factors 1.
    """
    counts = coefficient.any(axis=1)
    first = coefficient[np.argmax(counts)]
    sign = 1.0 if first[np.argmax(first != 0)] >= 0 else -1.0
    if (coefficient[counts] == first).all():
        return sign * first + 0.0, np.where(counts, sign, 0.0)
    return coefficient, np.ones(len(coefficient))


def _sums(of_single: Floats, member: Ints) -> Floats:
    """Return the columns of single cells, shape (n_single, n), added up over the members of each set."""
    out = np.zeros((len(member), of_single.shape[1]))
    for column in range(member.shape[1]):
        there = member[:, column] >= 0
        out[there] += of_single[member[there, column]]
    return out
