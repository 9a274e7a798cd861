"""Calibration in the loop: value the longer outcomes that have matured, score them, and correct the effects by them.

Everything here does nothing until ``long_days`` is set under ``[outcome]``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa

from alamo.domain.ports import ContinuationValue
from alamo.domain.tables import CONTRACTS
from alamo.engine.context import Context, rewrite, table_hash
from alamo.engine.permission import prices
from alamo.inference import LongEvidence, calibrated_effects, cycle_dr_scores, value_long_outcomes

Models = Callable[[Context, pa.Table], Mapping[int, ContinuationValue]]
"""Returns the value model frozen before each cycle of a table."""


def calibrate(
    context: Context, as_of: datetime, observations: pa.Table, scores: pa.Table, models: Models
) -> dict[str, Any]:
    """Bring long outcomes, their scores and the calibrated effects up to date; returns what was found, for people.

    Parameters
    ----------
    as_of
        Day of the effects.
    observations
        OBSERVATIONS with the short outcome and the segment.
    scores
        DR_SCORES of the short outcome.
    models
        Value models by cycle.
    """
    if not context.settings.outcome.long_days:
        return {}
    _write_long_outcomes(context, models)
    long = _long_observations(context, observations)
    scored = _score(context, long, models)
    table, refusals = calibrated_effects(
        scores,
        observations,
        _evidence(context),
        as_of=as_of,
        actions=context.actions,
        level=context.settings.inference.level,
    )
    rewrite(context, "calibrated_effects", table, {"as_of_day": as_of.date().isoformat()})
    return {
        "long_cycles_scored": scored,
        "calibrated": [row["action_id"] for row in table.to_pylist() if row["label"] == "calibrated"],
        "refusals": [refusal.to_dict() for refusal in refusals],
    }


def _write_long_outcomes(context: Context, models: Models) -> None:
    fresh = context.history.query(
        """
        SELECT l.* FROM long_observations l
        WHERE l.long_days = $long_days
          AND l.decision_id NOT IN (SELECT decision_id FROM long_outcomes WHERE long_days = $long_days)
        ORDER BY l.decision_id
        """,
        _days(context),
    )
    if not fresh.num_rows:
        return
    by_cycle = models(context, fresh)
    values = value_long_outcomes(fresh, by_cycle, prices(context, by_cycle))
    context.history.append("long_outcomes", CONTRACTS["long_outcomes"].check(values), batch=table_hash(values))


def _long_observations(context: Context, observations: pa.Table) -> pa.Table:
    """Return the observations whose long window has closed, their outcome being the long one less the short one."""
    return context.history.query(
        """
        WITH written AS (
            SELECT decision_id, outcome_money,
                   row_number() OVER (PARTITION BY decision_id ORDER BY value_version) AS place
            FROM long_outcomes WHERE long_days = $long_days
        ),
        seen AS (
            SELECT decision_id FROM long_observations WHERE long_days = $long_days AND matured_at <= $now
        )
        SELECT o.* REPLACE (w.outcome_money - o.outcome_money AS outcome_money)
        FROM short o
        JOIN written w ON w.decision_id = o.decision_id AND w.place = 1
        JOIN seen s ON s.decision_id = o.decision_id
        ORDER BY o.decided_at, o.decision_id
        """,
        _days(context) | {"now": context.clock.now()},
        {"short": observations},
    )


def _score(context: Context, long: pa.Table, models: Models) -> list[int]:
    """Score the cycles of which every scored decision has a long outcome and whose long scores are not complete."""
    due = context.history.query(
        """
        WITH short AS (SELECT cycle, count(DISTINCT decision_id) AS n FROM dr_scores WHERE cycle >= 1 GROUP BY cycle),
        scored AS (
            SELECT cycle, count(DISTINCT decision_id) AS n FROM long_dr_scores
            WHERE long_days = $long_days GROUP BY cycle
        ),
        ready AS (
            SELECT l.cycle, count(*) AS n FROM long l
            WHERE l.decision_id IN (SELECT decision_id FROM dr_scores) GROUP BY l.cycle
        )
        SELECT ready.cycle AS cycle
        FROM ready JOIN short USING (cycle) LEFT JOIN scored USING (cycle)
        WHERE ready.n = short.n AND ready.n <> coalesce(scored.n, 0)
        ORDER BY ready.cycle
        """,
        _days(context),
        {"long": long},
    )
    cycles = [int(cycle) for cycle in due["cycle"].to_pylist()]
    for cycle in cycles:
        scores = cycle_dr_scores(
            long, cycle, context.learner, salt=context.settings.salt, models=models(context, long), overlapping=True
        )
        days = pa.repeat(pa.scalar(context.settings.outcome.long_days, pa.int64()), scores.num_rows)
        stamped = CONTRACTS["long_dr_scores"].check(scores.append_column("long_days", days))
        rewrite(context, "long_dr_scores", stamped, {"cycle": cycle})
    return cycles


def _evidence(context: Context) -> LongEvidence:
    scores = context.history.query(
        """
        SELECT * EXCLUDE (long_days) FROM long_dr_scores
        WHERE long_days = $long_days AND cycle NOT IN (
            SELECT cycle FROM long_observations WHERE long_days = $long_days AND matured_at > $now
        )
        ORDER BY cycle, decision_id, action_id
        """,
        _days(context) | {"now": context.clock.now()},
    )
    until = context.history.query(
        "SELECT max(long_end) AS until FROM long_observations WHERE long_days = $long_days AND matured_at <= $now",
        _days(context) | {"now": context.clock.now()},
    )
    settings = context.settings
    return LongEvidence(scores, settings.outcome.long_days, until["until"][0].as_py(), settings.cycle_days)


def _days(context: Context) -> dict[str, int]:
    return {"long_days": context.settings.outcome.long_days}
