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
from benchmarks.allocation_highs import loaded, matrix, programme, row_scale
from benchmarks.allocation_worlds import read_blocks, read_world, world

from alamo.steering.allocation.certificate import Certificate, certify
from alamo.steering.allocation.dual import Scan, solve_dual
from alamo.steering.allocation.problem import build_problem
from alamo.steering.allocation.repair import repair
from alamo.steering.allocation.streamed import stream_problem
from alamo.steering.cells import Cells
from alamo.steering.limits import LimitTables

Floats = npt.NDArray[np.float64]
Solver = Callable[[Path, float], dict[str, Any]]


def peak_gib() -> float:
    """Return the largest memory of this program, without that of the process that started it."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def recount(cells: Cells, limits: LimitTables, share: Floats) -> dict[str, float]:
    """Return value and worst excess (of a row, relative; of a customer) of `share` of each cell."""
    groups, k = limits.coefficient.shape[1:]
    group = np.repeat(cells.units.group, np.diff(cells.indptr))
    slot = group.astype(np.int64) * k + cells.action
    tallies = [np.bincount(slot, share, groups * k)]
    tallies += [np.bincount(slot, share * use, groups * k) for use in cells.uses.T.astype(np.float64)]
    used = (limits.coefficient * np.stack(tallies).reshape(-1, groups, k)[limits.column + 1]).sum(axis=(1, 2))
    over = (used - limits.bound) / row_scale(cells, limits)
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
        return found | whole_counts(certify(cells, limits, choice, 0.0), limits)
    share = np.zeros(cells.n_cells)
    taken = cells.at(choice)
    share[taken[taken >= 0]] = 1.0
    return found | recount(cells, limits, share)


def alamo_in_blocks(folder: Path, _: float) -> dict[str, Any]:
    """Solve with the cells left in their files, of which a block is read at a time."""
    plan(*world(3_000))
    source, limits = read_blocks(folder)

    def run() -> tuple[Scan, np.ndarray]:
        problem = stream_problem(source, limits)
        scan = solve_dual(problem)
        return scan, repair(problem, scan)

    cpu, (scan, choice) = timed(run)
    certificate = certify(source, limits, choice, scan.bound)
    found = {"cpu": cpu, "peak": peak_gib(), "bound": scan.bound, "gap": certificate.gap}
    return found | whole_counts(certificate, limits)


def whole_counts(certificate: Certificate, limits: LimitTables) -> dict[str, float]:
    """Return value and excess of a plan of whole cells as its certificate counts them."""
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


def highs(options: dict[str, Any]) -> Solver:
    """Return HiGHS with `options`; presolve and everything else as it comes, one thread."""

    def run(folder: Path, limit: float) -> dict[str, Any]:
        cells, limits = read_world(folder)
        try:
            solver = loaded(programme(cells, limits), options)
        except ValueError as error:
            return {"unavailable": str(error)}
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


def glop(parameters: str) -> Solver:
    """Return OR-Tools' simplex with `parameters`, in the words of its protocol buffer."""

    def run(folder: Path, limit: float) -> dict[str, Any]:
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
        solver.set_solver_specific_parameters(parameters)
        cpu, _ = timed(lambda: solver.solve(model), limit)
        share = np.array(solver.variable_values())
        return {"cpu": cpu, "peak": peak_gib(), "status": str(solver.status()), **recount(cells, limits, share)}

    return run


SOLVERS: dict[str, Solver] = {
    "Alamo, integer plan": alamo,
    "Alamo, in blocks": alamo_in_blocks,
    "HiGHS dual simplex": highs({"solver": "simplex"}),
    "HiGHS primal simplex": highs({"solver": "simplex", "simplex_strategy": 4}),
    "HiGHS IPX, no crossover": highs({"solver": "ipx", "run_crossover": "off"}),
    "HiGHS HiPO, no crossover": highs({"solver": "hipo", "run_crossover": "off"}),
    "HiGHS PDLP, 1e-4": highs({"solver": "pdlp", "kkt_tolerance": 1e-4}),
    "HiGHS HiPDLP, 1e-4": highs({"solver": "hipdlp", "kkt_tolerance": 1e-4}),
    "OR-Tools GLOP, primal": glop(""),
    "OR-Tools GLOP, dual": glop("use_dual_simplex: true"),
    "OR-Tools PDLP, 1e-4": ortools_pdlp(1e-4),
}


def main(solver: str, folder: str, limit: str) -> None:
    print(json.dumps(SOLVERS[solver](Path(folder), float(limit))))


if __name__ == "__main__":
    if sys.argv[1:]:
        main(*sys.argv[1:])
    else:
        print(__doc__)
