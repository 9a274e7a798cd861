"""Measurement: take in what happened, describe every customer as of today, observe decisions whose window closed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pyarrow as pa

from alamo.domain.money import minor_per_major
from alamo.domain.records import StepRecord
from alamo.domain.tables import CONTRACTS, DELIVERIES, EVENTS
from alamo.engine.context import Context, StepOutcome, once, rewrite, versions
from alamo.engine.horizon import Horizon, horizon
from alamo.engine.infer import value_models
from alamo.measurement import LongWindow, build_profiles, mature_long_observations, mature_observations
from alamo.numerics.hashing import content_hash

MOST_FILES = 16
"""Files a partition may gather before they are merged, once a cycle."""


_CONTACTS = "contacts"
_MISCOUNTED_SQL = """
WITH counts AS (
    SELECT decision_id, count(*) AS n, bool_or(event_id = 'sent-' || decision_id) AS ours
    FROM events WHERE kind = 'sent' AND decision_id IS NOT NULL GROUP BY decision_id
)
SELECT DISTINCT d.plan_id FROM deliveries d LEFT JOIN counts USING (decision_id)
WHERE d.state IN ('sent', 'unknown') AND (counts.n IS NULL OR (counts.n > 1 AND counts.ours)) ORDER BY d.plan_id
"""


def measure(context: Context, cycle: int) -> StepOutcome:
    """Bring profiles and observations up to today for `cycle`; says what changed, and what waits for orders."""
    as_of = context.today()
    pulled = pull(context, as_of)
    seal_deliveries(context)
    known = horizon(context, as_of)
    inputs = versions(context, "events", "customers", "decisions", "deliveries") | {
        "as_of": as_of.isoformat(),
        "orders_known_until": str(known.known_until),
        "behind": [(source, end.isoformat()) for source, end in known.behind],
        "outcome": str(context.settings.outcome),
        "margin": str(context.settings.margin),
    }
    outcome = once(
        context, "measure", cycle, inputs, lambda: {"pulled_rows": pulled} | _describe(context, as_of, known)
    )
    once(context, "compact", cycle, {}, lambda: _compact(context))
    return outcome


def _compact(context: Context) -> dict[str, Any]:
    """Merge what was written row by row, such as decisions over the counter: queries open every file."""
    return {"files_merged": sum(context.history.compact(table, above=MOST_FILES) for table in CONTRACTS)}


def pull(context: Context, until: datetime) -> int:
    """Take in what the event sources hold; the same content again changes nothing. Returns the rows written."""
    rows = 0
    for source in context.sources:
        for batch in source.pull(None, until):
            contract = CONTRACTS[batch.table]
            written = context.history.replace(
                batch.table, contract.check(batch.data), where={"source": batch.source}, batch=batch.content_hash
            )
            rows += batch.data.num_rows if written else 0
    return rows


def seal_deliveries(context: Context) -> None:
    """Copy settled rows of the delivery ledger to the historical half, one commit per plan.

    What was copied is on record by its counts of states, so a plan that is through is not read again. Then contacts are
    put right that are counted twice, because a source has reported them since, or not at all, because it takes it back.
    """
    for plan_id, counts in context.state.ledger.counts().items():
        key, sealed = f"deliveries-{plan_id}", {"counts": dict(counts)}
        found = context.state.steps.find(key)
        if found is not None and found.detail == sealed:
            continue
        rows = [row for row in context.state.ledger.rows(plan_id) if row.state != "reserved"]
        if not rows:
            continue
        columns = {column.name: [getattr(row, column.name) for row in rows] for column in DELIVERIES.columns}
        table = DELIVERIES.check(pa.table(columns, schema=DELIVERIES.schema))
        batch = content_hash({"plan": plan_id, "counts": dict(counts)})
        if context.history.replace("deliveries", table, where={"plan_id": plan_id}, batch=batch):
            _count_contacts(context, plan_id)
        now = context.clock.now()
        context.state.steps.finish(StepRecord(key, now, now, sealed))
    _count_each_once(context)


def _count_each_once(context: Context) -> None:
    """Count the contacts of plans anew that are not counted once; looks only when events or deliveries have changed."""
    found = context.state.steps.find(_CONTACTS)
    if found is not None and found.detail == {"versions": versions(context, "events", "deliveries")}:
        return
    for plan_id in context.history.query(_MISCOUNTED_SQL)["plan_id"].to_pylist():
        _count_contacts(context, plan_id)
    now = context.clock.now()
    detail = {"versions": versions(context, "events", "deliveries")}
    context.state.steps.finish(StepRecord(_CONTACTS, now, now, detail))


def _count_contacts(context: Context, plan_id: str) -> None:
    """Write a ``sent`` event for each delivery of a plan that no source has reported as sent: caps count contacts."""
    source = f"deliveries:{plan_id}"
    sent = context.history.query(
        """
        SELECT 'sent-' || d.decision_id AS event_id, $source AS source, d.customer_id, 'sent' AS kind,
               d.attempted_at AS occurred_at, d.attempted_at AS received_at, d.channel, d.action_id, d.decision_id
        FROM deliveries d
        WHERE d.plan_id = $plan AND d.state IN ('sent', 'unknown') AND d.decision_id NOT IN (
            SELECT decision_id FROM events WHERE kind = 'sent' AND decision_id IS NOT NULL AND source <> $source
        )
        ORDER BY d.decision_id
        """,
        {"source": source, "plan": plan_id},
    )
    missing = {name: pa.nulls(sent.num_rows, EVENTS.schema.field(name).type) for name in EVENTS.schema.names}
    columns = missing | {name: sent[name] for name in sent.column_names}
    events = EVENTS.check(pa.table({name: columns[name] for name in EVENTS.schema.names}))
    rewrite(context, "events", events, {"source": source})


def _describe(context: Context, as_of: datetime, known: Horizon) -> dict[str, Any]:
    settings = context.settings
    profiles = CONTRACTS["profiles"].check(
        build_profiles(context.history, as_of, margin=settings.margin, currency=settings.currency)
    )
    day = as_of.date().isoformat()
    rewrite(context, "profiles", profiles, {"as_of_day": day})
    matured = _mature(context, as_of, known)
    if matured.num_rows:
        ids = content_hash(sorted(matured["decision_id"].to_pylist()))
        context.history.append("observations", matured, batch=ids)
    long = _mature_long(context, as_of, known)
    return {
        "as_of": as_of.isoformat(),
        "customers": profiles.num_rows,
        "observations_matured": matured.num_rows,
        "margin_window_money": float(sum(matured["margin_money"].to_pylist())),
        "refusals": known.refusals(),
        **long,
    }


def _mature_long(context: Context, as_of: datetime, known: Horizon) -> dict[str, int]:
    """Write the decisions whose long window has closed; counts them where there is a longer outcome."""
    settings = context.settings
    if not settings.outcome.long_days or known.known_until is None:
        return {}
    matured = mature_long_observations(
        context.history,
        as_of,
        window=LongWindow(
            settings.outcome.long_days, settings.outcome.discount_rate_per_year, _frozen_discounts(context)
        ),
        margin=settings.margin,
        currency=settings.currency,
        known_until=known.known_until,
    )
    if matured.num_rows:
        ids = content_hash([settings.outcome.long_days, *sorted(matured["decision_id"].to_pylist())])
        context.history.append("long_observations", matured, batch=ids)
    return {"long_observations_matured": matured.num_rows}


def _frozen_discounts(context: Context) -> dict[int, float]:
    """Return the discount rate that the outcomes of each cycle were valued at; none where no value model was fitted."""
    waiting = context.history.query(
        """
        SELECT DISTINCT cycle FROM observations
        WHERE cycle >= 1 AND decision_id NOT IN (SELECT decision_id FROM long_observations WHERE long_days = $long_days)
        ORDER BY cycle
        """,
        {"long_days": context.settings.outcome.long_days},
    )
    models = value_models(context, waiting["cycle"].to_pylist())
    return {cycle: model.discount_rate_per_year for cycle, model in models.items() if model.horizon_days}


def _mature(context: Context, as_of: datetime, known: Horizon) -> pa.Table:
    """Return the observations that can be made: their window has closed and the orders in it are known."""
    settings = context.settings
    if known.known_until is None:
        return CONTRACTS["observations"].empty()
    return CONTRACTS["observations"].check(
        mature_observations(
            context.history,
            as_of,
            outcome=settings.outcome,
            margin=settings.margin,
            currency=settings.currency,
            known_until=known.known_until,
        )
    )


def money_at_rest(context: Context, money: float) -> int:
    """Return an amount of the project's currency in integer minor units."""
    return round(money * minor_per_major(context.settings.currency))
