"""Limits as one-sided rows, and the tables that say how much of each row a cell uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from alamo.domain.action import Limit
from alamo.domain.errors import ConfigError
from alamo.domain.policy import LimitRow
from alamo.steering.cells import Cells

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

COUNT = "count"
"""The use that needs no column: one per action drawn."""


class LimitArrays(NamedTuple):
    """The arrays a kernel reads; see `LimitTables` for their meaning."""

    column: npt.NDArray[np.int64]
    coefficient: Floats
    hard: Flags


@dataclass(frozen=True, slots=True, eq=False)
class LimitTables:
    """One-sided rows Σ coefficient · use ≤ bound, m of them.

    Attributes
    ----------
    rows
        What each row stands for.
    column
        Use column of each row, −1 for a count, shape (m,).
    coefficient
        −1, 0 or +1 for a customer of group g drawing action a, less the share of a part of a whole where a belongs to
        it, shape (m, n_groups, n_actions).
    bound
        Signed bound, shape (m,).
    hard
        Rows that nothing may be drawn against once it no longer fits, shape (m,).
    """

    rows: tuple[LimitRow, ...]
    column: npt.NDArray[np.int64]
    coefficient: Floats
    bound: Floats
    hard: Flags

    @property
    def m(self) -> int:
        """Number of rows."""
        return len(self.rows)

    @property
    def arrays(self) -> LimitArrays:
        """What the kernels read."""
        return LimitArrays(self.column, self.coefficient, self.hard)

    @property
    def whole_numbers(self) -> Flags:
        """Return the rows that only count: their use is a whole number, shape (m,)."""
        plain = (self.coefficient == np.round(self.coefficient)).all(axis=(1, 2))
        return np.asarray((self.column < 0) & plain)

    def cell_use(self, cells: Cells, cell: npt.NDArray[np.int64], owner: npt.NDArray[np.int64]) -> Floats:
        """Return the use of each row by each of the cells `cell` of customers `owner`, shape (m, len(cell))."""
        sign = self.coefficient[:, cells.units.group[owner], cells.action[cell]]
        columns = np.concatenate([np.ones((len(cell), 1)), cells.uses[cell]], axis=1)
        return np.asarray(sign * columns[:, self.column + 1].T)

    def with_bound(self, bound: Floats) -> LimitTables:
        """Return the same rows with other bounds."""
        return replace(self, bound=bound)


def limit_rows(limits: Sequence[Limit], action_ids: Callable[[Limit], tuple[str, ...]]) -> tuple[LimitRow, ...]:
    """Return the rows of `limits`: one for a maximum, one (with negative sign) for a minimum, both for both.

    Parameters
    ----------
    action_ids
        Gives the actions that a limit counts.
    """
    rows = []
    for limit in limits:
        ids = action_ids(limit)
        if limit.maximum is not None:
            rows.append(LimitRow(limit.name, limit.use, float(limit.maximum), 1, ids, limit.where, True))
        if limit.minimum is not None:
            rows.append(LimitRow(limit.name, limit.use, -float(limit.minimum), -1, ids, limit.where, False))
        whole = ids if limit.where else action_ids(replace(limit, actions=(), channels=(), levels=()))
        for sign, share in ((1, limit.maximum_share), (-1, limit.minimum_share)):
            if share is not None:
                rows.append(LimitRow(limit.name, limit.use, 0.0, sign, ids, limit.where, False, float(share), whole))
    return tuple(rows)


def limit_tables(
    rows: Sequence[LimitRow],
    action_ids: Sequence[str],
    use_names: Sequence[str],
    patterns: Mapping[str, Flags],
) -> LimitTables:
    """Return the tables of `rows`.

    Parameters
    ----------
    patterns
        Predicate → whether it holds in each group, shape (n_groups,); the empty predicate holds everywhere.

    Raises
    ------
    ConfigError
        If a row counts a use that no column has.
    """
    groups = len(next(iter(patterns.values()))) if patterns else 1
    coefficient = np.zeros((len(rows), groups, len(action_ids)))
    column = np.full(len(rows), -1, dtype=np.int64)
    for r, row in enumerate(rows):
        column[r] = _use_column(row, use_names)
        counted = among(action_ids, row.action_ids)
        holds = patterns[row.where] if row.where else np.ones(groups, dtype=bool)
        whole = among(action_ids, row.of_action_ids)
        coefficient[r] = row.sign * (np.outer(holds, counted) - row.share * whole)
    bound = np.array([row.bound for row in rows], dtype=np.float64)
    return LimitTables(tuple(rows), column, coefficient, bound, np.array([row.hard for row in rows], dtype=bool))


def among(action_ids: Sequence[str], wanted: Sequence[str]) -> Flags:
    """Return which of `action_ids` are `wanted`, shape (n_actions,).

    By hash: ``numpy.isin`` compares every pair of texts, which takes seconds from 10,000 actions on.
    """
    known = frozenset(wanted)
    return np.fromiter((action_id in known for action_id in action_ids), dtype=bool, count=len(action_ids))


def _use_column(row: LimitRow, use_names: Sequence[str]) -> int:
    if row.column == COUNT:
        return -1
    if row.column in use_names:
        return list(use_names).index(row.column)
    known = ", ".join((COUNT, *use_names))
    raise ConfigError(
        f"limit {row.limit!r} uses {row.column!r}, which is not known here",
        hint=f"Known uses: {known}. Correct `use` in limits.toml.",
        code="limits.unknown_use",
        details={"limit": row.limit, "use": row.column, "known": [COUNT, *use_names]},
    )


def affordable(cells: Cells, tables: LimitTables) -> Flags:
    """Return which cells fit the hard rows when nothing has been used yet, shape (n_cells,).

    The others can never be drawn; leaving them out keeps a paused action (maximum 0) from taking part in exploration.
    """
    fits = np.ones(cells.n_cells, dtype=bool)
    owner = cells.owner()
    for r in np.flatnonzero(tables.hard):
        sign = tables.coefficient[r, cells.units.group[owner], cells.action]
        column = tables.column[r]
        fits &= sign * (1.0 if column < 0 else cells.uses[:, column]) <= tables.bound[r]
    return fits
