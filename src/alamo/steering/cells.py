"""Cells: the eligible (customer, action) pairs of a cycle, in compressed rows, customers in salted-hash order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from alamo.steering.units import Units, join_units

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int16]
"""A choice: position of the cell taken among the customer's own cells, −1 for none."""

MOST_ACTIONS = 2**15 - 1
"""Actions that one customer may be open to."""


class CellArrays(NamedTuple):
    """The arrays a kernel reads; see `Cells` for their meaning."""

    indptr: Ints
    action: npt.NDArray[np.int16]
    value: Floats
    uses: Floats
    group: npt.NDArray[np.int32]

    def span(self, start: int, stop: int) -> CellArrays:
        """Return the customers ``start:stop``; `indptr` keeps pointing into the same cells, nothing is copied."""
        return self._replace(indptr=self.indptr[start : stop + 1], group=self.group[start:stop])


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Eligible cells in compressed sparse rows; *no action* is implicit in every row, with value and use 0.

    `compact` stores value and use as float32 and actions in as few bytes as they need; every sum is float64 anyway.

    Attributes
    ----------
    units
        The customers, n of them, in the order in which they are decided.
    indptr
        Cells of customer i are ``indptr[i]:indptr[i + 1]``, shape (n + 1,).
    action
        Index into `action_ids`, ascending within a customer, shape (n_cells,).
    value_money
        Expected incremental value net of variable cost, shape (n_cells,).
    value_sd_money
        Its posterior standard deviation, shape (n_cells,).
    uses
        Use of each use column by each cell, shape (n_cells, n_use_columns); a count needs no column.
    use_names
        Names of the use columns.
    action_ids
        Actions in the order of their index.
    shared_sd_money
        The part of `value_sd_money` that all customers of an action share, shape (n_cells,); None where the scores do
        not tell it, and then all of it counts as shared.
    score_money
        The value before what the contact displaces was taken off, shape (n_cells,); None where nothing was.
    """

    units: Units
    indptr: Ints
    action: npt.NDArray[np.int16]
    value_money: Floats
    value_sd_money: Floats
    uses: Floats
    use_names: tuple[str, ...]
    action_ids: tuple[str, ...]
    shared_sd_money: Floats | None = None
    score_money: Floats | None = None

    @property
    def earned_money(self) -> Floats:
        """What a contact is expected to earn itself, whatever it displaces later, shape (n_cells,)."""
        return self.value_money if self.score_money is None else self.score_money

    @property
    def n(self) -> int:
        """Number of customers."""
        return len(self.indptr) - 1

    @property
    def n_cells(self) -> int:
        """Number of eligible pairs."""
        return len(self.action)

    @property
    def arrays(self) -> CellArrays:
        """What the kernels read."""
        return CellArrays(self.indptr, self.action, self.value_money, self.uses, self.units.group)

    def at(self, choice: Places) -> Ints:
        """Return the cell of each customer's `choice`, −1 for none, shape (n,)."""
        return np.where(choice >= 0, self.indptr[:-1] + choice, -1)

    def places(self, cell: Ints) -> Places:
        """Return the choice of the cells `cell`, one or −1 per customer, shape (n,): the inverse of `at`."""
        return np.where(cell >= 0, cell - self.indptr[:-1], -1).astype(np.int16)

    def compact(self) -> Cells:
        """Return the cells rounded to float32, 9 bytes each with one use column and up to 256 actions.

        The rounded values and uses are the problem then; standard deviations are left out.
        """
        narrow = np.min_scalar_type(max(len(self.action_ids) - 1, 0))
        return replace(
            self,
            action=self.action.astype(narrow),
            value_money=self.value_money.astype(np.float32),
            value_sd_money=np.broadcast_to(np.float32(0.0), self.n_cells),
            uses=self.uses.astype(np.float32),
            shared_sd_money=None,
        )

    def owner(self) -> Ints:
        """Return the customer of each cell, shape (n_cells,)."""
        return np.repeat(np.arange(self.n, dtype=np.int64), np.diff(self.indptr))

    def use(self, name: str) -> Floats:
        """Return the use column `name`, shape (n_cells,)."""
        return self.uses[:, self.use_names.index(name)]

    def gain_variance(self, picked: Ints) -> Floats:
        """Return the variance of the total value of the cells `picked`, by action, shape (n_actions,).

        What customers share of an action's error adds up over them, the rest averages out.
        """
        action, sd, n_actions = self.action[picked], self.value_sd_money[picked], len(self.action_ids)
        shared = sd if self.shared_sd_money is None else np.minimum(self.shared_sd_money[picked], sd)
        own = np.bincount(action, sd**2 - shared**2, n_actions)
        return np.asarray(np.bincount(action, shared, n_actions) ** 2 + own, dtype=np.float64)

    def take(self, index: Ints) -> Cells:
        """Return the cells of the customers `index`, in that order."""
        size = np.diff(self.indptr)[index]
        indptr = np.concatenate([[0], np.cumsum(size)]).astype(np.int64)
        pick = np.repeat(self.indptr[index] - indptr[:-1], size) + np.arange(indptr[-1])
        return self._pick(self.units.take(index), indptr, pick)

    def span(self, start: int, stop: int) -> Cells:
        """Return the cells of the customers ``start:stop``; a view, nothing is copied but the ids."""
        first, last = self.indptr[start], self.indptr[stop]
        return self._pick(self.units.span(start, stop), self.indptr[start : stop + 1] - first, slice(first, last))

    def keep(self, mask: Flags) -> Cells:
        """Return only the cells in `mask`, shape (n_cells,); customers stay, with fewer cells or none."""
        indptr = np.concatenate([[0], np.cumsum(mask)]).astype(np.int64)[self.indptr]
        return self._pick(self.units, indptr, mask)

    @property
    def columns(self) -> dict[str, Any]:
        """What is known of each cell, by name; a column that may be None and is, is left out."""
        of_all = ("units", "indptr", "use_names", "action_ids")
        known = {one.name: getattr(self, one.name) for one in fields(self) if one.name not in of_all}
        return {name: column for name, column in known.items() if column is not None}

    @property
    def meant(self) -> dict[str, Any]:
        """What is meant where a column that may be None is None, by name."""
        return {"shared_sd_money": self.value_sd_money, "score_money": self.value_money}

    def _pick(self, units: Units, indptr: Ints, pick: Ints | Flags | slice) -> Cells:
        picked = {name: column[pick] for name, column in self.columns.items()}
        return replace(self, units=units, indptr=np.ascontiguousarray(indptr), **picked)


def concatenate(parts: Sequence[Cells]) -> Cells:
    """Return the customers of `parts`, which share actions and use columns, one after the other."""
    if len(parts) == 1:
        return parts[0]
    size = np.concatenate([np.diff(part.indptr) for part in parts])
    indptr = np.concatenate([[0], np.cumsum(size)]).astype(np.int64)
    known = dict.fromkeys(name for part in parts for name in part.columns)
    joined: dict[str, Any] = {
        name: np.concatenate([(part.meant | part.columns)[name] for part in parts]) for name in known
    }
    return replace(parts[0], units=join_units([part.units for part in parts]), indptr=indptr, **joined)


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Eligible pairs in any order, before they become `Cells`.

    Attributes
    ----------
    unit, action
        Positions of customer and action, shape (n_cells,).
    value_money, value_sd_money, uses, shared_sd_money, score_money
        As in `Cells`.
    """

    unit: Ints
    action: Ints
    value_money: Floats
    value_sd_money: Floats
    uses: Floats
    shared_sd_money: Floats | None = None
    score_money: Floats | None = None

    @property
    def money(self) -> dict[str, Any]:
        """The columns in money, by name; one that is None is left out."""
        known = {one.name: getattr(self, one.name) for one in fields(self) if one.name.endswith("_money")}
        return {name: column for name, column in known.items() if column is not None}


def assemble(units: Units, pairs: Pairs, use_names: tuple[str, ...], action_ids: tuple[str, ...], salt: str) -> Cells:
    """Return cells in the salted-hash order of `salt`, whatever order customers and pairs come in.

    Pairs with a value or use that is not a finite number are left out: they can never be drawn.
    """
    sound = np.isfinite(pairs.value_money) & np.isfinite(pairs.uses).all(axis=1)
    order = units.order(salt)
    place = np.empty(units.n, dtype=np.int64)
    place[order] = np.arange(units.n)
    unit = place[pairs.unit[sound]]
    row = np.flatnonzero(sound)[_sorted(unit, pairs.action[sound], units.n, len(action_ids))]
    return Cells(
        units=units.take(order),
        indptr=np.concatenate([[0], np.cumsum(np.bincount(unit, minlength=units.n))]).astype(np.int64),
        action=pairs.action[row].astype(action_type(len(action_ids))),
        uses=np.ascontiguousarray(pairs.uses[row].reshape(len(row), len(use_names))),
        use_names=use_names,
        action_ids=action_ids,
        **{name: np.ascontiguousarray(column[row]) for name, column in pairs.money.items()},
    )


def _sorted(unit: Ints, action: Ints, n_units: int, n_actions: int) -> Ints:
    """Return the order by unit, then action; by one pass over a dense grid where that is small enough."""
    slot = unit * n_actions + action
    if n_units * n_actions > 8 * len(unit):
        return np.argsort(slot, kind="stable").astype(np.int64)
    grid = np.full(n_units * n_actions, -1, dtype=np.int64)
    grid[slot] = np.arange(len(slot))
    return np.asarray(grid[grid >= 0])


def action_type(n_actions: int) -> Any:
    """Return the type in which the index of one of `n_actions` actions is kept."""
    return np.int16 if n_actions <= MOST_ACTIONS else np.int32
