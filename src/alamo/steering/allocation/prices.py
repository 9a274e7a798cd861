"""Prices of the randomised rule: the expected use of softmax, floor and control together meets the bounds.

The floor and the control share only shift the right-hand side: with U the use of a draw by the floor alone, prices
minimise the entropic dual with weights w = 1 − floor − control and bounds b − floor · U.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from alamo.domain.policy import LimitRow, PolicySnapshot, RuleSettings
from alamo.steering.allocation.dual import sample_prices
from alamo.steering.allocation.kernels import Mixture
from alamo.steering.allocation.newton import Schedule, follow_path, mixed_sums
from alamo.steering.allocation.problem import Problem
from alamo.steering.cells import Floats

_EXCESS = 1e-6
_ROUNDS = 8


def mixture_of(problem: Problem, rule: RuleSettings) -> Mixture:
    """Return the mixture of `rule` as the kernels take it."""
    weights = np.array(rule.floor_of(len(problem.cells.action_ids)))
    return Mixture(rule.temperature_money, softmax_share(rule), rule.floor_share, weights)


def softmax_share(rule: RuleSettings) -> float:
    """Return the share of the probability that follows value: 1 − floor − control."""
    return 1.0 - rule.floor_share - rule.control_share


def floor_use(problem: Problem, weights: Floats) -> Floats:
    """Return the scaled use of each row when everybody draws by the floor of `weights` (n_actions,) alone, (m,)."""
    return problem.row_use(mixed_sums(problem, np.zeros(problem.m), Mixture(1.0, 0.0, 1.0, weights)).tallies)


def shifted_problem(problem: Problem, rule: RuleSettings) -> Problem:
    """Return the problem that is left to the softmax: weights 1 − floor − control, bounds less the floor's use."""
    bound = problem.bound - rule.floor_share * floor_use(problem, mixture_of(problem, rule).weights)
    return replace(problem.with_weight(softmax_share(rule)), bound=bound)


def soft_prices(problem: Problem, rule: RuleSettings, start: Floats | None = None) -> Floats:
    """Return scaled prices at which the expected use of `rule` keeps every row to 10⁻⁶ of its bound, shape (m,).

    Parameters
    ----------
    start
        Scaled prices of an earlier cycle (warm start); None: prices of a sample.
    """
    if softmax_share(rule) <= 0.0 or not problem.m:
        return np.zeros(problem.m)
    tau, target = rule.temperature_money, shifted_problem(problem, rule)
    if start is None:
        prices = sample_prices(target, tau)
    else:
        prices = follow_path(target, start, Schedule(tau, tau, tolerance=0.1))
    polish = Schedule(tau, tau, tolerance=1e-9, max_passes=30)
    for _ in range(_ROUNDS):
        used = problem.row_use(mixed_sums(problem, prices, mixture_of(problem, rule)).tallies)
        if (used - problem.bound).max() <= _EXCESS and (prices * (problem.bound - used)).max() <= _EXCESS:
            break
        prices = follow_path(target, prices, polish)
    return prices


def warm_start(problem: Problem, rows: tuple[LimitRow, ...], previous: PolicySnapshot | None) -> Floats | None:
    """Return the previous cycle's first prices, matched by limit and side; new limits start at 0; None without any."""
    if previous is None or not previous.blocks:
        return None
    known = {(row.limit, row.sign): price for row, price in zip(previous.rows, previous.blocks[0].prices, strict=True)}
    prices = np.array([known.get((row.limit, row.sign), 0.0) for row in rows], dtype=np.float64)
    return prices * problem.scale if prices.any() else None
