"""Observations: launched decisions whose outcome window has closed, with what was known before and what came of them.

The window of a decision is ``[decided_at, min(decided_at + window_days, next decision of the same customer))``.
Effects are intention-to-treat: the action is the one drawn; only its cost depends on whether a delivery was sent.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.domain.features import FEATURES
from alamo.domain.money import minor_per_major
from alamo.domain.ports import Warehouse
from alamo.domain.settings import MarginSettings, OutcomeSettings
from alamo.domain.tables import OBSERVATIONS, PROFILES
from alamo.domain.time import utc
from alamo.measurement.lifecycle import FALLBACK_GAP_DAYS, Standing, stages, states
from alamo.measurement.margins import margin_sql
from alamo.measurement.profiles import microseconds

DECISION_COLUMNS = (
    "decision_id",
    "unit_id",
    "customer_id",
    "cycle",
    "decided_at",
    "action_id",
    "eligible",
    "p",
    "p_action",
    "universal_control",
)


def mature_observations(
    warehouse: Warehouse, as_of: datetime, *, outcome: OutcomeSettings, margin: MarginSettings, currency: str
) -> pa.Table:
    """Return the observations (OBSERVATIONS contract and the columns `FEATURES`) that became measurable.

    Parameters
    ----------
    warehouse
        Holds ``decisions``, ``observations``, ``deliveries``, ``events`` and ``profiles``.
    as_of
        Windows that closed at or before this moment are measured; nothing later is read.
    outcome
        Length of the window.
    margin
        Default and product rates; a margin on the line wins over both.
    currency
        Of the amounts (ISO 4217).

    Returns
    -------
    pyarrow.Table
        One row per decision, ordered by decision time and id. Features are those of the newest profile at or before
        the decision; a customer without one has null features and the state ``unknown``.
    """
    moment = utc(as_of)
    rates = margin_sql(margin)
    parameters = {
        "as_of": moment,
        "as_of_us": microseconds(moment),
        "window_us": timedelta(days=outcome.window_days) // timedelta(microseconds=1),
        "minor": float(minor_per_major(currency)),
        **rates.parameters,
    }
    sql = _sql(rates.rate, rates.join)
    return _complete(warehouse.query(sql, parameters, rates.relations), moment)


@cache
def _sql(product_rate: str, product_join: str) -> str:
    text = files("alamo.measurement").joinpath("observations.sql").read_text(encoding="utf-8")
    return text.format(
        product_rate=product_rate,
        product_join=product_join,
        decision_columns=", ".join(f"decisions.{name}" for name in DECISION_COLUMNS),
        profile_columns=", ".join(f"p.{name}" for name in FEATURES),
        feature_columns=", ".join(f"f.{name}" for name in FEATURES),
    )


def _complete(measured: pa.Table, as_of: datetime) -> pa.Table:
    """Add the state at the end and when it was measured; put the columns into the contract's order, features last."""
    whole = {name: measured[name] for name in measured.column_names}
    whole["state_end"] = _state_end(measured)
    whole["matured_at"] = pa.array([as_of] * measured.num_rows, pa.timestamp("us", tz="UTC"))
    schema = pa.schema([*OBSERVATIONS.schema, *(PROFILES.schema.field(name).with_nullable(True) for name in FEATURES)])
    return pa.table({name: whole[name] for name in schema.names}).cast(schema)


def _state_end(measured: pa.Table) -> pa.Array:
    standing = Standing(
        x=_floats(measured, "x_end"),
        t_x_days=_floats(measured, "t_x_end_days"),
        recency_days=_floats(measured, "recency_end_days"),
        typical_gap_days=_typical_gaps(_floats(measured, "gap_days"), _floats(measured, "gaps")),
        contacts_14d=_floats(measured, "contacts_14d_end"),
        answered_last=measured["answered_end"].to_numpy(),
        bought_on_discount=measured["prompted_end"].to_numpy(),
    )
    return states(stages(standing), standing)


def _typical_gaps(days: npt.NDArray[np.float64], gaps: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    known = np.nan_to_num(gaps, nan=0.0) > 0
    mean = np.divide(days, gaps, out=np.full(len(days), FALLBACK_GAP_DAYS), where=known)
    return np.where(known, np.maximum(mean, 1.0), FALLBACK_GAP_DAYS)


def _floats(table: pa.Table, name: str) -> npt.NDArray[np.float64]:
    return table[name].to_numpy().astype(np.float64)
