"""Limits that clash: what Alamo proves and names, beside the elastic linear programme of HiGHS."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from benchmarks.allocation_highs import elastic, row_scale, solved
from benchmarks.allocation_solvers import plan, timed
from benchmarks.allocation_worlds import world

from alamo.steering.allocation.certificate import certify
from alamo.steering.allocation.conflict import Clash, Conflict, find_conflict, out_of_reach, suspicious
from alamo.steering.allocation.dual import solve_dual
from alamo.steering.allocation.problem import Problem, build_problem
from alamo.steering.allocation.repair import repair
from alamo.steering.cells import Cells
from alamo.steering.limits import LimitTables

ACTIONS = 50
SINGLES_UP_TO, ELASTIC_UP_TO = 3_000, 10_000
SINGLES = 3
ROOMS = (0.01, 0.05, 0.2)
"""Shares of what is told that limits give beyond it: a plan of whole customers needs a little more than shares do."""
_TIME = {"time_limit": 600.0}


def infeasible(n: int, times: float, seed: int) -> dict[str, Any]:
    """Return what is said of limits whose minima are `times` what the world asks for, and whether that is right."""
    cells, limits = with_minima(*world(n, ACTIONS, seed), times)
    cpu, clash = timed(lambda: judged(cells, limits))
    found: dict[str, Any] = {"cpu": cpu, "clash": clash is not None}
    if n <= ELASTIC_UP_TO:
        found |= _elastic(cells, limits)
    if clash is None:
        return found | {"feasible": kept(cells, limits)}
    problem = build_problem(cells, limits)
    found["proven"] = clash.proven_share
    found["together"] = {c.limit: c.relax_by for c in clash.together}
    found["together_share"] = sum(shares(problem, clash.together).values())
    found["together_room"] = room_needed(cells, limits, clash.together)
    found["singles"] = [_single(cells, limits, c) for c in clash.conflicts[:SINGLES]]
    for single, conflict in zip(found["singles"], clash.conflicts, strict=False):
        if conflict.alone:
            same = [c.limit for c in clash.together] == [conflict.limit]
            single["room"] = found["together_room"] if same else room_needed(cells, limits, (conflict,))
    return found


def with_minima(cells: Cells, limits: LimitTables, times: float) -> tuple[Cells, LimitTables]:
    """Return the world with `times` its minimum volumes."""
    return cells, replace(limits, bound=np.where(limits.bound < 0, times * limits.bound, limits.bound))


def judged(cells: Cells, limits: LimitTables) -> Clash | None:
    """Return the clash of limits as `analyze allocation` looks for it, or None; a plan found feasible is none."""
    problem = build_problem(cells, limits)
    clash = out_of_reach(problem)
    if clash is not None:
        return clash
    scan = solve_dual(problem)
    clash = find_conflict(problem) if suspicious(problem, scan.prices) else None
    if clash is not None:
        return clash
    certificate = certify(cells, limits, repair(problem, scan), scan.bound)
    return None if certificate.feasible else find_conflict(problem)


def shares(problem: Problem, conflicts: tuple[Conflict, ...]) -> dict[str, float]:
    """Return by which share of its bound each limit gives way."""
    scale = dict(zip(problem.names, problem.scale, strict=True))
    return {c.limit: c.relax_by / float(scale[c.limit]) for c in conflicts}


def room_needed(cells: Cells, limits: LimitTables, conflicts: tuple[Conflict, ...]) -> float | None:
    """Return the first of `ROOMS` beyond what is told with which a plan keeps every limit; None if none does."""
    told = {c.limit: c.relax_by for c in conflicts}
    given = np.array([told.get(row.limit, 0.0) for row in limits.rows])
    for room in ROOMS:
        if kept(cells, replace(limits, bound=limits.bound + (1.0 + room) * given)):
            return room
    return None


def kept(cells: Cells, limits: LimitTables) -> bool:
    """Return whether there is a plan that keeps every limit, by its certificate."""
    _, choice, _ = plan(cells, limits)
    return certify(cells, limits, choice, 0.0).feasible


def _elastic(cells: Cells, limits: LimitTables) -> dict[str, Any]:
    asked = elastic(cells, limits, np.arange(limits.m))
    cpu, (status, shortage, _) = timed(lambda: solved(asked, _TIME))
    return {"highs": shortage, "highs_status": status, "highs_cpu": cpu}


def _single(cells: Cells, limits: LimitTables, conflict: Conflict) -> dict[str, Any]:
    """Return what is told of one limit, and the least that it gives when no other does, by HiGHS."""
    found: dict[str, Any] = {"limit": conflict.limit, "alone": conflict.alone}
    if cells.n <= SINGLES_UP_TO:
        row = [limit.limit for limit in limits.rows].index(conflict.limit)
        status, least, _ = solved(elastic(cells, limits, np.array([row])), _TIME)
        found["share"] = conflict.relax_by / float(row_scale(cells, limits)[row])
        found |= {"highs_status": status, "highs_share": least if status == "Optimal" else None}
    return found
