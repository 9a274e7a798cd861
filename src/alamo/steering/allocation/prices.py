"""Prices of the randomised rule: the expected use of softmax, floor and control together meets the bounds.

The floor and the control share only shift the right-hand side: with U the use of a draw by the floor alone, prices
minimise the entropic dual with weights w = 1 − floor − control and bounds b − floor · U.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from alamo.domain.policy import LimitRow, PolicySnapshot, RuleSettings
from alamo.steering.allocation.dual import sample_prices
from alamo.steering.allocation.kernels import Mixture, scan_floor
from alamo.steering.allocation.newton import (
    Evaluation,
    Schedule,
    follow_path,
    newton_step,
    soft_dual,
    soft_slope,
)
from alamo.steering.allocation.problem import Problem
from alamo.steering.cells import Floats

_EXCESS = 1e-6
_CLOSE, _SLOW, _CURVED = 1e-2, 0.3, 1e-3
"""Once rows are missed by less than the first, a Hessian serves as long as a step leaves less than the second of it;
it learns from steps along which the dual is curved by at least the third of what it expects."""
_STEPS, _ROUNDS, _PASSES = 12, 8, 30
_EXACT = 30.0
"""Cells this many temperatures below the best are left out: e⁻³⁰ is 10⁻¹³."""


def mixture_of(problem: Problem, rule: RuleSettings) -> Mixture:
    """Return the mixture of `rule` as the kernels take it."""
    weights = np.array(rule.floor_of(len(problem.cells.action_ids)))
    return Mixture(rule.temperature_money, softmax_share(rule), rule.floor_share, weights)


def softmax_share(rule: RuleSettings) -> float:
    """Return the share of the probability that follows value: 1 − floor − control."""
    return 1.0 - rule.floor_share - rule.control_share


def floor_use(problem: Problem, weights: Floats) -> Floats:
    """Return the scaled use of each row when everybody draws by the floor of `weights` (n_actions,) alone, (m,)."""
    slabs, _, groups, actions = problem.table.shape
    tallies = np.zeros((slabs, groups, actions))
    scan_floor(problem.cells.arrays, problem.weight, weights, tallies)
    return problem.row_use(tallies)


def shifted_problem(problem: Problem, rule: RuleSettings) -> Problem:
    """Return the problem that is left to the softmax: weights 1 − floor − control, bounds less the floor's use."""
    bound = problem.bound - rule.floor_share * floor_use(problem, mixture_of(problem, rule).weights)
    return replace(problem.with_weight(softmax_share(rule)), bound=bound)


def soft_prices(problem: Problem, rule: RuleSettings, start: Floats | None = None) -> Floats:
    """Return scaled prices at which the expected use of `rule` keeps every row to 10⁻⁶ of its bound, shape (m,).

    Parameters
    ----------
    start
        Scaled prices of an earlier cycle (warm start); None, or where they lead nowhere: prices of a sample.
    """
    if softmax_share(rule) <= 0.0 or not problem.m:
        return np.zeros(problem.m)
    tau, target = rule.temperature_money, shifted_problem(problem, rule)
    if start is not None:
        prices, met = _met_by_newton(target, np.clip(start, 0.0, target.ceiling), tau)
        if met:
            return prices
    prices, met = _met_by_newton(target, sample_prices(target, tau), tau)
    for _ in range(_ROUNDS):
        if met:
            break
        prices = follow_path(target, prices, Schedule(tau, tau, tolerance=1e-9, max_passes=_PASSES, cut=_EXACT))
        met = _missed(target, prices, soft_slope(target, prices, tau, _EXACT)[1]) <= _EXCESS
    return prices


def _met_by_newton(problem: Problem, prices: Floats, tau: float) -> tuple[Floats, bool]:
    """Take full Newton steps while they lead down; return the prices, and whether every row is met there.

    A pass that gathers the Hessian takes twice as long as one that does not, so close to the end the last one serves.
    """
    at = soft_dual(problem, prices, tau, _EXACT)
    missed = _missed(problem, prices, at.gradient)
    for _ in range(_STEPS):
        if missed <= _EXCESS:
            break
        step = newton_step(problem, prices, at, max(tau, problem.value_scale))[0]
        moved, close = np.clip(prices + step, 0.0, problem.ceiling), missed <= _CLOSE
        now = _secant(problem, moved, tau, at, step) if close else soft_dual(problem, moved, tau, _EXACT)
        left = _missed(problem, moved, now.gradient)
        if left > missed and now.value > at.value:
            return prices, False
        if close and left > max(_SLOW * missed, _EXCESS):
            now = soft_dual(problem, moved, tau, _EXACT)
        prices, at, missed = moved, now, left
    return prices, missed <= _EXCESS


def _secant(problem: Problem, prices: Floats, tau: float, before: Evaluation, step: Floats) -> Evaluation:
    """Return the dual at `prices`, a `step` from where it was `before`, with the Hessian that the change of slope asks.

    Source: Nocedal & Wright (2006), Numerical Optimization, eq. 6.19 (BFGS).
    """
    value, gradient = soft_slope(problem, prices, tau, _EXACT)
    change, expected = gradient - before.gradient, before.hessian @ step
    hessian, turned, flat = before.hessian, float(step @ change), float(step @ expected)
    if turned > _CURVED * flat > 0.0:
        hessian = hessian + np.outer(change, change) / turned - np.outer(expected, expected) / flat
    return Evaluation(value, gradient, hessian)


def _missed(problem: Problem, prices: Floats, slack: Floats) -> float:
    """Return the scaled use by which rows are over, or priced without being used up in proportion to their price.

    A row whose price is at its ceiling cannot be met, whatever is done; it does not count.
    """
    over = np.where(prices < (1.0 - 1e-9) * problem.ceiling, -slack, 0.0).max(initial=0.0)
    return float(max(over, (prices * slack).max(initial=0.0) / max(prices.max(initial=0.0), 1e-300)))


def warm_start(problem: Problem, rows: tuple[LimitRow, ...], previous: PolicySnapshot | None) -> Floats | None:
    """Return the previous cycle's first prices, matched by limit and side; None without any.

    New limits start at 0, and so do those whose bound has become so large that their scaled price is no number.
    """
    if previous is None or not previous.blocks:
        return None
    known = {(row.limit, row.sign): price for row, price in zip(previous.rows, previous.blocks[0].prices, strict=True)}
    prices = np.array([known.get((row.limit, row.sign), 0.0) for row in rows], dtype=np.float64)
    if not prices.any():
        return None
    with np.errstate(over="ignore"):
        scaled = prices * problem.scale
    return np.where(np.isfinite(scaled), scaled, 0.0)
