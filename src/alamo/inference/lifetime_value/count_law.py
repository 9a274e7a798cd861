"""The law of a customer's number of future purchases, given that the customer is still there.

Purchases while a customer stays are Poisson with a rate of its own, gamma over customers: negative binomial in any
span of time. Where departures follow purchases each purchase is also survived by chance; where they follow time the
span is a mixture. Both depend on the number of past purchases and the age alone, so customers who share them share the
law, and its tail goes from one count to the next by a recursion.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import betainc

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

FINEST_TAIL = 1e-9
"""Tails below this are lost to the recursion's rounding, which is about 1e-16 per count."""
_UNDERFLOW = -600.0  # log of the chance of no purchase, below which the recursion has nothing to start from


@dataclass(frozen=True, slots=True, eq=False)
class CountLaw:
    """Numbers of purchases of n customers, each a mixture of m negative binomials cut short by departures.

    Attributes
    ----------
    shape
        Of the negative binomials, shape (n,).
    weight, p_next
        Of each part: its probability, and horizon/(rate + horizon); shape (m, n).
    leave_a, leave_b
        After its i-th purchase a customer stays with probability (b + i − 1)/(a + b + i − 1); a is a number, 0 where
        purchases end nothing, b has shape (n,).
    """

    shape: Floats
    weight: Floats
    p_next: Floats
    leave_a: float
    leave_b: Floats

    def of(self, rows: Flags) -> CountLaw:
        """Return the law of some of the customers."""
        return CountLaw(self.shape[rows], self.weight[:, rows], self.p_next[:, rows], self.leave_a, self.leave_b[rows])


@dataclass(frozen=True, slots=True, eq=False)
class CountTail:
    """P(purchases ≥ count) of customers, and what is needed to go on to the next count.

    Attributes
    ----------
    count
        From 1.
    point, beyond
        P(count − 1) and P(≥ count) of each negative binomial, shape (m, n).
    stayed
        Probability to survive the count − 1 purchases before, shape (n,).
    deep
        Where the recursion has no start, so that the incomplete beta function is asked, shape (m, n).
    """

    law: CountLaw
    count: int
    point: Floats
    beyond: Floats
    stayed: Floats
    deep: Flags

    @classmethod
    def first(cls, law: CountLaw) -> CountTail:
        """Return the tail of count 1."""
        log_none = law.shape * np.log1p(-law.p_next)
        deep = log_none < _UNDERFLOW
        point = np.where(deep, 0.0, np.exp(log_none))
        return cls(law, 1, point, -np.expm1(log_none), np.ones(len(law.shape)), deep)

    def p_at_least(self) -> Floats:
        """Return P(purchases ≥ count | alive), shape (n,)."""
        return np.asarray(self.stayed * (self.law.weight * self.beyond).sum(axis=0))

    def next(self) -> CountTail:
        """Return the tail of the next count: P(c) = P(c − 1) · p_next · (shape + c − 1)/c."""
        law, c = self.law, self.count
        point = self.point * law.p_next * ((law.shape + (c - 1.0)) / c)
        beyond = self.beyond - point
        if self.deep.any():
            part, row = np.nonzero(self.deep)
            beyond[part, row] = betainc(c + 1, law.shape[row], law.p_next[part, row])
        survived = law.leave_b + (c - 1.0)
        return CountTail(law, c + 1, point, beyond, self.stayed * (survived / (law.leave_a + survived)), self.deep)

    def of(self, rows: Flags) -> CountTail:
        """Return the tail of some of the customers."""
        return CountTail(
            self.law.of(rows),
            self.count,
            self.point[:, rows],
            self.beyond[:, rows],
            self.stayed[rows],
            self.deep[:, rows],
        )
