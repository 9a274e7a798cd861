"""What is held of candidates before their scores are seen: prior weights, and how much evidence a weight takes.

The loop decides again every cycle, on few draws of each of many actions, in money with a heavy tail; a file is one
randomised trial, whose outcome may be anything from a visit to money. What is believed differs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alamo.numerics.few_clusters import design_effect
from alamo.prediction.candidates import BOOSTING, MONEY, ONE, ORDERS, RELATIVE, RIDGE, SEGMENTS, ZERO, Target
from alamo.prediction.level import CONTRAST_IN_LOOP

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

PRIOR_IN_MONEY = {ZERO: 0.10, ONE: 0.60, SEGMENTS: 0.20, RIDGE: 0.07, BOOSTING: 0.03}
"""Prior weights without a money scale. With more for ridge and boosting, differences between customers that were not
there were believed in 3 of 20 halves of Hillstrom's spend, at up to a fifth of the value; judged on other halves."""
PRIOR_SCALED = {ZERO: 0.10, ONE: 0.04, SEGMENTS: 0.03}
"""Prior weights in money where relative candidates exist beside them."""
PRIOR_RELATIVE = {ONE: 0.16, SEGMENTS: 0.32, RIDGE: 0.32, BOOSTING: 0.03}
"""Prior weights of the relative candidates. Segments and ridge shrink to one effect by themselves where nothing more is
seen; chosen on six draws of three worlds of `benchmarks/uplift_worlds.py`, judged on others."""
PRIOR_ORDERS = {ONE: 0.1, SEGMENTS: 0.1, RIDGE: 0.1}
"""Prior weights of candidates in orders, beside the others: with 1.0 each they hide for two cycles an action that works
on the size of orders, with 0.2 or less they do not. Chosen with rows weighted as in `alamo.prediction.noise` on seeds
104, 105, 301 and 302 of the scenario `shop`, judged on others."""
PRIOR_IN_FILE = {ZERO: 0.10, ONE: 0.30, SEGMENTS: 0.20, RIDGE: 0.20, BOOSTING: 0.20}
"""Prior weights of a trial in a file, with the tail-aware penalty of `FILE`. Chosen with it on seeds 2000 to 2002 of
eight worlds (`benchmarks/hillstrom_worlds.py`: visits, conversions and spend), judged on others."""
PRIOR_FURTHER = 0.02
"""Prior weight of every learner that is named in none of these tables."""


@dataclass(frozen=True, slots=True)
class Belief:
    """What is held of candidates beforehand.

    Attributes
    ----------
    in_money
        Prior weight of each candidate where there is no money scale, not summing to one.
    penalty
        β of the aggregation: this many times the mean squared score, or, with `by_tail`, times the root of the mean
        fourth power of the scores.
    by_tail
        Chance differences of the losses of two candidates are as large as the fourth power of scores lets them be. One
        number of mean squares is then too much for visits, of which one in ten rows has one, and too little for money
        of which one row in two hundred has any.
    contrast
        Mean and standard deviation of the prior of the slope of differences between customers; see `EffectParts`.
    within_folds
        Whether differences between folds are left out of differences between customers: the mean of the other folds
        is the lower, the higher one's own fold is.
    """

    in_money: Mapping[str, float]
    penalty: float
    by_tail: bool
    contrast: tuple[float, float]
    within_folds: bool

    def temper(self, score: Floats, weight: Floats, unit: Integers | None = None) -> float:
        """Return β over the weighted mean squared score, for `alamo.numerics.q_aggregation.q_aggregate`.

        With `by_tail` rows of one unit (or cluster) count as as many as they are worth; None: each row is one.
        """
        if not self.by_tail:
            return self.penalty
        share = weight / weight.sum()
        tail = float(np.sqrt(share @ score**4) / (share @ score**2))
        clumped = 1.0 if unit is None else design_effect(share * (score - share @ score), unit)
        return self.penalty * tail * clumped

    def weights(self, target: Target, learners: Sequence[str], *, scaled: bool) -> dict[str, float]:
        """Return the prior weight of each candidate fitted to `target`, not summing to one.

        Parameters
        ----------
        target
            What candidates are fitted to.
        learners
            Names of the learners beside zero, one effect and segments.
        scaled
            Whether there are relative candidates; learners in none of the tables are tried as such, else in money.
        """
        table = self.in_money
        if scaled:
            table = {MONEY: PRIOR_SCALED, ORDERS: PRIOR_ORDERS}.get(target.unit, PRIOR_RELATIVE)
        found = {name: weight for name, weight in table.items() if name in (ZERO, ONE, SEGMENTS, *learners)}
        if target.unit == (RELATIVE if scaled else MONEY):
            found |= {name: PRIOR_FURTHER for name in learners if name not in found}
        return found


LOOP = Belief(PRIOR_IN_MONEY, 16.0, False, CONTRAST_IN_LOOP, False)
FILE = Belief(PRIOR_IN_FILE, 4.0, True, (1.0, 0.5), True)
"""Theory wants β to exceed a multiple of the square of a bound on outcomes (Lecué & Rigollet 2014, "Optimal learning
with Q-aggregation", Ann. Statist. 42(1), §3); money has no bound of use. That the root of the fourth moment stands in
is our choice."""
