"""Re-pricing far from the first prices: Newton steps on the customers who come next.

The quadratic programme of a block knows how use answers to prices at the first prices only. A budget that a few dear
draws have used up may have to cost twice as much for the rest of the cycle, and a minimum over the same actions has to
pay against that; a straight line then misses both. What everybody ahead uses at the first prices is known. By how much
it changes is asked of the next customers, who stand for all that are to come; in the last blocks they are all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from alamo.domain.policy import RuleSettings
from alamo.numerics.box_qp import minimise_box_quadratic
from alamo.steering.allocation.kernels import Mixture
from alamo.steering.allocation.newton import Evaluation, mixed_sums, soft_dual
from alamo.steering.allocation.prices import softmax_share
from alamo.steering.allocation.problem import Problem
from alamo.steering.cells import Floats

_ASKED = 2_000
_RIDGE = 1e-3
_CLOSE, _STEPS, _HALVINGS = 0.3, 3, 5
"""Use is close enough at this part of the room kept for a block; the most steps, and the most halvings of one."""


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """What the prices of a block are to reach.

    Attributes
    ----------
    start
        First customer of the block.
    slack
        Scaled use that would still be free if everybody ahead decided at the first prices, shape (m,).
    margin
        Scaled room kept for the spread of one block, shape (m,).
    highest
        The highest scaled prices allowed, shape (m,).
    """

    start: int
    slack: Floats
    margin: Floats
    highest: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """How customers answer to prices.

    Attributes
    ----------
    problem
        Everybody, each weighted by `share`.
    share
        The share of the probability that follows value.
    temperature_money
        τ of the softmax.
    """

    problem: Problem
    share: float
    temperature_money: float

    def prices_for(self, target: Target, first: Floats, prices: Floats) -> Floats:
        """Return scaled prices at which those ahead are expected to meet `target`, shape (m,).

        Parameters
        ----------
        first
            The first prices, at which the slack of the target was reckoned.
        prices
            Where to start from.
        """
        model = self._ahead(target, first)
        ridge = np.diag(ridge_of(model, self.share, self.problem.n - target.start))
        at = soft_dual(model, prices, self.temperature_money)
        for _ in range(_STEPS):
            missed = np.where(prices > 0.0, np.abs(at.gradient), -at.gradient)
            if (missed <= _CLOSE * target.margin).all():
                break
            step = minimise_box_quadratic(at.hessian + ridge, at.gradient, -prices, target.highest - prices)
            length, moved = self._shortened(model, at, prices, step)
            if moved is None:
                break
            prices, at = prices + length * step, moved
        return prices

    def _ahead(self, target: Target, first: Floats) -> Problem:
        """Return the next customers in the place of all that are to come, with what is left of the bounds."""
        n = self.problem.n
        part = self.problem.span(target.start, min(target.start + _ASKED, n))
        part = replace(part, weight=part.weight * ((n - target.start) / part.n))
        used = part.row_use(mixed_sums(part, first, Mixture(self.temperature_money, 1.0)).tallies)
        return replace(part, bound=target.slack + used)

    def _shortened(
        self, model: Problem, at: Evaluation, prices: Floats, step: Floats
    ) -> tuple[float, Evaluation | None]:
        """Halve the step until the dual falls; None if it never does."""
        length = 1.0
        for _ in range(_HALVINGS):
            moved = soft_dual(model, prices + length * step, self.temperature_money)
            if moved.value < at.value:
                return length, moved
            length /= 2.0
        return 0.0, None


def answer_of(problem: Problem, rule: RuleSettings) -> Answer | None:
    """Return how the customers of `problem` answer to prices under `rule`.

    None where nobody follows value, and where there is no minimum: a stop keeps every maximum.
    """
    share = softmax_share(rule)
    if share <= 0.0 or problem.table.min(initial=0.0) >= 0.0:
        return None
    return Answer(problem.with_weight(share), share, rule.temperature_money)


def ridge_of(problem: Problem, share: float, n: int) -> Floats:
    """Return what keeps the price of a row that none of `n` customers answers to from running away, shape (m,)."""
    return np.asarray(_RIDGE * share * n * problem.unit**2 / problem.value_scale)
