"""Outcomes: what a matured decision is worth, with the value model that was frozen before its cycle."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.domain.errors import StateError
from alamo.domain.ports import ContinuationValue
from alamo.domain.tables import OUTCOMES
from alamo.inference.permission_price import Prices

Floats = npt.NDArray[np.float64]

_STATE = ("x", "t_x_days", "t_days", "repeat_money")
_STATE_END = ("x_end", "t_x_end_days", "t_end_days", "repeat_money_end")


def value_outcomes(
    observations: pa.Table, models: Mapping[int, ContinuationValue], prices: Prices | None = None
) -> pa.Table:
    """Return OUTCOMES: window margin plus discounted residual value at the window's end, less the variable cost.

    Parameters
    ----------
    observations
        OBSERVATIONS not valued yet.
    models
        The value model of each cycle in `observations`, fitted before that cycle's decisions.
    prices
        Of lost permissions, taken off where ``permission_lost`` by ``channels_lost``; None: they are recorded and not
        priced.

    Raises
    ------
    StateError
        If a cycle has no value model.
    """
    if not observations.num_rows:
        return OUTCOMES.empty()
    residual = residual_values(observations, models, _STATE_END)
    cycles = column(observations, "cycle").astype(np.int64)
    margin, cost = column(observations, "margin_money"), column(observations, "cost_money")
    versions = {cycle: models[cycle].version for cycle in np.unique(cycles).tolist()}
    price = None if prices is None else prices.charge(observations)
    whole = margin + residual - cost
    table = pa.table(
        {
            "decision_id": observations["decision_id"],
            "cycle": cycles,
            "margin_money": margin,
            "residual_value_money": residual,
            "cost_money": cost,
            "outcome_money": whole if price is None else whole - price,
            "value_version": [versions[cycle] for cycle in cycles.tolist()],
            "permission_money": pa.nulls(len(cycles), pa.float64()) if price is None else price,
        }
    )
    return OUTCOMES.check(table)


def residual_values(
    observations: pa.Table, models: Mapping[int, ContinuationValue], state: tuple[str, ...] = _STATE
) -> Floats:
    """Return the residual value of each row's customer under the model of the row's cycle, shape (n,).

    `state` names the four columns of the purchase state: at the decision by default.

    Raises
    ------
    StateError
        If a cycle has no value model.
    """
    cycles = column(observations, "cycle").astype(np.int64)
    inputs = [column(observations, name) for name in state]
    values = np.zeros(observations.num_rows)
    for cycle in np.unique(cycles).tolist():
        rows = cycles == cycle
        values[rows] = model_of(models, cycle).residual_value_money(*(part[rows] for part in inputs))
    return values


def model_of(models: Mapping[int, ContinuationValue], cycle: int) -> ContinuationValue:
    """Return the value model of a cycle.

    Raises
    ------
    StateError
        If it has none.
    """
    if cycle not in models:
        raise StateError(
            f"cycle {cycle} has no value model, so its outcomes cannot be valued",
            hint="Fit it with: alamo infer",
            code="outcomes.no_value_model",
            details={"cycle": cycle},
        )
    return models[cycle]


def column(table: pa.Table, name: str) -> Floats:
    """Return a numeric column as float64, null as NaN, shape (n,)."""
    return np.asarray(table.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
