"""The floor: the share of every draw that is spread over all eligible actions, by weights beside 1 for none.

It is there for two things. A narrow part keeps every action measurable: that part favours the cheap (`cheap_first`).
Whatever it is wider than that is there to learn, and goes where most is to be learnt for the money (`worth_first`).
"""

from __future__ import annotations

import numpy as np

from alamo.steering.allocation.kernels import scan_exploration
from alamo.steering.allocation.knowledge import worth_first
from alamo.steering.allocation.problem import Problem
from alamo.steering.cells import Floats

_MARGIN_SD = 3.0
_NARROWER = 0.5 ** np.arange(8)
"""What is beyond the least is halved until limits let both through, so that it takes nothing from the least."""


def parts_of(share: float, weights: Floats) -> Floats:
    """Return what none and each action get of a floor where all are open, shape (1 + n_actions,)."""
    beside_none = np.concatenate([np.ones(1), weights])
    return np.asarray(share * beside_none / beside_none.sum())


def floor_of_parts(parts: Floats) -> tuple[float, Floats]:
    """Return the share and the weights (n_actions,) of the floor that `parts` (1 + n_actions,) make up."""
    return float(parts.sum()), parts[1:] / parts[0]


def widened(problem: Problem, prices: Floats, kept: tuple[float, Floats], more: tuple[float, float]) -> Floats:
    """Return the weights (n_actions,) of a floor that is there to measure, once it is made wider to learn.

    Parameters
    ----------
    prices
        Scaled prices, shape (m,).
    kept
        Share and weights of the part that keeps actions measurable.
    more
        Money that the part beyond it may cost, and the most that it may be, a share.
    """
    share, weights = kept
    money, most = more
    if money <= 0.0 or most <= 0.0:
        return weights
    sought = worth_first(problem, prices)
    lost = floor_loss(problem, prices, sought)
    beyond = min(money / lost, most) if lost > 0.0 else most
    for narrower in _NARROWER:
        floor, wider = floor_of_parts(parts_of(share, weights) + parts_of(narrower * beyond, sought))
        if affordable_floor(problem, floor, wider)[0] >= floor:
            return wider
    return weights


def affordable_floor(problem: Problem, wanted: float, weights: Floats) -> tuple[float, str | None]:
    """Return the floor share that stays within every maximum with three standard deviations to spare, and what cut it.

    With U the use and V the squared use of a draw by the floor of `weights` (n_actions,) alone,
    floor · U + 3 √(floor · V) ≤ b is solved for the floor.
    """
    floor, by = wanted, None
    cells = problem.cells
    owner = cells.owner()
    weight = weights[cells.action]
    share = weight / (1.0 + np.bincount(owner, weight, cells.n)[owner])
    columns = np.concatenate([np.ones((1, cells.n_cells)), cells.uses.T])
    for r in np.flatnonzero((problem.bound >= 0) & ~problem.balances):
        use = np.zeros(cells.n_cells)
        for c in np.flatnonzero(problem.table[:, r].any(axis=(1, 2))):
            use += problem.table[c, r, cells.units.group[owner], cells.action] * columns[c]
        mean, square = float(share @ use), float(share @ (use * use))
        if mean <= 0:
            continue
        spread = _MARGIN_SD * square**0.5
        root = ((spread**2 + 4.0 * mean * problem.bound[r]) ** 0.5 - spread) / (2.0 * mean)
        if root**2 < floor:
            floor, by = float(root**2), problem.names[r]
    return floor, by


def floor_loss(problem: Problem, prices: Floats, weights: Floats) -> float:
    """Return the net money lost by drawing everybody by the floor of `weights` (n_actions,) alone."""
    return losses(problem, prices, weights, np.zeros(0))[0]


def losses(problem: Problem, prices: Floats, weights: Floats, temperatures: Floats) -> list[float]:
    """Return the net money lost by a draw by the floor alone, then by a softmax at each temperature."""
    sums = np.zeros(2 + len(temperatures))
    scan_exploration(problem.cells.arrays, problem.collapse(prices), weights, temperatures, sums)
    return [float(sums[0] - total) for total in sums[1:]]
