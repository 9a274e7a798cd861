"""A mean of few large values among many small ones: tests and intervals that know of the skew and of the heavy tail.

Where one arm is thin and orders are rare, a handful of buyers carries the estimate. A lucky draw then shows a mean that
is off and a spread that is small at once, and the normal law calls it wrong several times as often as it says.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from alamo.numerics.doubly_robust import group_influences
from alamo.numerics.laws import t_exceeded, t_tail

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_SYMMETRIC = 1e-6


@dataclass(frozen=True, slots=True)
class SkewedMean:
    """A mean over independent groups with what its studentised law needs.

    A value is excluded where two laws exclude it: that of Student with `freedom` degrees of freedom, and the same after
    Hall's cubic, which takes the skew out. Neither is enough alone: the first lets a skew of a thin arm pass, the
    second overcorrects where the sample shows more skew than there is.

    Attributes
    ----------
    mean, se
        The mean and its standard error.
    n
        Independent groups; nothing can be said below 2.
    skewness
        Third central moment of the mean over `se`³: that of one group over √n.
    freedom
        n over the kurtosis of the groups, (Σ g²)²/Σ g⁴: as many groups of equal weight carry the variance.

    Assumes
    -------
    Groups are independent. *Not supported*: an arm in which nothing happened; no moment of the sample tells of it, so
    callers wait for a number of events in every arm.

    Source: Hall (1992), "On the removal of skewness by transformation", JRSS B 54(1), §2 (the cubic); Satterthwaite
    (1946), Biometrics Bulletin 2(6) (degrees of freedom of unequal parts).
    """

    mean: float
    se: float
    n: int
    skewness: float
    freedom: float

    @classmethod
    def of(cls, values: Floats, groups: Integers | None = None, units: Floats | None = None) -> SkewedMean:
        """Return the mean per unit of `values`; parameters as in `mean_by_group`."""
        mean, influence = group_influences(values, groups, units)
        n = len(influence)
        squares = influence**2
        total = float(squares.sum())
        if n < 2 or total <= 0.0:
            return cls(mean, 0.0 if n >= 2 else math.nan, n, 0.0, 1.0)
        variance = total / (n - 1)
        skewness = float(squares @ influence) / n / variance**1.5 / math.sqrt(n)
        return cls(mean, math.sqrt(variance / n), n, skewness, max(1.0, total**2 / float(squares @ squares)))

    def times(self, factor: float) -> SkewedMean:
        """Return `factor` times the mean, such as a total; `factor` is positive."""
        return replace(self, mean=factor * self.mean, se=factor * self.se)

    def less(self, value: float, se: float = 0.0) -> SkewedMean:
        """Return the difference to an independent, normal `value` with standard error `se`."""
        whole = math.hypot(self.se, se)
        own = self.se / whole if whole > 0.0 else 1.0
        if own <= 0.0:
            return replace(self, mean=self.mean - value, se=whole, skewness=0.0, freedom=math.inf)
        freedom = self.freedom / own**4
        return replace(self, mean=self.mean - value, se=whole, skewness=self.skewness * own**3, freedom=freedom)

    def p_value(self) -> float | None:
        """Return the two-sided p-value of "the mean is 0"; None without an error to judge by."""
        if not self.se > 0.0:
            return None
        t = self.mean / self.se
        return float(max(2.0 * t_tail(abs(one), self.freedom) for one in (t, self._straightened(t))))

    def p_above(self) -> float | None:
        """Return the p-value of "the mean is at most 0"; None without an error to judge by."""
        if not self.se > 0.0:
            return None
        t = self.mean / self.se
        return float(max(t_tail(one, self.freedom) for one in (t, self._straightened(t))))

    def p_below(self) -> float | None:
        """Return the p-value of "the mean is at least 0"; None without an error to judge by."""
        return replace(self, mean=-self.mean, skewness=-self.skewness).p_above()

    def interval(self, level: float) -> tuple[float, float]:
        """Return the values that `p_value` does not exclude at 1 − `level`."""
        q = t_exceeded(0.5 * (1.0 - level), self.freedom)
        low, high = max(q, self._bent(q)), min(-q, self._bent(-q))
        return self.mean - low * self.se, self.mean - high * self.se

    def _straightened(self, t: float) -> float:
        """Return Hall's cubic of a studentised mean, whose law is less skewed."""
        a = self.skewness
        return t if abs(a) < _SYMMETRIC else ((1.0 + a * t / 3.0) ** 3 - 1.0) / a + a / 6.0

    def _bent(self, x: float) -> float:
        """Return the studentised mean whose cubic is `x`."""
        a = self.skewness
        return x if abs(a) < _SYMMETRIC else 3.0 / a * float(np.cbrt(1.0 + a * (x - a / 6.0)) - 1.0)
