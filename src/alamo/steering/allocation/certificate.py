"""The certificate of a plan: value and use recounted from the raw cells, and the distance to the upper bound."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from alamo.steering.allocation.source import CellSource, add_counts, count_cells
from alamo.steering.cells import Cells, Floats, Places
from alamo.steering.limits import LimitTables


@dataclass(frozen=True, slots=True, eq=False)
class Certificate:
    """What a plan achieves.

    Attributes
    ----------
    value_money
        Sum of the values of the cells chosen.
    used
        Signed use of each row in its own units, shape (m,).
    excess
        By how much each row is over, at least 0, shape (m,).
    dual_bound
        Upper bound of every plan's value.
    """

    value_money: float
    used: Floats
    excess: Floats
    dual_bound: float

    @property
    def feasible(self) -> bool:
        """Whether no row is over."""
        return not self.excess.any()

    @property
    def gap(self) -> float:
        """(bound − value) / value, at least 0; relative to the bound where the value is not positive."""
        distance = max(self.dual_bound - self.value_money, 0.0)
        reference = self.value_money if self.value_money > 0 else abs(self.dual_bound)
        return distance / reference if distance > 0 and reference > 0 else 0.0


def certify(cells: Cells | CellSource, tables: LimitTables, choice: Places, dual_bound: float) -> Certificate:
    """Return the certificate of `choice` (position among its own cells of what each customer gets, −1 none, (n,)).

    Value and use are counted again from the raw cells, in float64, by group and action, and weighed by the rows.
    """
    if isinstance(cells, Cells):
        shape = (1 + len(cells.use_names), *tables.coefficient.shape[1:])
        counted = add_counts(count_cells(cells, choice), shape)
    else:
        counted = cells.count(choice)
    used = (tables.coefficient * counted.tallies[tables.column + 1]).sum(axis=(1, 2))
    gross = (np.abs(tables.coefficient) * np.abs(counted.tallies[tables.column + 1])).sum(axis=(1, 2))
    rounding = 1e-12 * np.maximum(np.abs(tables.bound), gross) * ~tables.whole_numbers
    excess = used - tables.bound
    return Certificate(counted.value_money, used, np.where(excess > rounding, excess, 0.0), float(dual_bound))
