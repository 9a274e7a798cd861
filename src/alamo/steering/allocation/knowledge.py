"""What knowing the other actions' effects would be worth, and what a look at each costs: why to explore, in money.

An action that now looks worse than a customer's best one may be better: its value is off by an error that all its
customers share. Were that error known, each customer would get the better of the two, and the expected gain of that
is E[(net + sd · Z − best)⁺] = sd · (φ(z) + z Φ(z)) with z = (net − best) / sd and Z standard normal; gains under one
shared error add up over customers. A look is the better spent the more there is to gain for what it costs.

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
_RANGE = 3.0
"""The cheapest action gets at most this times the dearest one's part of the floor; the one most worth a look at most
the square of it times that of one with nothing to learn of."""


def worth_of_knowing(problem: Problem, prices: Floats) -> float:
    """Return the net money that knowing the actions which now look worse would add to a cycle, about.

    Each customer counts for the one action that promises most, which is less than knowing all of them is worth; prices
    stay as they are, which is more than limits let through where many would switch at once. The best action itself is
    left out: it is drawn, and so measured, without a floor.

    Parameters
    ----------
    problem
        Cells with the part of their standard deviation that customers share; where it is not known, all of it.
    prices
        Scaled prices, shape (m,).
    """
    return _worth(problem, prices)[0]


def worth_first(problem: Problem, prices: Floats) -> Floats:
    """Return weights of the actions in a floor that is there to learn beside 1 for none, shape (n_actions,).

    The error of an effect falls with 1/n, and with it what the error may cost, in proportion to what knowing the action
    is worth. So the sum of these losses is least, for the money, with draws in proportion to the root of worth over
    cost. The action most worth a look counts as much as none; one of which nothing is to be gained a ninth of it. Where
    that holds for all of them, the weights are those of `cheap_first`.

    Source: Cochran (1977), "Sampling techniques", §5.5, eq. 5.21, with a stratum's worth in place of its W²S².
    """
    _, worth = _worth(problem, prices)
    if not worth.any():
        return cheap_first(problem, prices)
    nil = 1e-300 * max(float(worth.max()), 1.0)  # where no draw costs anything; worth over it stays a number
    ratio = np.sqrt(worth / np.maximum(_cost_of_a_draw(problem, prices), nil))
    return np.maximum(ratio / ratio.max(), 1.0 / _RANGE**2)


def cheap_first(problem: Problem, prices: Floats) -> Floats:
    """Return weights of the actions in the floor beside 1 for none: the dearer a draw, the fewer, shape (n_actions,).

    A draw costs what the customer's best would have brought more, prices included. With equal outcome variance the
    variance of all effects together is least, for the money, with draws in proportion to one over the root of the cost.
    The cheapest action counts as much as none.

    Source: Cochran (1977), "Sampling techniques", §5.5, eq. 5.21 (optimum allocation under unequal costs).
    """
    cost = _cost_of_a_draw(problem, prices)
    weights = np.ones(len(cost))
    drawn = cost > 0.0
    if drawn.any():
        weights[drawn] = np.sqrt(cost[drawn].min() / cost[drawn])
    return weights


def _cost_of_a_draw(problem: Problem, prices: Floats) -> Floats:
    """Return what drawing an action loses on average, at least a ninth of the dearest's; 0 if open to nobody."""
    cells = problem.cells
    count, lost = np.zeros(len(cells.action_ids)), np.zeros(len(cells.action_ids))
    _add_losses(cells.arrays, problem.collapse(prices), count, lost)
    cost = lost / np.maximum(count, 1.0)
    return np.where(count > 0.0, np.maximum(cost, cost.max(initial=0.0) / _RANGE**2), 0.0)


def _worth(problem: Problem, prices: Floats) -> tuple[float, Floats]:
    """Return what knowing is worth, and what knowing each action alone would be, shape (n_actions,)."""
    cells = problem.cells
    sd = cells.value_sd_money
    if cells.shared_sd_money is not None:
        sd = np.minimum(cells.shared_sd_money, sd)
    alone = np.zeros(len(cells.action_ids))
    return float(_excess(cells.arrays, problem.collapse(prices), sd, alone)), alone


@compiled
def _best(cells: CellArrays, prices: Floats, i: int) -> tuple[int, float]:
    """Return the cell of the highest net value, −1 for none, and that value."""
    best, top = -1, 0.0
    for j in range(cells.indptr[i], cells.indptr[i + 1]):
        net = net_of(cells, prices, cells.group[i], j)
        if net > top:
            best, top = j, net
    return best, top


@compiled
def _add_losses(cells: CellArrays, prices: Floats, count: Floats, lost: Floats) -> None:
    """Add up, by action, the customers and what they lose by drawing it."""
    for i in range(cells.indptr.size - 1):
        _, top = _best(cells, prices, i)
        for j in range(cells.indptr[i], cells.indptr[i + 1]):
            count[cells.action[j]] += 1.0
            lost[cells.action[j]] += top - net_of(cells, prices, cells.group[i], j)


@compiled
def _excess(cells: CellArrays, prices: Floats, sd: Floats, alone: Floats) -> float:
    """Return the sum over customers of the largest expected excess of an action over the best; add each to `alone`."""
    total = 0.0
    for i in range(cells.indptr.size - 1):
        best, top = _best(cells, prices, i)
        most = 0.0
        for j in range(cells.indptr[i], cells.indptr[i + 1]):
            gap = net_of(cells, prices, cells.group[i], j) - top
            if j != best and sd[j] > 0.0 and gap > _FAR * sd[j]:
                excess = sd[j] * _expected_excess(gap / sd[j])
                alone[cells.action[j]] += excess
                most = max(most, excess)
        total += most
    return total


@compiled
def _expected_excess(z: float) -> float:
    """Return E[(z + Z)⁺]."""
    return math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi) + z * 0.5 * math.erfc(-z / math.sqrt(2.0))
