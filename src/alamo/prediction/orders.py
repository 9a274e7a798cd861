"""Whether an order comes: the part of an outcome that can be seen long before its money can.

Money per customer is heavy-tailed, so an effect on it hides behind a few large orders; whether somebody orders at all
is a coin with little noise. Most actions work on that coin. So candidates may also be fitted to the effect on
*ordering* and turned into money by what an order was worth; they are biased where an action changes the size of orders
instead, which the doubly robust loss in money sees once it is large enough to matter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.action import NO_ACTION
from alamo.numerics.moments import sums_by
from alamo.prediction.inputs import EffectInputs

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_LEAST_ORDERS = 100
"""Decisions with and without an order before ordering is looked at by itself."""
_LEAST_RATE = 0.002


@dataclass(frozen=True, slots=True)
class OrderRows:
    """The rows of one action, seen as ordering or not.

    Attributes
    ----------
    score
        Inverse-propensity difference in ordering around the segment's rate, shape (n,).
    noise
        Modelled variance of the score, shape (n,).
    worth
        Money of an order in units of the customer's money scale.
    """

    score: Floats
    noise: Floats
    worth: float


@dataclass(frozen=True, slots=True)
class OrderLog:
    """Who ordered in the window of which decision, beside the rate expected of the segment.

    Attributes
    ----------
    ordered
        1 or 0, shape (n,).
    expected
        Share that ordered in the segment, learnt on the other folds, shape (n,).
    worth
        What an order was worth in units of the money scale, within segments.
    """

    ordered: Floats
    expected: Floats
    worth: float

    @classmethod
    def of(cls, observations: pa.Table, inputs: EffectInputs, folds: Integers) -> OrderLog | None:
        """Read ``orders_window`` and ``outcome_money``; None where too few rows have, or lack, an order."""
        if not {"orders_window", "outcome_money"} <= set(observations.column_names):
            return None
        orders = np.asarray(pc.fill_null(observations.column("orders_window"), 0), dtype=np.float64)
        ordered = (orders > 0.0).astype(np.float64)
        if min(ordered.sum(), len(ordered) - ordered.sum()) < _LEAST_ORDERS:
            return None
        worth = _worth(np.asarray(observations.column("outcome_money"), dtype=np.float64), ordered, inputs)
        return cls(ordered, _expected(ordered, inputs.segment, folds), worth) if worth > 0.0 else None

    def rows_of(self, drawn: pa.ChunkedArray, action_id: str, rows: Integers, p: Floats, p_none: Floats) -> OrderRows:
        """Return the rows of an action; `p` and `p_none` are the propensities of `rows`, `drawn` their actions."""
        ordered, expected = self.ordered[rows], self.expected[rows]
        mine = np.asarray(pc.equal(drawn, action_id), dtype=np.float64)
        none = np.asarray(pc.equal(drawn, NO_ACTION), dtype=np.float64)
        score = (ordered - expected) * (mine / p - none / p_none)
        return OrderRows(score, expected * (1.0 - expected) * (1.0 / p + 1.0 / p_none), self.worth)


def _worth(outcome: Floats, ordered: Floats, inputs: EffectInputs) -> float:
    """Return the difference in outcome per scale between rows with and without an order, within segments."""
    relative, groups = outcome / inputs.scale, int(inputs.segment.max()) + 1
    n, n_ordered, total, total_ordered = (
        sums_by(inputs.segment, values, groups)
        for values in (np.ones(len(ordered)), ordered, relative, relative * ordered)
    )
    both = (n_ordered > 0.0) & (n_ordered < n)
    if not both.any():
        return 0.0
    with_order = total_ordered[both] / n_ordered[both]
    without = (total[both] - total_ordered[both]) / (n[both] - n_ordered[both])
    return float(n_ordered[both] @ (with_order - without) / n_ordered[both].sum())


def _expected(ordered: Floats, segment: Integers, folds: Integers) -> Floats:
    """Return each row's share of orders in its segment on the other folds, kept off 0 and 1, shape (n,)."""
    n_folds, groups = int(folds.max()) + 1, int(segment.max()) + 1
    cell = folds * groups + segment
    n = sums_by(cell, np.ones(len(ordered)), n_folds * groups).reshape(n_folds, groups)
    hits = sums_by(cell, ordered, n_folds * groups).reshape(n_folds, groups)
    overall = float(ordered.mean())
    rate = (hits.sum(axis=0) - hits + overall) / (n.sum(axis=0) - n + 1.0)
    return np.clip(rate[folds, segment], _LEAST_RATE, 1.0 - _LEAST_RATE)
