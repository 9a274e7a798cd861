"""A finished experiment taken in: its decisions, observations and outcomes, as a cycle of its own.

Experiments are numbered backwards from 0: they are evidence from before the loop's own cycles.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.action import NO_ACTION
from alamo.domain.reasons import DecisionReason
from alamo.domain.records import StepRecord
from alamo.domain.tables import CONTRACTS, DECISIONS, OBSERVATIONS
from alamo.engine.context import Context
from alamo.measurement import ImportContext, ResolvedMapping, experiment_observations
from alamo.numerics.hashing import content_hash

EXPERIMENT = "experiment"
"""The kind of these files."""


def write_experiment(
    context: Context, rows: pa.Table, mapping: ResolvedMapping, about: ImportContext, batch: str
) -> dict[str, Any]:
    """Replace the experiment of a source: decisions, outcomes, scores and observations; returns what it became."""
    plan = _plan_of(about.source)
    about = replace(about, received_at=_begun(context, f"{plan}/{batch}", about.received_at))
    cycle = _cycle_of(context, plan)
    observations = experiment_observations(rows, mapping, about, cycle=cycle)
    history = context.history
    decisions = DECISIONS.check(_decisions_of(observations, plan))
    history.replace("decisions", decisions, where={"plan_id": plan}, batch=batch)
    history.replace("outcomes", _outcomes_of(observations), where={"cycle": cycle}, batch=batch)
    history.replace("dr_scores", CONTRACTS["dr_scores"].empty(), where={"cycle": cycle}, batch=batch)
    history.replace("observations", observations, where={"cycle": cycle}, batch=batch)
    return {"cycle": cycle, "plan": plan, "observations": observations.num_rows}


def remove_experiment(context: Context, source: str, batch: str) -> None:
    """Remove the experiment of a source; its decisions go last, for they tell a killed removal which cycle it was."""
    plan = _plan_of(source)
    cycle = _known_cycle(context, plan)
    if cycle is None:
        return
    for table in ("observations", "dr_scores", "outcomes"):
        context.history.replace(table, CONTRACTS[table].empty(), where={"cycle": cycle}, batch=batch)
    context.history.replace("decisions", DECISIONS.empty(), where={"plan_id": plan}, batch=batch)


def _plan_of(source: str) -> str:
    return f"{EXPERIMENT}-{content_hash(source)[:12]}"


def _begun(context: Context, key: str, now: datetime) -> datetime:
    """Return when the import of this content began: killed and begun again, its tables still tell of one moment."""
    found = context.state.steps.find(key)
    if found is None:
        found = StepRecord(key, now, now)
        context.state.steps.finish(found)
    return found.started_at


def _cycle_of(context: Context, plan: str) -> int:
    """Return the cycle of an experiment: the one a killed or earlier import gave it, else the next before the first."""
    known = _known_cycle(context, plan)
    if known is not None:
        return known
    first = context.history.query("SELECT coalesce(min(cycle), 1) AS first FROM decisions")["first"][0].as_py()
    return min(int(first), 1) - 1


def _known_cycle(context: Context, plan: str) -> int | None:
    sql = "SELECT min(cycle) AS cycle FROM decisions WHERE plan_id = $plan"
    cycle: int | None = context.history.query(sql, {"plan": plan})["cycle"][0].as_py()
    return cycle


def _decisions_of(observations: pa.Table, plan: str) -> pa.Table:
    n = observations.num_rows
    shared = {name: observations[name] for name in DECISIONS.schema.names if name in OBSERVATIONS.schema.names}
    control = pc.equal(observations["action_id"], NO_ACTION)
    reason = pc.if_else(control, DecisionReason.CONTROL.value, DecisionReason.EXPLORATION.value)
    added = {
        "plan_id": pa.repeat(plan, n),
        "block": pa.repeat(pa.scalar(0, pa.int64()), n),
        "reason": reason,
        "value_mean_money": pa.repeat(0.0, n),
        "net_money": pa.repeat(0.0, n),
        "cost_money": observations["cost_money"],
        "policy_version": pa.repeat("imported", n),
        "valid_until": observations["window_end"],
    }
    columns = shared | added
    return pa.table({name: columns[name] for name in DECISIONS.schema.names})


def _outcomes_of(observations: pa.Table) -> pa.Table:
    """The file's outcome is the whole outcome: no residual value is added; the cost is known and taken off."""
    margin, cost = observations["margin_money"], observations["cost_money"]
    columns = {
        "decision_id": observations["decision_id"],
        "cycle": observations["cycle"],
        "margin_money": margin,
        "residual_value_money": pa.repeat(0.0, observations.num_rows),
        "cost_money": cost,
        "outcome_money": pc.subtract(margin, cost),
        "value_version": pa.repeat("observed", observations.num_rows),
        "permission_money": pa.nulls(observations.num_rows, pa.float64()),
    }
    return CONTRACTS["outcomes"].check(pa.table(columns))
