"""What a limit is worth as a function of its bound: the price, how far it holds, and where it ends.

The optimal value V(b) is the minimum over prices λ of F(λ) + λ·b, F the part of the entropic dual without bounds. So V
is concave in b, λ_r is its slope in b_r, and every price that was ever computed gives an upper bound of all of V. A
curve solves for a handful of bounds, each from the prices of the one before, and takes the least of all those bounds:
concave by construction, whatever accuracy the single solutions have.

Source: Bertsimas & Tsitsiklis (1997), "Introduction to Linear Optimization", §5.2 (the optimal cost as a function of
the right-hand side) and §5.5 (parametric programming).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from alamo.steering.allocation.dual import head
from alamo.steering.allocation.kernels import Mixture
from alamo.steering.allocation.newton import Schedule, follow_path, mixed_sums
from alamo.steering.allocation.problem import Problem
from alamo.steering.cells import Floats

_SAMPLE = 40_000
_TIGHTER, _WIDER = (0.25, 0.5, 0.75, 0.9), (0.1, 0.25, 0.5, 0.75, 1.0)
_LEAST_TEMPERATURE, _PASSES = 3e-3, 40
_OUT_OF_REACH, _SLACK = 0.5, 1e-6


@dataclass(frozen=True, slots=True)
class Point:
    """One bound of a curve, as what it adds to today's.

    Attributes
    ----------
    more
        Units of use that the row gives way beyond its bound; negative: it is tightened.
    value_money
        What that adds to the optimal value.
    price
        Money per unit there.
    """

    more: float
    value_money: float
    price: float


@dataclass(frozen=True, slots=True)
class Curve:
    """The value of one row as a function of its bound.

    Attributes
    ----------
    points
        In ascending order of `more`; today's bound is the one with 0.
    step, step_money, step_sd_money
        Units of the step, what they add, and the posterior standard deviation of that, given the scores'.
    steady
        Units beyond the bound up to which a unit is worth at least three quarters of today's price.
    idle
        Units beyond the bound from which on a further unit is worth nothing.
    lifted_money
        What the limit costs in all: what the plan would bring more without it.
    """

    points: tuple[Point, ...]
    step: float
    step_money: float
    step_sd_money: float
    steady: float
    idle: float
    lifted_money: float


@dataclass(frozen=True, slots=True, eq=False)
class _Solved:
    """Prices, the dual's part without bounds at them, expected use by column, group and action, and of each row."""

    prices: Floats
    rest: float
    tallies: Floats
    use: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Valuer:
    """Solves one problem for other bounds, on a sample of its customers.

    Attributes
    ----------
    problem
        A sample, with bounds in proportion.
    times
        Customers that one of the sample stands for.
    temperature
        Of the softmax, money.
    sd_money
        Mean standard deviation that the customers of a group and action share, shape (n_groups, n_actions).
    today
        The solution at today's bounds.
    """

    problem: Problem
    times: float
    temperature: float
    sd_money: Floats
    today: _Solved

    def at(self, bound: Floats, start: Floats) -> _Solved:
        """Return the solution at the scaled bounds `bound`, from the prices `start`."""
        return _solve(replace(self.problem, bound=bound), start, self.temperature)


def valuer(problem: Problem, prices: Floats, temperature: float) -> Valuer:
    """Return what solves `problem` for other bounds, from its scaled `prices` and temperature (money)."""
    part = head(problem, _SAMPLE)
    tau = max(temperature, _LEAST_TEMPERATURE * problem.value_scale)
    today = _solve(part, prices, tau)
    return Valuer(part, float(problem.weight.sum() / max(part.weight.sum(), 1e-300)), tau, _mean_sd(part), today)


def value_curve(valued: Valuer, row: int, step_units: float) -> Curve:
    """Return the curve of `row`, and what `step_units` more of it would bring.

    Where the limit is slack the curve is flat, and has today's point alone. A point out of reach of the other limits is
    left out.
    """
    problem, today = valued.problem, valued.today
    if today.prices[row] * max(abs(problem.bound[row]), problem.unit[row]) <= _SLACK * problem.value_scale:
        return Curve((Point(0.0, 0.0, 0.0),), step_units, 0.0, 0.0, 0.0, 0.0, 0.0)
    free = valued.at(_moved(problem, row, _everything(problem, row)), np.where(_only(problem, row), 0.0, today.prices))
    idle = max(float(free.use[row] - problem.bound[row]), 0.0)
    step = step_units / float(problem.scale[row] * valued.times)
    tighter = [-share * abs(problem.bound[row]) for share in _TIGHTER] if problem.sign[row] > 0 else []
    solved: dict[float, _Solved] = {0.0: today}
    for shifts in (tighter, sorted({step, *(share * idle for share in _WIDER)})):
        start = today.prices
        for shift in shifts:
            found = valued.at(_moved(problem, row, shift), start)
            if (found.prices >= _OUT_OF_REACH * problem.ceiling).any():
                break
            solved[shift], start = found, found.prices
    known = (*solved.values(), free)
    return _told(valued, row, solved, known, (step, idle))


def _told(
    valued: Valuer,
    row: int,
    solved: dict[float, _Solved],
    known: tuple[_Solved, ...],
    ends: tuple[float, float],
) -> Curve:
    """Return the curve in units and money."""
    problem, (step, idle) = valued.problem, ends
    units, times = float(problem.scale[row]) * valued.times, valued.times
    now = _least(problem, row, 0.0, known)[0]
    points = []
    for shift in sorted(solved):
        value, price = _least(problem, row, shift, known)
        points.append(Point(float(shift * units), (value - now) * times, float(price / problem.scale[row])))
    lifted = _least(problem, row, max(idle, step), known)[0] - now
    stepped = solved.get(step, known[-1])
    changed = (stepped.tallies[0] - valued.today.tallies[0]) * valued.sd_money
    return Curve(
        points=tuple(points),
        step=step * units,
        step_money=(_least(problem, row, step, known)[0] - now) * times,
        step_sd_money=float(np.sqrt((changed.sum(axis=0) ** 2).sum())) * times,
        steady=_steady(points),
        idle=idle * units,
        lifted_money=max(lifted * times, 0.0),
    )


def _least(problem: Problem, row: int, shift: float, known: tuple[_Solved, ...]) -> tuple[float, float]:
    """Return the least upper bound of the value at a shifted bound, and the price that gives it."""
    bound = _moved(problem, row, shift)
    value, price = min((solved.rest + float(solved.prices @ bound), float(solved.prices[row])) for solved in known)
    return value, price


def _steady(points: list[Point]) -> float:
    """Return where the price, drawn as a line between points, falls below three quarters of today's."""
    wider = [point for point in points if point.more >= 0.0]
    least = 0.75 * wider[0].price
    for left, right in pairwise(wider):
        if right.price < least:
            share = (left.price - least) / max(left.price - right.price, 1e-300)
            return left.more + share * (right.more - left.more)
    return wider[-1].more


def round_tenth(size: float) -> float:
    """Return about a tenth of `size`, as 1, 2 or 5 times a power of ten."""
    tenth = max(0.1 * size, 1e-12)
    power = 10.0 ** np.floor(np.log10(tenth))
    return float(power * max(step for step in (1.0, 2.0, 5.0) if step * power <= tenth * (1 + 1e-9)))


def _moved(problem: Problem, row: int, shift: float) -> Floats:
    return problem.bound + np.where(_only(problem, row), shift, 0.0)


def _only(problem: Problem, row: int) -> Floats:
    return np.asarray(np.arange(problem.m) == row)


def _everything(problem: Problem, row: int) -> float:
    """Return a bound beyond the use of any plan: that of all cells at once."""
    return float(np.abs(problem.cell_use(np.arange(problem.cells.n_cells), problem.cells.owner())[:, row]).sum() + 1.0)


def _solve(problem: Problem, start: Floats, tau: float) -> _Solved:
    prices = follow_path(problem, start, Schedule(tau, tau, tolerance=1e-3, max_passes=_PASSES))
    sums = mixed_sums(problem, prices, Mixture(tau, 1.0))
    return _Solved(prices, float(sums.total[0]), sums.tallies, problem.row_use(sums.tallies))


def _mean_sd(problem: Problem) -> Floats:
    """Return the mean shared standard deviation by group and action; 0 where nobody has one."""
    cells = problem.cells
    sd = cells.value_sd_money if cells.shared_sd_money is None else cells.shared_sd_money
    shape = problem.table.shape[2:]
    at = np.ravel_multi_index((cells.units.group[cells.owner()], cells.action), shape)
    count, total = (np.bincount(at, weights, shape[0] * shape[1]) for weights in (None, sd))
    return np.asarray((total / np.maximum(count, 1.0)).reshape(shape))
