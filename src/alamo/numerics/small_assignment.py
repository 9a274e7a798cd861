"""Exact integer assignment for a handful of units, where the gap of any rounding would be visible."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_matrix, vstack

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_NODE_LIMIT = 20_000


def assign_exactly(value: Floats, unit: Ints, uses: Floats, bound: Floats) -> Ints | None:
    """Return the cells that maximise Σ value with at most one per unit and Σ use ≤ bound; None if no plan fits.

    Parameters
    ----------
    value
        Of each cell, shape (n_cells,).
    unit
        Unit of each cell, 0 … n_units − 1, shape (n_cells,).
    uses
        Use of each row by each cell, shape (m, n_cells).
    bound
        Shape (m,).

    Not supported: more than a few thousand cells; the search stops after 20,000 nodes with the best found.
    """
    n_cells = len(value)
    if not n_cells:
        return np.zeros(0, np.int64) if (bound >= 0).all() else None
    once = csr_matrix((np.ones(n_cells), (unit, np.arange(n_cells))), shape=(int(unit.max()) + 1, n_cells))
    matrix = vstack([once, csr_matrix(uses)])
    limit = np.concatenate([np.ones(once.shape[0]), bound])
    found = milp(
        -value,
        integrality=np.ones(n_cells),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(matrix, -np.inf, limit),
        options={"node_limit": _NODE_LIMIT, "mip_rel_gap": 0.0},
    )
    return None if found.x is None else np.flatnonzero(np.asarray(found.x) > 0.5).astype(np.int64)
