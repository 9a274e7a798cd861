"""Long outcomes: what a decision had brought when its long window closed, over the same future as its short outcome.

The short outcome counts the margin of its window and what is expected of the horizon after it. The long one has seen
more of that future come true: margin up to the end of the long window, then the expectation of what is left of the same
horizon. Both are discounted to the end of the short window, so the difference of two effects is the error of the short
outcome as a proxy, not a change of what is counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.long_tables import LONG_OUTCOMES
from alamo.domain.ports import ContinuationValue
from alamo.inference.outcomes import column, model_of
from alamo.inference.permission_price import Prices

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_STATE_END = ("x_end", "t_x_end_days", "t_end_days", "repeat_money_end")
_DAY_US, _YEAR_DAYS = 86_400_000_000, 365.0


def value_long_outcomes(
    observations: pa.Table,
    models: Mapping[int, ContinuationValue],
    prices: Prices | None = None,
) -> pa.Table:
    """Return LONG_OUTCOMES of long observations.

    Parameters
    ----------
    observations
        LONG_OBSERVATIONS not valued yet.
    models
        The value model frozen before each cycle: the one its short outcomes were valued with. Horizon and discount rate
        of the residual value are the model's, whatever the settings have become since.
    prices
        Of lost permissions, charged over what is left of their horizon at their own discount rate; None: they are not
        priced.

    Raises
    ------
    StateError
        If a cycle has no value model.
    """
    if not observations.num_rows:
        return LONG_OUTCOMES.empty()
    cycles = column(observations, "cycle").astype(np.int64)
    elapsed = _days_between(observations["short_end"], observations["long_end"])
    residual = _residual(observations, models, cycles, elapsed)
    margin, cost = column(observations, "margin_money"), column(observations, "cost_money")
    price = np.zeros(len(cycles)) if prices is None else prices.charge(observations, elapsed)
    versions = {cycle: models[cycle].version for cycle in np.unique(cycles).tolist()}
    columns: dict[str, Any] = {
        "decision_id": observations["decision_id"],
        "cycle": cycles,
        "long_days": observations["long_days"],
        "margin_money": margin,
        "residual_value_money": residual,
        "cost_money": cost,
        "permission_money": pa.nulls(len(cycles), pa.float64()) if prices is None else price,
        "outcome_money": margin + residual - cost - price,
        "value_version": [versions[cycle] for cycle in cycles.tolist()],
    }
    return LONG_OUTCOMES.check(pa.table(columns))


def _residual(
    observations: pa.Table, models: Mapping[int, ContinuationValue], cycles: Integers, elapsed: Floats
) -> Floats:
    """Return the residual value over what is left of the horizon `elapsed` days later, discounted over them, (n,)."""
    inputs = [column(observations, name) for name in _STATE_END]
    values = np.zeros(len(cycles))
    for cycle in np.unique(cycles).tolist():
        model = model_of(models, cycle)
        left = _left(model.horizon_days, elapsed)
        for days in np.unique(left[(cycles == cycle) & (left > 0)]).tolist():
            rows = (cycles == cycle) & (left == days)
            value = model.over(days).residual_value_money(*(part[rows] for part in inputs))
            values[rows] = _discount(model.discount_rate_per_year, elapsed[rows]) * value
    return values


def _left(horizon_days: int, elapsed: Floats) -> Integers:
    """Return the days of a horizon that are left, shape (n,)."""
    return np.maximum(np.rint(horizon_days - elapsed), 0.0).astype(np.int64)


def _discount(rate_per_year: float, elapsed: Floats) -> Floats:
    return np.asarray(np.exp(-rate_per_year * elapsed / _YEAR_DAYS), dtype=np.float64)


def _days_between(first: pa.ChunkedArray, last: pa.ChunkedArray) -> Floats:
    length = pc.subtract(last.cast(pa.int64()), first.cast(pa.int64()))
    return np.asarray(length.to_numpy(), dtype=np.float64) / _DAY_US
