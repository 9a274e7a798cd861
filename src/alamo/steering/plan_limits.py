"""What a plan says of each limit: bound, use, price, what exploration and the counter get of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from alamo.domain.policy import BlockState, RuleSettings
from alamo.steering.candidates import Candidates
from alamo.steering.cells import Cells, Floats, Ints
from alamo.steering.limits import LimitTables
from alamo.steering.shares import told, whole_use


def limit_rows(
    candidates: Candidates,
    p: Floats,
    choice: Ints,
    blocks: Sequence[BlockState],
    rule: RuleSettings,
    kept: Floats | None,
) -> list[dict[str, Any]]:
    """Return each side of each limit in its own units, shares as parts of 1; the price is the mean over blocks.

    `explored` is what the floor is expected to use, whatever the values say, and `kept` what is left to the counter;
    both are None for a share.

    Parameters
    ----------
    p
        Probability of each cell, shape (n_cells,).
    choice
        Cell drawn by each customer, -1 for none, shape (n,).
    blocks
        Prices, per block.
    rule
        What they were drawn by.
    kept
        What is left of each row to the counter, in its units, shape (m,); None: nothing.
    """
    cells, tables = candidates.cells, candidates.tables
    owner = np.flatnonzero(choice >= 0).astype(np.int64)
    used = tables.cell_use(cells, choice[owner], owner).sum(axis=1)
    expected = _expected_use(candidates, p)
    prices = _mean_prices(blocks, tables)
    whole = whole_use(cells, tables, choice[owner])
    expected_whole = whole_use(cells, tables, np.arange(cells.n_cells), p)
    explored = _expected_use(candidates, _floor(cells, rule))
    left = np.zeros(tables.m) if kept is None else kept
    return [
        {
            "limit": row.limit,
            "side": row.side,
            "use": row.column,
            **told(tables, r, float(used[r]), whole[r], float(prices[r])),
            "expected_used": told(tables, r, float(expected[r]), expected_whole[r], 0.0)["used"],
            "explored": None if row.of_action_ids else row.sign * float(explored[r]) + 0.0,
            "kept": None if row.of_action_ids else float(left[r]),
        }
        for r, row in enumerate(tables.rows)
    ]


def _expected_use(candidates: Candidates, p: Floats) -> Floats:
    cells, tables = candidates.cells, candidates.tables
    group = cells.units.group[cells.owner()]
    out = np.zeros(tables.m)
    for r in range(tables.m):
        use = 1.0 if tables.column[r] < 0 else cells.uses[:, tables.column[r]]
        out[r] = np.sum(p * tables.coefficient[r, group, cells.action] * use)
    return out


def _floor(cells: Cells, rule: RuleSettings) -> Floats:
    """Return the part of each cell's probability that is the floor, shape (n_cells,)."""
    weight = np.array(rule.floor_of(len(cells.action_ids)))[cells.action]
    return rule.floor_share * weight / (1.0 + np.bincount(cells.owner(), weight, cells.n))[cells.owner()]


def _mean_prices(blocks: Sequence[BlockState], tables: LimitTables) -> Floats:
    if not blocks:
        return np.zeros(tables.m)
    return np.asarray(np.mean([block.prices for block in blocks], axis=0))
