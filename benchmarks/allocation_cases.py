"""Cases of the evidence of allocation: what a plan does beside what HiGHS says of the same cells and limits.

Value and use are counted from the raw cells by correctly rounded sums; HiGHS solves the programme that
`allocation_highs` writes from them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from benchmarks.allocation_highs import Floats, programme, row_scale, solved
from benchmarks.allocation_infeasible import infeasible
from benchmarks.allocation_solvers import plan, timed
from benchmarks.allocation_worlds import world

from alamo.steering.allocation import dual, repair
from alamo.steering.cells import Cells
from alamo.steering.limits import LimitTables

ACTIONS = 50
TINY_ACTIONS = (10, 25, 50)
_EXACT = {"mip_rel_gap": 0.0, "mip_abs_gap": 1e-9, "mip_feasibility_tolerance": 1e-9, "time_limit": 60.0}


def feasible(n: int, tight: float, seed: int) -> dict[str, Any]:
    """Return the worst excess of maxima and of minima (relative, from correctly rounded sums) and the gap of a plan."""
    cells, limits = world(n, ACTIONS, seed, tight)
    cpu, (scan, choice, gap) = timed(lambda: plan(cells, limits))
    over, value = exact_excess(cells, limits, cells.at(choice))
    maxima = limits.hard
    return {
        "cpu": cpu,
        "gap": gap,
        "bound": scan.bound,
        "value": value,
        "excess_maxima": float(over[maxima].max()),
        "excess_minima": float(over[~maxima].max()),
        "rows_full": int((over > -1e-3).sum()),
    }


def exact_excess(cells: Cells, limits: LimitTables, taken: np.ndarray) -> tuple[Floats, float]:
    """Return use less bound of each limit, relative, and the value, each a correctly rounded sum over the raw cells."""
    owner = np.flatnonzero(taken >= 0)
    cell = taken[owner]
    group, action = cells.units.group[owner], cells.action[cell]
    over = np.zeros(limits.m)
    for r, column in enumerate(limits.column):
        use = limits.coefficient[r, group, action]
        use = use if column < 0 else use * cells.uses[cell, column].astype(np.float64)
        over[r] = math.fsum([*use.tolist(), -float(limits.bound[r])])
    return over / row_scale(cells, limits), math.fsum(cells.value_money[cell].astype(np.float64).tolist())


def bound(n: int, tight: float, seed: int) -> dict[str, Any]:
    """Return the dual bound beside the optimum of the linear programme by HiGHS."""
    cells, limits = world(n, ACTIONS, seed, tight)
    scan, _, gap = plan(cells, limits)
    asked = programme(cells, limits)
    cpu, (status, optimum, _) = timed(lambda: solved(asked))
    return {"status": status, "above": scan.bound / -optimum - 1.0, "gap": gap, "optimum": -optimum, "highs_cpu": cpu}


def tiny(seed: int) -> dict[str, Any]:
    """Return a plan of 8 to 60 customers beside the exact integer optimum, with and without our own exact search.

    So few customers do not meet a minimum of half a customer: minima are rounded down, maxima 1.5 or 2 times as wide.
    """
    rng = np.random.default_rng(seed)
    n, k, tight = int(rng.integers(8, 61)), int(rng.choice(TINY_ACTIONS)), float(rng.choice((1.5, 2.0)))
    cells, limits = world(n, k, seed, tight)
    limits = replace(limits, bound=np.where(limits.bound < 0, np.trunc(limits.bound), limits.bound))
    status, optimum, x = solved(programme(cells, limits, whole=True), _EXACT)
    found: dict[str, Any] = {"n": n, "k": k, "cells": cells.n_cells, "status": status} | _tiny_plan(cells, limits, "")
    if status == "Infeasible":
        return found
    taken = np.flatnonzero(x > 0.5)
    cell = np.full(cells.n, -1)
    cell[cells.owner()[taken]] = taken
    over, value = exact_excess(cells, limits, cell)
    found |= {"optimum": value, "excess_optimum": float(over.max()), "optimum_told": -optimum}
    usual = dual.SMALL_CELLS
    dual.SMALL_CELLS = repair.SMALL_CELLS = -1
    found |= _tiny_plan(cells, limits, "_switching")
    dual.SMALL_CELLS = repair.SMALL_CELLS = usual
    return found


def _tiny_plan(cells: Cells, limits: LimitTables, name: str) -> dict[str, Any]:
    _, choice, _ = plan(cells, limits)
    over, value = exact_excess(cells, limits, cells.at(choice))
    return {f"excess{name}": float(over.max()), f"value{name}": value}


ROWS: dict[str, Callable[..., dict[str, Any]]] = {
    "feasible": feasible,
    "bound": bound,
    "tiny": tiny,
    "infeasible": infeasible,
}
"""By name, the arguments being what a case is known by."""
