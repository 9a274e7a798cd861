"""What every purchase model can answer, whatever it assumes about buying and leaving."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from alamo.inference.lifetime_value.count_law import CountLaw

Floats = npt.NDArray[np.float64]


class PurchaseModel(Protocol):
    """A purchase process with known parameters.

    Arrays ``x, t_x, t`` are repeat purchases, time of the last one and age of each customer, shape (n,), times in the
    unit the model was fitted in.
    """

    @property
    def theta(self) -> Floats:
        """Logarithms of the parameters, shape (k,)."""

    def p_alive(self, x: Floats, t_x: Floats, t: Floats) -> Floats:
        """Return the probability that a customer has not left for good, shape (n,)."""

    def expected_purchases(self, horizon: float, x: Floats, t_x: Floats, t: Floats) -> Floats:
        """Return E[purchases in (T, T + horizon] | x, t_x, T], shape (n,)."""

    def p_at_least_if_alive(self, count: int, horizon: float, x: Floats, t_x: Floats, t: Floats) -> Floats:
        """Return P(purchases in (T, T + horizon] ≥ count | x, t_x, T, alive at T) for count ≥ 1, shape (n,)."""

    def count_law(self, horizon: float, x: Floats, t: Floats) -> CountLaw | None:
        """Return the law of the purchases in (T, T + horizon] given x, T and alive; None where it has no such form."""

    def moved(self, theta: Floats) -> PurchaseModel:
        """Return the same kind of model at other parameters, given as logarithms, shape (k,)."""
