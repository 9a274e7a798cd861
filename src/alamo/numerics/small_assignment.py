"""Exact assignment of a handful of units, where the gap of any rounding would be visible: whole plans and prices."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import numpy as np
import numpy.typing as npt
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csr_matrix, vstack

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_NODE_LIMIT = 20_000
_USUAL = (1e-2, 1e6)
_ONE_AT_A_TIME = threading.Lock()


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
    matrix, limit = _rows(unit, uses, bound)
    with _off_standard_output():
        found = milp(
            -value / _size(value),
            integrality=np.ones(n_cells),
            bounds=Bounds(0, 1),
            constraints=LinearConstraint(matrix, -np.inf, limit),
            options={"node_limit": _NODE_LIMIT, "mip_rel_gap": 0.0},
        )
    return None if found.x is None else np.flatnonzero(np.asarray(found.x) > 0.5).astype(np.int64)


def price_exactly(value: Floats, unit: Ints, uses: Floats, bound: Floats) -> Floats | None:
    """Return the prices of the rows at the optimum of the linear programme, shape (m,); None if no plan fits.

    Parameters as in `assign_exactly`.

    Not supported: more than a few thousand cells.
    """
    if not len(value):
        return np.zeros(len(bound)) if (bound >= 0).all() else None
    matrix, limit = _rows(unit, uses, bound)
    size = _size(value)
    found = linprog(-value / size, A_ub=matrix, b_ub=limit, bounds=(0, None), method="highs")
    if found.status != 0:
        return None
    prices = -size * np.asarray(found.ineqlin.marginals, dtype=np.float64)[len(limit) - len(bound) :]
    return np.maximum(prices, 0.0)


def _size(value: Floats) -> float:
    """Return what to divide values by that are too small or too large for the solver's absolute tolerances, else 1."""
    largest = float(np.abs(value).max())
    return 1.0 if _USUAL[0] <= largest <= _USUAL[1] or largest == 0.0 else largest


def _rows(unit: Ints, uses: Floats, bound: Floats) -> tuple[csr_matrix, Floats]:
    """Return the rows of the programme, one per unit before those of `uses`, and their upper bounds."""
    n_cells = len(unit)
    once = csr_matrix((np.ones(n_cells), (unit, np.arange(n_cells))), shape=(int(unit.max()) + 1, n_cells))
    return vstack([once, csr_matrix(uses)], format="csr"), np.concatenate([np.ones(once.shape[0]), bound])


@contextmanager
def _off_standard_output() -> Iterator[None]:
    """Send to standard error what the solver prints, even with its display off, because answers stand on the other.

    Its C library keeps text back until it is flushed, so that is done before and after. Where there is no standard
    output, no standard error or no such library, nothing is sent elsewhere. Threads wait for each other: both outputs
    are the whole process's, and who came second would put back what the first had put in place.
    """
    with _ONE_AT_A_TIME:
        try:
            flush, kept = ctypes.CDLL(None).fflush, os.dup(1)
        except (OSError, TypeError, AttributeError):
            yield
            return
        try:
            flush(None)
            with suppress(OSError):
                os.dup2(2, 1)
            yield
        finally:
            flush(None)
            os.dup2(kept, 1)
            os.close(kept)
