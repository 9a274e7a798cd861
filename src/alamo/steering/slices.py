"""Pacing over the counter: time slices in the place of blocks, so that what is kept for a cycle lasts to its end.

A plan knows its customers; who comes to the counter is not known. At the start of each slice the same quadratic
programme as between blocks moves the plan's first prices: what is left of every limit against what the customers still
expected would use at those prices. Nobody expected and much left makes a limit cheap, a rush makes it dear. Prices of a
slice depend on earlier decisions only, and are published before they are used, so logged probabilities stay exact.

Assumes that those who come use limits like the customers of the plan, on average, and come evenly over the cycle.
Not supported: arrivals that follow the hour or the weekday; the next slice corrects what that gets wrong.
"""

from __future__ import annotations

import numpy as np

from alamo.domain.policy import CounterTerms
from alamo.domain.settings import RealtimeSettings
from alamo.numerics.box_qp import minimise_box_quadratic
from alamo.steering.cells import Flags, Floats
from alamo.steering.limits import LimitTables
from alamo.steering.pacing import Pacer

_HARD_SD, _SOFT_SD = 1.0, 3.0
"""Spread of a slice to keep free of a maximum, which is stopped anyway, and of a minimum."""
_PRIOR_CUSTOMERS = 20.0
"""Customers seen that outweigh what was expected of a cycle before it began."""


def less_reserve(tables: LimitTables, settings: RealtimeSettings) -> LimitTables:
    """Return the tables with every maximum less what is kept for the counter; counts stay whole."""
    if settings.reserve_share == 0.0:
        return tables
    kept = settings.reserve_share * tables.bound
    kept = np.where(tables.hard, np.where(tables.column < 0, np.floor(kept), kept), 0.0)
    return tables.with_bound(tables.bound - kept)


def counter_terms(pacer: Pacer, n: int, reserved: Floats, settings: RealtimeSettings, expected: float) -> CounterTerms:
    """Return what prices over the counter need of a plan for `n` customers.

    Parameters
    ----------
    reserved
        What is kept of each row, in its units, shape (m,).
    expected
        Customers expected over the counter in the cycle; 0 when nobody knows.
    """
    each = max(n, 1)
    return CounterTerms(
        slices=settings.slices,
        expected_customers=float(expected),
        reserved=tuple(reserved.tolist()),
        scale=tuple(pacer.scale.tolist()),
        prices=tuple(pacer.prices.tolist()),
        ceiling=tuple(pacer.ceiling.tolist()),
        use=tuple((pacer.ahead[0] / each).tolist()),
        variance=tuple((pacer.variance / each).tolist()),
        response=tuple(tuple(row) for row in (pacer.hessian / each).tolist()),
    )


def slice_at(elapsed: float, slices: int) -> int:
    """Return the slice that a moment falls into, by the part of the cycle that has passed."""
    return min(max(int(elapsed * slices), 0), slices - 1)


def arrivals(terms: CounterTerms, slice_: int, seen: int) -> tuple[float, float]:
    """Return how many customers are expected from the start of `slice_` to the end of the cycle, and in the slice.

    What was expected of the cycle counts like 20 customers seen: the mean of a Poisson rate under a gamma prior
    (Gelman et al., 2013, *Bayesian Data Analysis*, §2.6). At least the one who stands at the counter.
    """
    passed = slice_ / terms.slices
    if terms.expected_customers > 0.0:
        rate = (_PRIOR_CUSTOMERS + seen) / (_PRIOR_CUSTOMERS / terms.expected_customers + passed)
    else:
        rate = (1.0 + seen) / max(passed, 1.0 / terms.slices)
    return max(rate * (1.0 - passed), 1.0), max(rate / terms.slices, 1.0)


def slice_prices(terms: CounterTerms, remaining: Floats, hard: Flags, expected: tuple[float, float]) -> Floats:
    """Return the prices of a slice (money per unit of use), shape (m,).

    Parameters
    ----------
    remaining
        What is left of each row at its start, in units, shape (m,).
    hard
        Rows that are stopped when they are spent, shape (m,).
    expected
        Customers to come until the end of the cycle, and in this slice.
    """
    to_come, now = expected
    first, ceiling, scale = np.array(terms.prices), np.array(terms.ceiling), np.array(terms.scale)
    if not len(first):
        return first
    spread = np.where(hard, _HARD_SD, _SOFT_SD) * np.sqrt(np.array(terms.variance) * now)
    slack = remaining / scale - spread - np.array(terms.use) * to_come
    room = np.maximum(np.minimum(3.0 * first + 0.05 * ceiling, ceiling - first), 0.0)
    response = np.array(terms.response)
    if not response.any():
        return first / scale
    step = minimise_box_quadratic(to_come * response, slack, -first, room)
    return np.asarray((first + step) / scale)
