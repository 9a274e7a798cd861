"""Acting: a launch can be killed anywhere and resumed without sending twice.

The order inside a launch is what makes that true: the decisions are written under the plan's id (once), every delivery
is reserved in the ledger, each batch goes to its channel under a fixed batch id (channels are idempotent by it), and
only then is it settled.

What is sent is what was approved. The policy snapshot holds a hash of each action's message; a plan whose messages have
been changed, deleted or paused since can be neither approved nor launched. A launch that was interrupted is past that
door: resumed, it drops what had not reached its channel yet of an action changed, deleted or paused meanwhile, and goes
on with the others. So nothing unapproved is ever sent, and no launch is stuck; what was dropped is counted, and the
next cycle decides about those customers again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.action import Action
from alamo.domain.policy import PolicySnapshot
from alamo.domain.records import DeliveryBatch, LedgerRow, PlanAct, PlanRecord
from alamo.engine.context import Context
from alamo.engine.gate import (
    as_approved,
    decisions_of,
    no_channel,
    plan_named,
    refuse_expired,
    refuse_other_messages,
    refuse_overtaken,
    sending,
)
from alamo.engine.guard import paused_ids
from alamo.engine.measure import money_at_rest
from alamo.engine.quiet_hours import quiet_for, waiting
from alamo.engine.responsibility import refuse_alone, responsible
from alamo.engine.staleness import refuse_changed_since
from alamo.measurement.permissions import contactable
from alamo.steering.quiet_hours import earliest_send

BATCH_ROWS = 5_000
"""Deliveries handed to a channel at once: one transaction to reserve, one file or call, one to settle."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Launch:
    """What became of a launch: decisions written, deliveries by state, and what waits for the end of quiet hours."""

    plan_id: str
    decisions: int
    deliveries: Mapping[str, int]
    quiet_hours: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the launch as it stands in ``--json``."""
        return {
            "schema": "alamo.launch/1",
            "plan": self.plan_id,
            "decisions": self.decisions,
            "deliveries": dict(self.deliveries),
            "quiet_hours": dict(self.quiet_hours),
        }


def launch(
    context: Context, plan_id: str | None, *, by: str, progress: Progress | None = None, anyway: str = ""
) -> Launch:
    """Launch an approved plan, or go on with a launch that was interrupted; a launched plan is left as it is.

    Raises
    ------
    StateError
        If the plan is not approved, by two people where it takes two, expired, overtaken, stale and no reason is given
        in `anyway`, or an action it sends was changed or deleted since.
    """
    plan = plan_named(context, plan_id)
    name = responsible(context, by)
    if plan.state == "launched":
        return _report(context, plan.plan_id)
    decisions = decisions_of(context, plan)
    if plan.state != "launching":
        plan = _begun(context, plan, decisions, by=name, anyway=anyway)
    context.history.replace("decisions", decisions, where={"plan_id": plan.plan_id}, batch=f"launch-{plan.plan_id}")
    under_way = _UnderWay(context, plan, context.shelf.get(plan.policy_version))
    _reserve(under_way, decisions)
    _deliver(under_way, progress)
    act = PlanAct(plan.plan_id, "launched", name, context.clock.now())
    context.state.plans.move(act, from_states=("launching",))
    return _report(context, plan.plan_id)


def _begun(context: Context, plan: PlanRecord, decisions: pa.Table, *, by: str, anyway: str) -> PlanRecord:
    """Bring a plan through the doors of a launch; past them it may be interrupted and resumed."""
    refuse_expired(context, plan)
    refuse_overtaken(context, plan)
    noted: dict[str, Any] = {}
    if plan.state == "approved":
        refuse_alone(context, plan, by)
        refuse_other_messages(context, plan, decisions)
        noted = refuse_changed_since(context, plan, anyway)
    act = PlanAct(plan.plan_id, "launching", by, context.clock.now(), anyway.strip(), noted)
    return context.state.plans.move(act, from_states=("approved",))


@dataclass(frozen=True, slots=True)
class _UnderWay:
    """A launch: the plan and the policy that was approved with it."""

    context: Context
    plan: PlanRecord
    policy: PolicySnapshot

    def as_approved(self) -> dict[str, Action]:
        """Return the actions whose message is the one approved, by id."""
        return as_approved(self.context, self.policy)

    def may_be_sent(self, action_id: str, customer_ids: Iterable[str]) -> frozenset[str]:
        """Return who may be sent the message of an action now: none if it is paused, or not the one approved."""
        if action_id not in self.as_approved() or action_id in paused_ids(self.context):
            return frozenset()
        channel, now = self.policy.actions[action_id]["channel"], self.context.clock.now()
        return contactable(self.context.history, customer_ids, channel, now)


def _reserve(under_way: _UnderWay, decisions: pa.Table) -> None:
    """Reserve every delivery; what may not be sent any more (consent, changed message) is ``dropped`` at once."""
    context, plan = under_way.context, under_way.plan
    now = context.clock.now()
    for action_id in sending(decisions):
        mine = decisions.filter(pc.equal(decisions["action_id"], action_id)).sort_by("decision_id")
        allowed = under_way.may_be_sent(action_id, mine["customer_id"].to_pylist())
        for number, rows in enumerate(_chunks(mine)):
            reserved = [
                LedgerRow(
                    decision_id=row["decision_id"],
                    plan_id=plan.plan_id,
                    batch_id=f"{plan.plan_id}-{action_id}-{number:05d}",
                    customer_id=row["customer_id"],
                    action_id=action_id,
                    channel=under_way.policy.actions[action_id]["channel"],
                    cost_minor=money_at_rest(context, row["cost_money"]),
                    state="reserved" if row["customer_id"] in allowed else "dropped",
                    attempted_at=now,
                )
                for row in rows
            ]
            context.state.ledger.reserve(reserved)


def _chunks(sending: pa.Table) -> Iterator[list[dict[str, Any]]]:
    rows = sending.select(["decision_id", "customer_id", "cost_money"])
    for start in range(0, rows.num_rows, BATCH_ROWS):
        yield rows.slice(start, BATCH_ROWS).to_pylist()


def _deliver(under_way: _UnderWay, progress: Progress | None) -> None:
    pending = under_way.context.state.ledger.open_batches(under_way.plan.plan_id)
    for done, batch_id in enumerate(pending):
        _deliver_batch(under_way, batch_id)
        if progress is not None:
            progress(done + 1, len(pending))


def _deliver_batch(under_way: _UnderWay, batch_id: str) -> None:
    """Deliver one batch and settle it; what may no longer be sent is dropped, unless it is at the channel already.

    Where the action is gone and its channel with it, nobody can say what had been sent: the rows become ``unknown``,
    which is never sent again and counts as a contact.
    """
    ledger, clock = under_way.context.state.ledger, under_way.context.clock
    rows = [row for row in ledger.batch(batch_id) if row.state == "reserved"]
    if not rows:
        return
    action_id, name = rows[0].action_id, rows[0].channel
    channel = under_way.context.channels.get(name)
    if channel is None:
        if action_id in under_way.as_approved():
            raise no_channel(under_way.context, action_id, name)
        ledger.settle(batch_id, {row.decision_id: ("unknown", None) for row in rows}, at=clock.now())
        return
    if not channel.delivered(_batch(under_way, rows)):
        allowed = under_way.may_be_sent(action_id, [row.customer_id for row in rows])
        if clock.now() >= under_way.plan.valid_until:
            allowed = frozenset()
        gone = {row.decision_id: ("dropped", None) for row in rows if row.customer_id not in allowed}
        ledger.settle(batch_id, gone, at=clock.now())
        rows = [row for row in rows if row.decision_id not in gone]
    if rows:
        ledger.settle(batch_id, channel.deliver(_batch(under_way, rows)), at=clock.now())


def _batch(under_way: _UnderWay, rows: Sequence[LedgerRow]) -> DeliveryBatch:
    """Return what the channel is handed; content is empty where the action is no longer the one approved."""
    plan, action = under_way.plan, under_way.as_approved().get(rows[0].action_id)
    return DeliveryBatch(
        batch_id=rows[0].batch_id,
        plan_id=plan.plan_id,
        cycle=plan.cycle,
        action_id=rows[0].action_id,
        channel=rows[0].channel,
        content={} if action is None else action.content,
        decided_at=plan.created_at,
        rows=_addresses(under_way, rows),
    )


def _addresses(under_way: _UnderWay, rows: Sequence[LedgerRow]) -> pa.Table:
    """Return where each message goes and, because of quiet hours, from when on it may.

    The moment counts from the start of the launch, so a resumed launch hands over the same rows again.
    """
    context, plan = under_way.context, under_way.plan
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
    quiet, zone = quiet_for(context, under_way.policy.actions[rows[0].action_id]), context.settings.time_zone
    send_at = earliest_send(found["time_zone"], quiet, zone, plan.launched_at or context.clock.now())
    return found.drop(["time_zone"]).append_column("send_at", send_at)


def _report(context: Context, plan_id: str) -> Launch:
    decisions = context.history.query("SELECT count(*) AS n FROM decisions WHERE plan_id = $plan", {"plan": plan_id})
    plan = plan_named(context, plan_id)
    quiet = waiting(context, plan, context.shelf.get(plan.policy_version))
    counts = dict(context.state.ledger.counts().get(plan_id, {}))
    return Launch(plan_id, decisions["n"][0].as_py(), counts, quiet)
