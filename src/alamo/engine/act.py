"""Acting: approve and launch are two acts; a launch can be killed anywhere and resumed without sending twice.

The order inside a launch is what makes that true: the decisions are written under the plan's id (once), every delivery
is reserved in the ledger, each batch goes to its channel under a fixed batch id (channels are idempotent by it), and
only then is it settled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.action import NO_ACTION, Action
from alamo.domain.errors import StateError
from alamo.domain.ports import Channel
from alamo.domain.records import DeliveryBatch, LedgerRow, PlanRecord
from alamo.domain.time import iso
from alamo.engine.context import Context
from alamo.engine.measure import money_at_rest
from alamo.measurement.permissions import closed_channels
from alamo.steering.contact_policy import earliest_send

BATCH_ROWS = 5_000
"""Deliveries handed to a channel at once: one transaction to reserve, one file or call, one to settle."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Launch:
    """What became of a launch: decisions written, deliveries by state."""

    plan_id: str
    decisions: int
    deliveries: Mapping[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Return the launch as it stands in ``--json``."""
        return {
            "schema": "alamo.launch/1",
            "plan": self.plan_id,
            "decisions": self.decisions,
            "deliveries": dict(self.deliveries),
        }


def plan_named(context: Context, plan_id: str | None) -> PlanRecord:
    """Return a plan, or the newest when `plan_id` is None.

    Raises
    ------
    StateError
        If there is none.
    """
    plans = context.state.plans.all()
    found = context.state.plans.get(plan_id) if plan_id else newest_plan(context)
    if found is None:
        known = ", ".join(plan.plan_id for plan in plans[-5:]) or "none yet"
        raise StateError(
            f"there is no plan {plan_id!r}" if plan_id else "there is no plan yet",
            hint=f"Plans: {known}. Make one with: alamo run",
            code="plan.unknown",
        )
    return found


def newest_plan(context: Context) -> PlanRecord | None:
    """Return the newest plan that is not overtaken or cancelled, else the newest of all; None before the first."""
    plans = context.state.plans.all()
    live: Sequence[PlanRecord] = [plan for plan in plans if plan.state not in ("superseded", "cancelled")]
    found = live or plans
    return found[-1] if found else None


def approve(context: Context, plan_id: str | None, *, by: str) -> PlanRecord:
    """Approve a proposed plan; nothing is sent."""
    plan = plan_named(context, plan_id)
    _refuse_stale(context, plan)
    return context.state.plans.move(
        plan.plan_id, from_states=("proposed",), to_state="approved", by=by, at=context.clock.now()
    )


def cancel(context: Context, plan_id: str | None, *, by: str) -> PlanRecord:
    """Cancel a plan that has not been launched."""
    plan = plan_named(context, plan_id)
    return context.state.plans.move(
        plan.plan_id, from_states=("proposed", "approved"), to_state="cancelled", by=by, at=context.clock.now()
    )


def launch(context: Context, plan_id: str | None, *, by: str, progress: Progress | None = None) -> Launch:
    """Launch an approved plan, or go on with a launch that was interrupted; a launched plan is left as it is."""
    plan = plan_named(context, plan_id)
    if plan.state == "launched":
        return _report(context, plan.plan_id)
    if plan.state != "launching":
        _refuse_stale(context, plan)
        _refuse_overtaken(context, plan)
        plan = context.state.plans.move(
            plan.plan_id, from_states=("approved",), to_state="launching", by=by, at=context.clock.now()
        )
    decisions = context.history.query("SELECT * FROM proposals WHERE plan_id = $plan", {"plan": plan.plan_id})
    context.history.replace("decisions", decisions, where={"plan_id": plan.plan_id}, batch=f"launch-{plan.plan_id}")
    _reserve(context, plan, decisions)
    _deliver(context, plan, progress)
    context.state.plans.move(
        plan.plan_id, from_states=("launching",), to_state="launched", by=by, at=context.clock.now()
    )
    return _report(context, plan.plan_id)


def _refuse_stale(context: Context, plan: PlanRecord) -> None:
    if plan.state in ("proposed", "approved") and context.clock.now() >= plan.valid_until:
        raise StateError(
            f"plan {plan.plan_id} was valid until {iso(plan.valid_until)}",
            hint="Make a new one from today's data with: alamo run",
            code="plan.stale",
        )


def _refuse_overtaken(context: Context, plan: PlanRecord) -> None:
    """A plan knows nothing of contacts that a later one has made since."""
    for other in context.state.plans.all():
        if other.state in ("launching", "launched") and other.cycle >= plan.cycle and other.plan_id != plan.plan_id:
            raise StateError(
                f"plan {plan.plan_id} is overtaken by {other.plan_id}, which is {other.state}",
                hint=f"Leave it: alamo plan cancel {plan.plan_id}",
                code="plan.overtaken",
            )


def _reserve(context: Context, plan: PlanRecord, decisions: pa.Table) -> None:
    """Reserve every delivery; a permission withdrawn since the plan was drawn makes a row ``dropped`` at once."""
    sending = decisions.filter(pc.not_equal(decisions["action_id"], NO_ACTION)).sort_by("decision_id")
    closed = closed_channels(context.history, context.clock.now())
    now = context.clock.now()
    actions = {action.id: action for action in context.actions}
    for action_id, start, rows in _chunks(sending):
        action = actions[action_id]
        batch_id = f"{plan.plan_id}-{action_id}-{start // BATCH_ROWS:05d}"
        reserved = [
            LedgerRow(
                decision_id=row["decision_id"],
                plan_id=plan.plan_id,
                batch_id=batch_id,
                customer_id=row["customer_id"],
                action_id=action_id,
                channel=action.channel,
                cost_minor=money_at_rest(context, row["cost_money"]),
                state="dropped" if closed.forbids(row["customer_id"], action.channel) else "reserved",
                attempted_at=now,
            )
            for row in rows
        ]
        context.state.ledger.reserve(reserved)


def _chunks(sending: pa.Table) -> Iterator[tuple[str, int, list[dict[str, Any]]]]:
    for action_id in pc.unique(sending["action_id"]).sort().to_pylist():
        mine = sending.filter(pc.equal(sending["action_id"], action_id))
        mine = mine.select(["decision_id", "customer_id", "cost_money"])
        for start in range(0, mine.num_rows, BATCH_ROWS):
            yield action_id, start, mine.slice(start, BATCH_ROWS).to_pylist()


def _deliver(context: Context, plan: PlanRecord, progress: Progress | None) -> None:
    actions = {action.id: action for action in context.actions}
    pending = context.state.ledger.open_batches(plan.plan_id)
    for done, batch_id in enumerate(pending):
        _deliver_batch(context, plan, batch_id, actions)
        if progress is not None:
            progress(done + 1, len(pending))


def _deliver_batch(context: Context, plan: PlanRecord, batch_id: str, actions: Mapping[str, Action]) -> None:
    """Deliver one batch and settle it; what may no longer be sent is dropped, unless it is at the channel already."""
    rows = [row for row in context.state.ledger.batch(batch_id) if row.state == "reserved"]
    action = actions[rows[0].action_id]
    channel = _channel(context, action)
    batch = _batch(context, plan, action, rows)
    if not channel.delivered(batch):
        now = context.clock.now()
        closed = closed_channels(context.history, now)
        late = now >= plan.valid_until
        gone = [row for row in rows if late or closed.forbids(row.customer_id, action.channel)]
        context.state.ledger.settle(batch_id, {row.decision_id: ("dropped", None) for row in gone}, at=now)
        rows = [row for row in rows if row not in gone]
        batch = _batch(context, plan, action, rows)
    if rows:
        context.state.ledger.settle(batch_id, channel.deliver(batch), at=context.clock.now())


def _batch(context: Context, plan: PlanRecord, action: Action, rows: Sequence[LedgerRow]) -> DeliveryBatch:
    return DeliveryBatch(
        batch_id=rows[0].batch_id if rows else "",
        plan_id=plan.plan_id,
        cycle=plan.cycle,
        action_id=action.id,
        channel=action.channel,
        content=action.content,
        decided_at=plan.created_at,
        rows=_addresses(context, plan, rows),
    )


def _channel(context: Context, action: Action) -> Channel:
    channel = context.channels.get(action.channel)
    if channel is None:
        raise StateError(
            f"action {action.id!r} uses channel {action.channel!r}, which is not set up",
            hint=f"Channels set up here: {', '.join(sorted(context.channels)) or 'none'}. See: alamo doctor",
            code="channel.unknown",
        )
    return channel


def _addresses(context: Context, plan: PlanRecord, rows: Sequence[LedgerRow]) -> pa.Table:
    """Return where each message goes and, because of quiet hours, from when on it may.

    The moment counts from the start of the launch, so a resumed launch hands over the same rows again.
    """
    wanted = pa.table(
        {
            "decision_id": pa.array([row.decision_id for row in rows], pa.string()),
            "customer_id": pa.array([row.customer_id for row in rows], pa.string()),
        }
    )
    found = context.history.query(
        """
        WITH latest AS (
            SELECT customer_id, arg_max(email, received_at) AS email, arg_max(phone, received_at) AS phone,
                   arg_max(time_zone, received_at) AS time_zone
            FROM customers WHERE customer_id IN (SELECT customer_id FROM wanted) GROUP BY customer_id
        )
        SELECT wanted.decision_id, wanted.customer_id, latest.email, latest.phone, latest.time_zone
        FROM wanted LEFT JOIN latest USING (customer_id) ORDER BY wanted.decision_id
        """,
        relations={"wanted": wanted},
    )
    quiet, zone = context.contact.quiet_hours, context.settings.time_zone
    send_at = earliest_send(found["time_zone"], quiet, zone, plan.launched_at or context.clock.now())
    return found.drop(["time_zone"]).append_column("send_at", send_at)


def _report(context: Context, plan_id: str) -> Launch:
    decisions = context.history.query("SELECT count(*) AS n FROM decisions WHERE plan_id = $plan", {"plan": plan_id})
    return Launch(plan_id, decisions["n"][0].as_py(), dict(context.state.ledger.counts().get(plan_id, {})))
