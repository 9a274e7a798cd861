"""Observations: launched decisions whose outcome window has closed, with what was known before and what came of them.

The window of a decision is ``[start, min(start + window_days, next decision of the same customer))``. It starts when
it was decided, or where the customer's window before it ends if that has been measured already: no order counts twice.
Effects are intention-to-treat: the action is the one drawn; only its cost depends on what became of its delivery
(``unknown`` costs what ``sent`` does).

A window that has closed is measured only when the orders in it are known: an order that has not been imported yet looks
like no order. Orders are known up to the end of the day of the newest one, but no further than the moment it came in.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
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


_DAY_US = timedelta(days=1) // timedelta(microseconds=1)

_KNOWN_SQL = """
SELECT source, max(least((epoch_us(occurred_at) // $day_us + 1) * $day_us, epoch_us(received_at))) AS known_us
FROM events
WHERE kind = 'order_line'
GROUP BY source
ORDER BY source
"""

_WAITING_SQL = """
WITH {windows}
SELECT count(*) AS decisions, max(end_us) AS until_us
FROM windows
WHERE end_us <= $as_of_us AND end_us > $known_us
"""


@dataclass(frozen=True, slots=True)
class WaitingWindows:
    """Decisions whose outcome window has closed but cannot be measured, and until when orders must be known for it."""

    decisions: int
    until: datetime


def orders_known_by_source(warehouse: Warehouse) -> dict[str, datetime]:
    """Return the moment (UTC) up to which the orders of each source that has any can be taken as complete, by name.

    The end of the day of its newest order, or when that came in if this was earlier: a file that was made during a day
    lacks the rest of it. Returns do not move it: a shop may book them long after it has stopped exporting its orders.
    A shop in which nobody bought anything lately says so when it imports.
    """
    ends = warehouse.query(_KNOWN_SQL, {"day_us": _DAY_US}).to_pylist()
    return {row["source"]: _moment(row["known_us"]) for row in ends}


def waiting_windows(
    warehouse: Warehouse, as_of: datetime, known_until: datetime, outcome: OutcomeSettings
) -> WaitingWindows | None:
    """Return the decisions whose window closed by `as_of` but ends after `known_until`; None where there are none."""
    moment = utc(as_of)
    parameters = {
        "as_of": moment,
        "as_of_us": microseconds(moment),
        "known_us": microseconds(utc(known_until)),
        "window_us": _window_us(outcome),
    }
    found = warehouse.query(_WAITING_SQL.format(windows=_windows_sql()), parameters).to_pylist()[0]
    return WaitingWindows(found["decisions"], _moment(found["until_us"])) if found["decisions"] else None


def mature_observations(
    warehouse: Warehouse,
    as_of: datetime,
    *,
    outcome: OutcomeSettings,
    margin: MarginSettings,
    currency: str,
    known_until: datetime | None = None,
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
    known_until
        Windows that end after this moment wait, because orders in them may be missing; None: as `as_of`.

    Returns
    -------
    pyarrow.Table
        One row per decision, ordered by decision time and id. Features are those of the newest profile at or before
        the decision; a customer without one has null features and the state ``unknown``.
    """
    measured_at = utc(as_of)
    moment = measured_at if known_until is None else min(measured_at, utc(known_until))
    rates = margin_sql(margin)
    parameters = {
        "as_of": moment,
        "as_of_us": microseconds(moment),
        "window_us": _window_us(outcome),
        "minor": float(minor_per_major(currency)),
        **rates.parameters,
    }
    sql = _sql(rates.rate, rates.join)
    return _complete(warehouse.query(sql, parameters, rates.relations), measured_at)


def _window_us(outcome: OutcomeSettings) -> int:
    return timedelta(days=outcome.window_days) // timedelta(microseconds=1)


def _moment(microseconds_since_1970: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds_since_1970)


@cache
def _windows_sql() -> str:
    return files("alamo.measurement").joinpath("windows.sql").read_text(encoding="utf-8")


@cache
def _sql(product_rate: str, product_join: str) -> str:
    text = files("alamo.measurement").joinpath("observations.sql").read_text(encoding="utf-8")
    return text.format(
        windows=_windows_sql(),
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
