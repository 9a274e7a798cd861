"""Sums of events by action: what SQL adds up of unsubscribes, complaints and returns for an always-valid bound on harm.

Rows stay in the warehouse. Log wealth is added up in whole billionths, so the sums do not depend on the order of rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.domain.action import NO_ACTION
from alamo.domain.ports import Warehouse
from alamo.numerics.confidence_sequence import LEAST_CHANCE
from alamo.numerics.harm_bound import BETS, LARGEST_WEIGHT

Floats = npt.NDArray[np.float64]

_PARTS = 1e9


@dataclass(frozen=True, slots=True)
class EventSums:
    """What the decisions of one action add up to in one kind of event.

    Attributes
    ----------
    n, n_action, n_control
        Decisions with a chance of the action and of none, and those that drew the action, or none.
    events_action, events_control
        Those of them in whose window it happened.
    harm
        Σ w·X: over `weight` the estimated effect per decision.
    weight
        Σ w, as in `alamo.numerics.harm_bound`.
    wealth
        Log wealth of each bet, shape (n_bets,).
    """

    n: int
    n_action: int
    n_control: int
    events_action: int
    events_control: int
    harm: float
    weight: float
    wealth: Floats


def event_sums(
    warehouse: Warehouse, event: str, since: Mapping[str, int], now: datetime, late: Iterable[int] = ()
) -> dict[str, EventSums]:
    """Return action → its sums, over the scored decisions of the loop from a cycle of the action's own on.

    Parameters
    ----------
    warehouse
        Holds DR_SCORES and OBSERVATIONS.
    event
        A flag of OBSERVATIONS, such as ``"permission_lost"``; decisions of which it was not recorded are left out.
    since
        Action → first cycle that counts.
    now
        Observations made later are left out.
    late
        Cycles to leave out.
    """
    watched = pa.table({"action_id": pa.array(list(since), pa.string()), "since": pa.array(since.values(), pa.int64())})
    left_out = pa.table({"cycle": pa.array(sorted(late), pa.int64())})
    found = warehouse.query(_sql(event), {"now": now}, {"watched": watched, "late": left_out})
    return {row["action_id"]: _sums(row) for row in found.to_pylist()}


def _sums(row: Mapping[str, float]) -> EventSums:
    counts = {name: int(row[name]) for name in ("n", "n_action", "n_control", "events_action", "events_control")}
    wealth = np.array([row[f"wealth_{i}"] for i in range(len(BETS))]) / _PARTS
    return EventSums(**counts, harm=row["harm"] / _PARTS, weight=row["weight"] / _PARTS, wealth=wealth)


def _sql(event: str) -> str:
    wealth = ", ".join(f"{_total(f'ln(1 + {share!r} * w * x)')} AS wealth_{i}" for i, share in enumerate(BETS))
    return f"""
WITH arms AS (
    SELECT a.action_id, a.p AS p_action, n.p AS p_none, o.action_id = a.action_id AS drew_action,
           o.action_id = '{NO_ACTION}' AS drew_none, o.{event} AS happened
    FROM dr_scores a
    JOIN watched ON watched.action_id = a.action_id AND a.cycle >= watched.since
    JOIN dr_scores n ON n.decision_id = a.decision_id AND n.action_id = '{NO_ACTION}'
    JOIN observations o ON o.decision_id = a.decision_id
    WHERE o.matured_at <= $now AND o.{event} IS NOT NULL AND a.cycle NOT IN (SELECT cycle FROM late)
      AND a.p >= {LEAST_CHANCE!r} AND n.p >= {LEAST_CHANCE!r}
),
bets AS (
    SELECT *, least(p_none, {LARGEST_WEIGHT!r}) AS w,
           CASE WHEN NOT happened THEN 0.0 WHEN drew_action THEN 1.0 / p_action
                WHEN drew_none THEN -1.0 / p_none ELSE 0.0 END AS x
    FROM arms
)
SELECT action_id, count(*) AS n,
       sum(CASE WHEN drew_action THEN 1 ELSE 0 END) AS n_action,
       sum(CASE WHEN drew_none THEN 1 ELSE 0 END) AS n_control,
       sum(CASE WHEN drew_action AND happened THEN 1 ELSE 0 END) AS events_action,
       sum(CASE WHEN drew_none AND happened THEN 1 ELSE 0 END) AS events_control,
       {_total("w * x")} AS harm, {_total("w")} AS weight, {wealth}
FROM bets GROUP BY action_id ORDER BY action_id
"""


def _total(what: str) -> str:
    return f"CAST(sum(CAST(round(({what}) * {_PARTS:.0f}) AS HUGEINT)) AS DOUBLE)"
