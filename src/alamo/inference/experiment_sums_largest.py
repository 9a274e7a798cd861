"""How much the largest outcome of an experiment matters, from the sums of its cells: the effect once more without it.

Assumes outcomes of at least 0. *Not supported*: outcomes below 0, of which sums do not tell the absolute total.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from alamo.inference.experiment_result import LargestUnit
from alamo.inference.experiment_sums import OutcomeSums, SumsAnswer, pooled_without_segments
from alamo.inference.experiment_tails import Largest, largest_row
from alamo.numerics.cell_sums import CellSums

Floats = npt.NDArray[np.float64]


def largest_in_sums(data: OutcomeSums, answer: SumsAnswer, level: float) -> list[LargestUnit]:
    """Return how much the largest outcome matters to each effect; none for flags, and where an effect was refused."""
    found = []
    for arm, part in enumerate(answer.answers, start=1):
        cell = None if part.pooled is None else _largest_cell(data, arm)
        if cell is None:
            continue
        cells = data.grid.cells
        rest = replace(data, grid=replace(data.grid, cells=_without_most(cells, cell)))
        without = pooled_without_segments(rest, arm, level, by_segment=answer.by_segment)
        if without is not None:
            value, k = float(cells.most[cell]), len(cells) // len(data.arms)
            total = float((cells.n * cells.mean)[_compared(data, arm)].sum())
            largest = Largest(data.arms[cell // k], value, value / total)
            found.append(largest_row((data.arms[arm], data.outcome), largest, without.estimate))
    return found


def _compared(data: OutcomeSums, arm: int) -> npt.NDArray[np.int64]:
    """Return the places of the cells of control and an action."""
    k = len(data.grid.cells) // len(data.arms)
    return np.concatenate([np.arange(k), np.arange(arm * k, (arm + 1) * k)])


def _largest_cell(data: OutcomeSums, arm: int) -> int | None:
    """Return the cell with the largest outcome; None below 0, and where every outcome is 0 or the largest (a flag)."""
    places = _compared(data, arm)
    cells = data.grid.cells.take(places)
    most = float(cells.most.max())
    total, events = float((cells.n * cells.mean).sum()), float(cells.nonzero.sum())
    if cells.least.min() < 0.0 or np.isclose(total, events * most, rtol=1e-9):
        return None
    return int(places[int(cells.most.argmax())])


def _without_most(cells: CellSums, cell: int) -> CellSums:
    """Return the cells without the largest number of one; what is then largest there is not known and stays."""
    n, mean, most = float(cells.n[cell]), float(cells.mean[cell]), float(cells.most[cell])
    left = max(n - 1.0, 1.0)
    changed = {
        "n": n - 1.0,
        "mean": mean - (most - mean) / left if n > 1.0 else 0.0,
        "scatter": max(float(cells.scatter[cell]) - (most - mean) ** 2 * n / left, 0.0),
        "nonzero": float(cells.nonzero[cell]) - (most != 0.0),
    }
    return replace(cells, **{name: _changed(getattr(cells, name), cell, value) for name, value in changed.items()})


def _changed(values: Floats, place: int, value: float) -> Floats:
    copy = values.copy()
    copy[place] = value
    return copy
