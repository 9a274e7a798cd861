"""Pacing: draw in hashed blocks and re-price between blocks, so that the realised use stays on its way to the bounds.

Prices keep limits in expectation only, and a draw is not an expectation. Before each block one small quadratic
programme moves the prices by what the draws so far were off, keeping room for the spread of one block. It holds near
the first prices; where there are minima, which no stop protects, and prices have to move far, Newton steps over the
customers ahead carry on from it. Prices of a block depend on earlier draws only, so its logged probabilities stay
exact; the hard stop of the rule is the backstop.
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
from alamo.steering.cells import Flags, Floats
from alamo.steering.limits import LimitTables
from alamo.steering.repricing import Answer, Target, answer_of, ridge_of

LEAST_BLOCK, MOST_BLOCKS = 1_000, 50
"""Customers a block should have at least (smaller ones break minimums), and the most blocks."""
_MARGIN_SD = 3.0
_NEAR, _KEPT = 0.25, 0.5
"""Prices that move by at most this part of themselves need nothing but the quadratic programme; and the
part of what later blocks are expected to use that the earlier ones must leave, where a minimum counts on it."""


def block_count(n: int) -> int:
    """Return into how many blocks `n` customers are cut."""
    return max(1, min(MOST_BLOCKS, n // LEAST_BLOCK))


def block_bounds(n: int, n_blocks: int) -> list[tuple[int, int]]:
    """Return the half-open range of customers of each block, in salted-hash order."""
    cuts = [n * b // n_blocks for b in range(n_blocks + 1)]
    return list(pairwise(cuts))


@dataclass(frozen=True, slots=True, eq=False)
class Pacer:
    """What re-pricing needs.

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
    variance
        Of the scaled use of everybody at the first prices, shape (m,).
    hessian
        Change of expected use with prices over all customers, shape (m, m).
    feeds_minimum
        Rows with a stop whose actions a minimum counts on, shape (m,).
    answer
        How customers ahead answer to prices; None where nobody follows value, and where there is no minimum.
    """

    prices: Floats
    scale: Floats
    ceiling: Floats
    ahead: Floats
    margin: Floats
    variance: Floats
    hessian: Floats
    feeds_minimum: Flags
    answer: Answer | None

    def prices_for(self, block: int, remaining: Floats) -> Floats:
        """Return the prices of `block` (money per unit of use), given what is left of each row in units, shape (m,)."""
        if not self.hessian.any():
            return self.prices / self.scale
        left = 1.0 - block / len(self.ahead)
        slack = remaining / self.scale - self.margin - self.ahead[block]
        room = np.minimum(3.0 * self.prices + 0.05 * self.ceiling, self.ceiling - self.prices)
        step = minimise_box_quadratic(left * self.hessian, slack, -self.prices, np.maximum(room, 0.0))
        prices = self.prices + step
        if self.answer is not None and (np.abs(step) > _NEAR * self.prices).any():
            start = block_bounds(self.answer.problem.n, len(self.ahead))[block][0]
            target = Target(start, slack, self.margin, self.prices + np.maximum(room, 0.0))
            prices = self.answer.prices_for(target, self.prices, prices)
        return prices / self.scale

    def kept_for_later(self, block: int) -> Floats:
        """Return what `block` must leave of each row to later blocks, in units, shape (m,).

        A few dear draws could use up a budget long before the end, and no cheap one would fit any more that a minimum
        counts on. So a part of what later blocks are expected to use is out of reach, in rows that feed a minimum.
        """
        if block + 1 >= len(self.ahead):
            return np.zeros(len(self.scale))
        return np.where(self.feeds_minimum, _KEPT * np.maximum(self.ahead[block + 1], 0.0) * self.scale, 0.0)


def pace(problem: Problem, prices: Floats, rule: RuleSettings, n_blocks: int) -> Pacer:
    """Return the pacer of `problem` under `rule`, starting from scaled `prices`."""
    mixture = mixture_of(problem, rule)
    per_block = [
        problem.row_use(mixed_sums(problem.span(start, stop), prices, mixture).tallies)
        for start, stop in block_bounds(problem.n, n_blocks)
    ]
    ahead = np.cumsum(np.array(per_block).reshape(n_blocks, problem.m)[::-1], axis=0)[::-1]
    spread = np.diag(contract(problem, mixed_sums(problem, prices, mixture, covariance=True).covariance))
    variance = np.maximum(spread, 0.0)
    margin = _MARGIN_SD * np.sqrt(variance / n_blocks)
    return Pacer(
        prices=prices,
        scale=problem.scale,
        ceiling=problem.ceiling,
        ahead=np.ascontiguousarray(ahead),
        margin=margin,
        variance=variance,
        hessian=_response(problem, prices, rule),
        feeds_minimum=_feeds_minimum(problem),
        answer=answer_of(problem, rule),
    )


def _feeds_minimum(problem: Problem) -> Flags:
    """Return which rows without a minimum of their own count an action that a minimum counts, shape (m,)."""
    rows = np.moveaxis(problem.table, 1, 0)
    used, asked = np.any(rows > 0.0, axis=1), np.any(rows < 0.0, axis=1)
    minimum = np.any(asked, axis=(1, 2))
    wanted = np.any(asked[minimum], axis=0)
    return np.asarray(~minimum & np.any(used & wanted, axis=(1, 2)))


def _response(problem: Problem, prices: Floats, rule: RuleSettings) -> Floats:
    """Return the Hessian of the soft dual with a ridge, so that a row nobody reacts to does not send its price away."""
    share = softmax_share(rule)
    if share <= 0.0 or not problem.m:
        return np.zeros((problem.m, problem.m))
    hessian = soft_dual(problem.with_weight(share), prices, rule.temperature_money).hessian
    return np.asarray(hessian + np.diag(ridge_of(problem, share, problem.n) + 1e-9 * np.diag(hessian)))


@dataclass(frozen=True, slots=True)
class NarrowRange:
    """A minimum and a maximum of the same use by the same actions, too close together to be drawn between.

    Attributes
    ----------
    minimum, maximum
        Names of the two limits, the same where one limit has both.
    apart, needed
        How far apart they are and how far they should be, in units of use.
    """

    minimum: str
    maximum: str
    apart: float
    needed: float

    def complaint(self) -> str:
        """Return what is wrong and what to do about it, in words."""
        one = f"the minimum and the maximum of {self.minimum!r}"
        two = f"the minimum of {self.minimum!r} and the maximum of {self.maximum!r}"
        return (
            f"{one if self.minimum == self.maximum else two} are {self.apart:,.6g} apart, and a draw needs "
            f"{self.needed:,.6g} between them: the minimum may be missed; widen them in limits.toml, then: alamo steer"
        )


def narrow_ranges(tables: LimitTables, pacer: Pacer) -> tuple[NarrowRange, ...]:
    """Return the minima whose maximum over the same use is closer than the spread of a block on both sides."""
    room = pacer.margin * pacer.scale
    found = []
    for low in np.flatnonzero(~tables.hard):
        for high in np.flatnonzero(tables.hard & (tables.column == tables.column[low])):
            if not np.array_equal(tables.coefficient[high], -tables.coefficient[low]):
                continue
            apart, needed = float(tables.bound[high] + tables.bound[low]), float(room[high] + room[low])
            if apart < needed:
                found.append(NarrowRange(tables.rows[low].limit, tables.rows[high].limit, apart, needed))
    return tuple(found)
