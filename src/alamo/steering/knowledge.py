"""What knowing an action's effect would be worth: the reason to go on exploring, in money.

An action that now looks worse than a customer's best one may be better: its value is off by an error that all its
customers share. Were that error known, each customer would get the better of the two, and the expected gain of that
is E[(net + sd · Z − best)⁺] = sd · (φ(z) + z Φ(z)) with z = (net − best) / sd and Z standard normal; gains under one
shared error add up over customers.

Source: Howard (1966), "Information value theory", IEEE Trans. SSC 2(1); the closed form is that of the knowledge
gradient, Frazier, Powell & Dayanik (2008), SIAM J. Control Optim. 47(5), eq. 9.
"""

from __future__ import annotations

import math

import numpy as np

from alamo.numerics.compiled import compiled
from alamo.steering.allocation.kernels import net_of
from alamo.steering.allocation.problem import Problem
from alamo.steering.cells import CellArrays, Floats

_FAR = -8.0
"""Standard deviations beyond which an action is worse for certain."""


def worth_of_knowing(problem: Problem, prices: Floats) -> Floats:
    """Return the net money that perfect knowledge of each action alone would add to a cycle, shape (n_actions,).

    Parameters
    ----------
    problem
        Cells with the part of their standard deviation that customers share; where it is not known, all of it.
    prices
        Scaled prices, shape (m,).
    """
    cells = problem.cells
    sd = cells.value_sd_money
    if cells.shared_sd_money is not None:
        sd = np.minimum(cells.shared_sd_money, sd)
    worth = np.zeros(len(cells.action_ids))
    _add_up(cells.arrays, problem.collapse(prices), sd, worth)
    return worth


@compiled
def _add_up(cells: CellArrays, prices: Floats, sd: Floats, worth: Floats) -> None:
    for i in range(cells.indptr.size - 1):
        group, best, top = cells.group[i], -1, 0.0
        for j in range(cells.indptr[i], cells.indptr[i + 1]):
            net = net_of(cells, prices, group, j)
            if net > top:
                best, top = j, net
        for j in range(cells.indptr[i], cells.indptr[i + 1]):
            net = net_of(cells, prices, group, j)
            if j != best and sd[j] > 0.0 and np.isfinite(net) and (net - top) > _FAR * sd[j]:
                worth[cells.action[j]] += sd[j] * _expected_excess((net - top) / sd[j])


@compiled
def _expected_excess(z: float) -> float:
    """Return E[(z + Z)⁺]."""
    return math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi) + z * 0.5 * math.erfc(-z / math.sqrt(2.0))
