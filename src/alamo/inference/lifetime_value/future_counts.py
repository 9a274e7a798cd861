"""P(purchases ≥ count) of customers, one count after another, for as long as a customer is in question.

Counts go up by one to 1,000 and by a hundred-and-twenty-eighth of themselves from there on, between which they are
interpolated: nobody needs the thousandth purchase to the unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from alamo.inference.lifetime_value.count_law import FINEST_TAIL, CountTail
from alamo.inference.lifetime_value.purchase_model import PurchaseModel

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

_ONE_BY_ONE, _FINENESS = 1_000, 128


class Tail(Protocol):
    """P(purchases ≥ count) of n customers at one count."""

    def p_at_least(self, rows: Codes) -> Floats:
        """Return P(purchases ≥ count | alive) of some of the customers, shape of `rows`."""

    def moved(self, step: int, rows: Codes) -> Tail:
        """Return the tail `step` counts further on; only `rows` are in question from now on."""


def step_after(count: int) -> int:
    """Return how many counts to go on after `count`."""
    return 1 if count < _ONE_BY_ONE else count // _FINENESS


def first_tail(
    model: PurchaseModel, horizon: float, customers: tuple[Floats, Floats, Floats], finest: float = 1e-6
) -> Tail:
    """Return the tail of count 1.

    Parameters
    ----------
    horizon
        In the model's unit of time.
    customers
        x, t_x and T, shape (n,) each.
    finest
        The smallest probability that will matter.
    """
    x, _, t = customers
    asked = _Asked(model, horizon, customers, 1)
    if finest < FINEST_TAIL:
        return asked
    order = np.lexsort((t, x))
    first = np.ones(len(order), dtype=np.bool_)
    first[1:] = (np.diff(x[order]) != 0) | (np.diff(t[order]) != 0)
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.cumsum(first) - 1
    law = model.count_law(horizon, x[order][first], t[order][first])
    return asked if law is None else _Recursive(CountTail.first(law), place, asked)


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """The model is asked anew for each count."""

    model: PurchaseModel
    horizon: float
    customers: tuple[Floats, Floats, Floats]
    count: int

    def p_at_least(self, rows: Codes) -> Floats:
        x, t_x, t = (part[rows] for part in self.customers)
        return self.model.p_at_least_if_alive(self.count, self.horizon, x, t_x, t)

    def moved(self, step: int, rows: Codes) -> Tail:
        return _Asked(self.model, self.horizon, self.customers, self.count + step)


@dataclass(frozen=True, slots=True, eq=False)
class _Recursive:
    """Customers who share (x, T) share the law; `place` of each among the laws, shape (n,)."""

    tail: CountTail
    place: Codes
    asked: _Asked

    def p_at_least(self, rows: Codes) -> Floats:
        return self.tail.p_at_least()[self.place[rows]]

    def moved(self, step: int, rows: Codes) -> Tail:
        if step > 1:
            return _Asked(self.asked.model, self.asked.horizon, self.asked.customers, self.tail.count + step)
        tail, place = self.tail, self.place
        wanted = np.zeros(len(tail.stayed), dtype=np.bool_)
        wanted[place[rows]] = True
        if 2 * wanted.sum() < len(wanted):
            tail, place = tail.of(wanted), (np.cumsum(wanted) - 1)[place]
        return _Recursive(tail.next(), place, self.asked)
