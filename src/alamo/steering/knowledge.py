"""What knowing an action's effect would be worth, and what a look at it costs: the reasons to explore, in money.

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
_WIDEST = 3.0
"""No action gets more than this times, or less than one over this times, what none gets of the floor."""


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


def cheap_first(problem: Problem, prices: Floats) -> Floats:
    """Return weights of the actions in the floor beside 1 for none: the dearer a draw, the fewer, shape (n_actions,).

    A draw costs what the customer's best would have brought more, prices included. With equal outcome variance the
    variance of all effects together is least, for the money, with draws in proportion to one over the root of the cost.

    Source: Cochran (1977), "Sampling techniques", §5.5, eq. 5.21 (optimum allocation under unequal costs).
    """
    cells = problem.cells
    count, lost = np.zeros(1 + len(cells.action_ids)), np.zeros(1 + len(cells.action_ids))
    _add_losses(cells.arrays, problem.collapse(prices), count, lost)
    cost = lost / np.maximum(count, 1.0)
    if cost[0] <= 0.0:
        return np.ones(len(cells.action_ids))
    ratio = np.sqrt(cost[0] / np.maximum(cost[1:], cost[0] / _WIDEST**2))
    return np.where(count[1:] > 0.0, np.maximum(ratio, 1.0 / _WIDEST), 1.0)


@compiled
def _add_losses(cells: CellArrays, prices: Floats, count: Floats, lost: Floats) -> None:
    """Add up the customers and what is lost by drawing none (place 0) and each action (place 1 + its index)."""
    for i in range(cells.indptr.size - 1):
        first, last, top = cells.indptr[i], cells.indptr[i + 1], 0.0
        for j in range(first, last):
            top = max(top, net_of(cells, prices, cells.group[i], j))
        count[0] += 1.0
        lost[0] += top
        for j in range(first, last):
            count[1 + cells.action[j]] += 1.0
            lost[1 + cells.action[j]] += top - net_of(cells, prices, cells.group[i], j)


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
