"""The linear and integer programmes of an allocation as HiGHS takes them, from the raw cells.

Rows are the limits, each divided by the size of its bound, then one per customer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from alamo.steering.cells import Cells
from alamo.steering.limits import LimitTables

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Programme:
    """Minimise cost · x, rows · x ≤ upper, x ≥ 0; x whole numbers where `whole`."""

    rows: Any
    upper: Floats
    cost: Floats
    whole: bool = False


def row_scale(cells: Cells, limits: LimitTables) -> Floats:
    """Return what a scaled 1 of each limit stands for: its bound, or a twentieth of the customers where that is 0."""
    return np.where(limits.bound != 0, np.abs(limits.bound), 0.05 * cells.n)


def matrix(cells: Cells, limits: LimitTables) -> tuple[Any, Floats]:
    """Return the linear programme's rows (limits, then one per customer) and their upper bounds."""
    owner = cells.owner()
    group = cells.units.group[owner]
    scale = row_scale(cells, limits)
    rows = []
    for r, column in enumerate(limits.column):
        use = limits.coefficient[r, group, cells.action] / scale[r]
        rows.append(sp.csr_matrix(use if column < 0 else use * cells.uses[:, column]))
    once = sp.csr_matrix((np.ones(cells.n_cells), (owner, np.arange(cells.n_cells))), (cells.n, cells.n_cells))
    return sp.vstack([*rows, once], format="csc"), np.concatenate([limits.bound / scale, np.ones(cells.n)])


def programme(cells: Cells, limits: LimitTables, *, whole: bool = False) -> Programme:
    """Return the best plan's programme."""
    return Programme(*matrix(cells, limits), -cells.value_money.astype(np.float64), whole)


def elastic(cells: Cells, limits: LimitTables, giving: Ints) -> Programme:
    """Return the programme of the least share of their bounds that the limits `giving` give way in all."""
    rows, upper = matrix(cells, limits)
    many = len(giving)
    ways = sp.csc_matrix((-np.ones(many), (giving, np.arange(many))), (rows.shape[0], many))
    cost = np.concatenate([np.zeros(cells.n_cells), np.ones(many)])
    return Programme(sp.hstack([rows, ways], format="csc"), upper, cost)


def refused(solver: Any, options: dict[str, Any]) -> list[str]:
    """Set the options, one thread and no words by default; return those that this build of HiGHS does not take."""
    import highspy  # noqa: PLC0415  (each solver's process loads its own library only)

    settings = {"output_flag": False, "threads": 1} | options
    return [name for name, value in settings.items() if solver.setOptionValue(name, value) != highspy.HighsStatus.kOk]


def loaded(asked: Programme, options: dict[str, Any]) -> Any:
    """Return HiGHS with the programme in it; presolve and everything else not in `options` as it comes."""
    import highspy  # noqa: PLC0415

    n = len(asked.cost)
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = n, asked.rows.shape[0]
    model.col_cost_ = asked.cost
    model.col_lower_, model.col_upper_ = np.zeros(n), np.full(n, 1.0 if asked.whole else highspy.kHighsInf)
    model.row_lower_, model.row_upper_ = np.full(model.num_row_, -highspy.kHighsInf), asked.upper
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    rows = asked.rows
    model.a_matrix_.start_, model.a_matrix_.index_, model.a_matrix_.value_ = rows.indptr, rows.indices, rows.data
    if asked.whole:
        model.integrality_ = [highspy.HighsVarType.kInteger] * n
    solver = highspy.Highs()
    unknown = refused(solver, options)
    if unknown:
        raise ValueError(f"this build of HiGHS does not take: {', '.join(unknown)}")
    solver.passModel(model)
    return solver


def solved(asked: Programme, options: dict[str, Any] | None = None) -> tuple[str, float, Floats]:
    """Return what HiGHS says of its answer, the optimum (minimised) and x."""
    solver = loaded(asked, options or {})
    solver.run()
    status = solver.modelStatusToString(solver.getModelStatus())
    return status, float(solver.getInfo().objective_function_value), np.array(solver.getSolution().col_value)
