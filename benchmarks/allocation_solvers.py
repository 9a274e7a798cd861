"""One solver on one world, in a process of its own: CPU, memory, value and excess, as one line of JSON.

    python -m benchmarks.allocation_solvers SOLVER FOLDER CPU_SECONDS

The world is loaded (and for the rivals written as their matrix) before the clock starts. Value and use are counted from
the shares of all cells by the same code for everybody. Past the CPU seconds the system ends the process.
"""

from __future__ import annotations

import json
import math
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from benchmarks.allocation_worlds import read_world, world

from alamo.steering.allocation.certificate import certify
from alamo.steering.allocation.dual import Scan, solve_dual
from alamo.steering.allocation.problem import build_problem
from alamo.steering.allocation.repair import repair
from alamo.steering.cells import Cells
from alamo.steering.limits import LimitTables

Floats = npt.NDArray[np.float64]
Solver = Callable[[Path, float], dict[str, Any]]


def peak_gib() -> float:
    """Return the largest memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def recount(cells: Cells, limits: LimitTables, share: Floats) -> dict[str, float]:
    """Return value and worst excess (of a row, relative; of a customer) of `share` of each cell."""
    groups, k = limits.coefficient.shape[1:]
    group = np.repeat(cells.units.group, np.diff(cells.indptr))
    slot = group.astype(np.int64) * k + cells.action
    tallies = [np.bincount(slot, share, groups * k)]
    tallies += [np.bincount(slot, share * use, groups * k) for use in cells.uses.T.astype(np.float64)]
    used = (limits.coefficient * np.stack(tallies).reshape(-1, groups, k)[limits.column + 1]).sum(axis=(1, 2))
    over = (used - limits.bound) / np.where(limits.bound != 0, np.abs(limits.bound), 0.05 * cells.n)
    whose = np.bincount(cells.owner(), share, cells.n)
    return {
        "value": float(share @ cells.value_money),
        "excess": float(max(over.max(), 0.0)),
        "customer_excess": float(max(whose.max() - 1.0, 0.0)),
        "split": int(((share > 1e-6) & (share < 1 - 1e-6)).sum()),
    }


def timed(run: Callable[[], Any], limit: float | None = None) -> tuple[float, Any]:
    """Return CPU seconds and the result; past `limit` the system ends the process."""
    start = time.process_time()
    if limit is not None:
        most = math.ceil(start + limit)
        resource.setrlimit(resource.RLIMIT_CPU, (most, most))
    out = run()
    return time.process_time() - start, out


def plan(cells: Cells, limits: LimitTables, start: Floats | None = None) -> tuple[Scan, np.ndarray, float]:
    """Return scan, choice and certified gap."""
    problem = build_problem(cells, limits)
    scan = solve_dual(problem, start)
    choice = repair(problem, scan)
    return scan, choice, certify(cells, limits, choice, scan.bound).gap


def alamo(folder: Path, _: float) -> dict[str, Any]:
    """Solve cold, then again for the next day: 5 % of the customers are others, prices start where they were."""
    plan(*world(3_000))  # kernels are compiled before the clock starts
    cells, limits = read_world(folder)
    cpu, (scan, choice, gap) = timed(lambda: plan(cells, limits))
    peak = peak_gib()
    found = {"cpu": cpu, "peak": peak, "bound": scan.bound, "gap": gap, **_next_day(cells, limits, scan)}
    if cells.n > 2_000_000:
        return found | counted_whole(cells, limits, choice)
    share = np.zeros(cells.n_cells)
    taken = cells.at(choice)
    share[taken[taken >= 0]] = 1.0
    return found | recount(cells, limits, share)


def counted_whole(cells: Cells, limits: LimitTables, choice: np.ndarray) -> dict[str, float]:
    """Count a plan of whole cells in as little memory as its certificate takes."""
    certificate = certify(cells, limits, choice, 0.0)
    excess = float((certificate.excess / np.maximum(np.abs(limits.bound), 1.0)).max())
    return {"value": certificate.value_money, "excess": excess, "customer_excess": 0.0, "split": 0}


def _next_day(cells: Cells, limits: LimitTables, scan: Scan) -> dict[str, float]:
    if cells.n > 2_000_000:
        return {}
    kept = np.flatnonzero(np.arange(cells.n) % 20 != 0)
    other = cells.take(np.concatenate([kept, kept[: cells.n - len(kept)]]).astype(np.int64))
    problem = build_problem(other, limits)
    start = scan.prices
    cold, _ = timed(lambda: solve_dual(problem))
    warm, again = timed(lambda: solve_dual(problem, start))
    return {"cold_dual": cold, "warm_dual": warm, "warm_bound": again.bound}


def matrix(cells: Cells, limits: LimitTables) -> tuple[Any, Floats]:
    """Return the linear programme's rows (limits, then one per customer) and their upper bounds."""
    owner = cells.owner()
    group = cells.units.group[owner]
    scale = np.where(limits.bound != 0, np.abs(limits.bound), 0.05 * cells.n)
    rows = []
    for r, column in enumerate(limits.column):
        use = limits.coefficient[r, group, cells.action] / scale[r]
        rows.append(sp.csr_matrix(use if column < 0 else use * cells.uses[:, column]))
    once = sp.csr_matrix((np.ones(cells.n_cells), (owner, np.arange(cells.n_cells))), (cells.n, cells.n_cells))
    return sp.vstack([*rows, once], format="csc"), np.concatenate([limits.bound / scale, np.ones(cells.n)])


def highs(options: dict[str, Any]) -> Solver:
    """Return HiGHS with `options`; presolve and everything else as it comes, one thread."""

    def run(folder: Path, limit: float) -> dict[str, Any]:
        import highspy  # noqa: PLC0415  (each solver's process loads its own library only)

        cells, limits = read_world(folder)
        rows, upper = matrix(cells, limits)
        model = highspy.HighsLp()
        model.num_col_, model.num_row_ = cells.n_cells, rows.shape[0]
        model.col_cost_ = -cells.value_money.astype(np.float64)
        model.col_lower_, model.col_upper_ = np.zeros(cells.n_cells), np.full(cells.n_cells, highspy.kHighsInf)
        model.row_lower_, model.row_upper_ = np.full(rows.shape[0], -highspy.kHighsInf), upper
        model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        model.a_matrix_.start_, model.a_matrix_.index_, model.a_matrix_.value_ = rows.indptr, rows.indices, rows.data
        solver = highspy.Highs()
        for name, value in ({"output_flag": False, "threads": 1} | options).items():
            solver.setOptionValue(name, value)
        solver.passModel(model)
        cpu, _ = timed(solver.run, limit)
        status = solver.modelStatusToString(solver.getModelStatus())
        share = np.array(solver.getSolution().col_value)
        return {"cpu": cpu, "peak": peak_gib(), "status": status, **recount(cells, limits, share)}

    return run


def ortools_pdlp(tolerance: float) -> Solver:
    """Return OR-Tools' PDLP to `tolerance`, one thread."""

    def run(folder: Path, limit: float) -> dict[str, Any]:
        from ortools.pdlp import solvers_pb2  # noqa: PLC0415
        from ortools.pdlp.python import pdlp  # noqa: PLC0415

        cells, limits = read_world(folder)
        rows, upper = matrix(cells, limits)
        programme = pdlp.QuadraticProgram()
        programme.resize_and_initialize(cells.n_cells, rows.shape[0])
        programme.objective_vector = -cells.value_money.astype(np.float64)
        programme.constraint_matrix = rows
        programme.constraint_lower_bounds = np.full(rows.shape[0], -np.inf)
        programme.constraint_upper_bounds = upper
        programme.variable_lower_bounds = np.zeros(cells.n_cells)
        programme.variable_upper_bounds = np.full(cells.n_cells, np.inf)
        settings = solvers_pb2.PrimalDualHybridGradientParams()
        optimal = settings.termination_criteria.simple_optimality_criteria
        optimal.eps_optimal_relative = optimal.eps_optimal_absolute = tolerance
        settings.presolve_options.use_glop = False
        cpu, out = timed(lambda: pdlp.primal_dual_hybrid_gradient(programme, settings), limit)
        status = str(out.solve_log.termination_reason)
        share = np.array(out.primal_solution)
        return {"cpu": cpu, "peak": peak_gib(), "status": status, **recount(cells, limits, share)}

    return run


def glop(folder: Path, limit: float) -> dict[str, Any]:
    """Solve with OR-Tools' simplex."""
    from ortools.linear_solver.python import model_builder_helper as helper  # noqa: PLC0415

    cells, limits = read_world(folder)
    rows, upper = matrix(cells, limits)
    model = helper.ModelBuilderHelper()
    n, m = cells.n_cells, rows.shape[0]
    bounds = (np.zeros(n), np.full(n, np.inf))
    value = cells.value_money.astype(np.float64)
    model.fill_model_from_sparse_data(*bounds, value, np.full(m, -np.inf), upper, rows.tocsr())
    model.set_maximize(True)
    solver = helper.ModelSolverHelper("glop")
    cpu, _ = timed(lambda: solver.solve(model), limit)
    share = np.array(solver.variable_values())
    return {"cpu": cpu, "peak": peak_gib(), "status": str(solver.status()), **recount(cells, limits, share)}


SOLVERS: dict[str, Solver] = {
    "Alamo, integer plan": alamo,
    "HiGHS simplex": highs({"solver": "simplex"}),
    "HiGHS IPM, no crossover": highs({"solver": "ipm", "run_crossover": "off"}),
    "HiGHS PDLP, 1e-4": highs({"solver": "pdlp", "kkt_tolerance": 1e-4}),
    "OR-Tools GLOP": glop,
    "OR-Tools PDLP, 1e-4": ortools_pdlp(1e-4),
}


def main(solver: str, folder: str, limit: str) -> None:
    print(json.dumps(SOLVERS[solver](Path(folder), float(limit))))


if __name__ == "__main__":
    main(*sys.argv[1:])
