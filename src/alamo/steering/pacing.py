"""Pacing: draw in hashed blocks and re-price between blocks, so that the realised use stays on its way to the bounds.

Prices keep limits in expectation only, and a draw is not an expectation. Before each block one small quadratic
programme moves the prices by what the draws so far were off, keeping room for the spread of one block. Prices of a
block depend on earlier draws only, so its logged probabilities stay exact; the hard stop of the rule is the backstop.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from alamo.domain.policy import RuleSettings
from alamo.numerics.box_qp import minimise_box_quadratic
from alamo.steering.allocation.newton import contract, mixed_sums, soft_dual
from alamo.steering.allocation.prices import mixture_of, softmax_share
from alamo.steering.allocation.problem import Problem
from alamo.steering.cells import Floats

LEAST_BLOCK, MOST_BLOCKS = 1_000, 50
"""Customers a block should have at least (smaller ones break minimums), and the most blocks."""
_MARGIN_SD = 3.0
_RIDGE = 1e-3


def block_count(n: int) -> int:
    """Return into how many blocks `n` customers are cut."""
    return max(1, min(MOST_BLOCKS, n // LEAST_BLOCK))


def block_bounds(n: int, n_blocks: int) -> list[tuple[int, int]]:
    """Return the half-open range of customers of each block, in salted-hash order."""
    cuts = [n * b // n_blocks for b in range(n_blocks + 1)]
    return list(pairwise(cuts))


@dataclass(frozen=True, slots=True, eq=False)
class Pacer:
    """What re-pricing needs; nothing is scanned twice.

    Attributes
    ----------
    prices
        Scaled prices at the start, shape (m,).
    scale, ceiling
        Of the problem, shape (m,).
    ahead
        Expected scaled use of block b and all later ones at the first prices, shape (n_blocks, m).
    margin
        Scaled room kept for the spread of one block, shape (m,).
    hessian
        Change of expected use with prices over all customers, shape (m, m).
    """

    prices: Floats
    scale: Floats
    ceiling: Floats
    ahead: Floats
    margin: Floats
    hessian: Floats

    def prices_for(self, block: int, remaining: Floats) -> Floats:
        """Return the prices of `block` (money per unit of use), given what is left of each row in units, shape (m,)."""
        if not self.hessian.any():
            return self.prices / self.scale
        left = 1.0 - block / len(self.ahead)
        slack = remaining / self.scale - self.margin - self.ahead[block]
        room = np.minimum(3.0 * self.prices + 0.05 * self.ceiling, self.ceiling - self.prices)
        step = minimise_box_quadratic(left * self.hessian, slack, -self.prices, np.maximum(room, 0.0))
        return (self.prices + step) / self.scale


def pace(problem: Problem, prices: Floats, rule: RuleSettings, n_blocks: int) -> Pacer:
    """Return the pacer of `problem` under `rule`, starting from scaled `prices`."""
    mixture = mixture_of(problem, rule)
    per_block = [
        problem.row_use(mixed_sums(problem.span(start, stop), prices, mixture).tallies)
        for start, stop in block_bounds(problem.n, n_blocks)
    ]
    ahead = np.cumsum(np.array(per_block).reshape(n_blocks, problem.m)[::-1], axis=0)[::-1]
    spread = np.diag(contract(problem, mixed_sums(problem, prices, mixture, covariance=True).covariance))
    margin = _MARGIN_SD * np.sqrt(np.maximum(spread, 0.0) / n_blocks)
    return Pacer(
        prices=prices,
        scale=problem.scale,
        ceiling=problem.ceiling,
        ahead=np.ascontiguousarray(ahead),
        margin=margin,
        hessian=_response(problem, prices, rule),
    )


def _response(problem: Problem, prices: Floats, rule: RuleSettings) -> Floats:
    """Return the Hessian of the soft dual with a ridge, so that a row nobody reacts to does not send its price away."""
    share = softmax_share(rule)
    if share <= 0.0 or not problem.m:
        return np.zeros((problem.m, problem.m))
    hessian = soft_dual(problem.with_weight(share), prices, rule.temperature_money).hessian
    ridge = _RIDGE * share * problem.n * problem.unit**2 / problem.value_scale
    return np.asarray(hessian + np.diag(ridge + 1e-9 * np.diag(hessian)))
