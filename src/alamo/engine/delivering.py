"""Delivering: how the decisions of a plan get into the ledger, to their channels, and settled.

Every step can be killed and repeated: a decision is reserved once, a batch keeps its id and its rows, a channel
delivers a batch of one id once, and only then is it settled. Batches are handed over in the order of their decisions'
ids within each action, which is the order of a hash and has nothing to do with who the customers are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.action import NO_ACTION, Action
from alamo.domain.policy import PolicySnapshot
from alamo.domain.records import DeliveryBatch, LedgerRow, PlanRecord
from alamo.engine.context import Context
from alamo.engine.gate import as_approved, no_channel, sending
from alamo.engine.guard import paused_ids
from alamo.engine.measure import money_at_rest, seal_deliveries
from alamo.engine.quiet_hours import quiet_for
from alamo.measurement.permissions import contactable
from alamo.steering.contact_policy import Ledger, at_their_cap
from alamo.steering.quiet_hours import earliest_send

BATCH_ROWS = 5_000
"""Deliveries handed to a channel at once: one transaction to reserve, one file or call, one to settle."""


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A launch: the plan, the policy that was approved with it, and who has reached a cap since it was made."""

    context: Context
    plan: PlanRecord
    policy: PolicySnapshot
    at_cap: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def as_approved(self) -> dict[str, Action]:
        """Return the actions whose message is the one approved, by id."""
        return as_approved(self.context, self.policy)

    def may_be_sent(self, action_id: str, customer_ids: Iterable[str]) -> frozenset[str]:
        """Return who may be sent the message of an action now.

        Nobody if the action is paused, outside its dates, or its message is not the one approved.
        """
        action, now = self.as_approved().get(action_id), self.context.clock.now()
        if action is None or not action.is_valid_at(now) or action_id in paused_ids(self.context):
            return frozenset()
        channel, full = self.policy.actions[action_id]["channel"], self.at_cap.get(action_id, frozenset())
        return contactable(self.context.history, customer_ids, channel, now) - full

    def with_caps_of_now(self, decisions: pa.Table) -> UnderWay:
        """Return the same launch knowing whom contacts made until now close an action of `decisions` to.

        What an earlier contact was is known of every action of the project, not only of those that are sent.
        """
        context = self.context
        seal_deliveries(context)
        drawn = decisions.filter(pc.not_equal(decisions["action_id"], NO_ACTION))
        ledger = Ledger(context.history, drawn["customer_id"], context.actions, context.clock.now())
        return replace(self, at_cap=at_their_cap(ledger, context.contact))


def reserve(under_way: UnderWay, decisions: pa.Table, *, going_on: Callable[[], bool]) -> bool:
    """Reserve every delivery; what may not be sent any more (consent, a cap, its message) is ``dropped`` at once.

    Returns False if it stopped half-way because `going_on` said so.
    """
    context = under_way.context
    for action_id in sending(decisions):
        if not going_on():
            return False
        mine = decisions.filter(pc.equal(decisions["action_id"], action_id)).sort_by("decision_id")
        allowed = under_way.may_be_sent(action_id, mine["customer_id"].to_pylist())
        for number, rows in enumerate(_chunks(mine)):
            state = {row["customer_id"]: "reserved" if row["customer_id"] in allowed else "dropped" for row in rows}
            context.state.ledger.reserve([_entry(under_way, row, number, state[row["customer_id"]]) for row in rows])
    return True


def reserve_cancelled(under_way: UnderWay, decisions: pa.Table) -> None:
    """Put what a launch never came to reserve into the ledger as ``cancelled``; what is in it stays as it is."""
    for action_id in sending(decisions):
        mine = decisions.filter(pc.equal(decisions["action_id"], action_id)).sort_by("decision_id")
        for number, rows in enumerate(_chunks(mine)):
            under_way.context.state.ledger.reserve([_entry(under_way, row, number, "cancelled") for row in rows])


def _entry(under_way: UnderWay, row: Mapping[str, Any], number: int, state: str) -> LedgerRow:
    """Return the row of the ledger for a decision in batch `number` of its action; a reserved one is not tried yet."""
    plan, action_id = under_way.plan, row["action_id"]
    return LedgerRow(
        decision_id=row["decision_id"],
        plan_id=plan.plan_id,
        batch_id=f"{plan.plan_id}-{action_id}-{number:05d}",
        customer_id=row["customer_id"],
        action_id=action_id,
        channel=under_way.policy.actions[action_id]["channel"],
        cost_minor=money_at_rest(under_way.context, row["cost_money"]),
        state=state,
        attempted_at=None if state == "reserved" else under_way.context.clock.now(),
    )


def _chunks(sending: pa.Table) -> Iterator[list[dict[str, Any]]]:
    rows = sending.select(["decision_id", "customer_id", "action_id", "cost_money"])
    for start in range(0, rows.num_rows, BATCH_ROWS):
        yield rows.slice(start, BATCH_ROWS).to_pylist()


def deliver_batch(under_way: UnderWay, batch_id: str) -> None:
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
    if not channel.delivered(batch_of(under_way, rows)):
        allowed = under_way.may_be_sent(action_id, [row.customer_id for row in rows])
        if clock.now() >= under_way.plan.valid_until:
            allowed = frozenset()
        gone = {row.decision_id: ("dropped", None) for row in rows if row.customer_id not in allowed}
        ledger.settle(batch_id, gone, at=clock.now())
        rows = [row for row in rows if row.decision_id not in gone]
    if rows:
        ledger.settle(batch_id, channel.deliver(batch_of(under_way, rows)), at=clock.now())


def batch_of(under_way: UnderWay, rows: Sequence[LedgerRow]) -> DeliveryBatch:
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


def _addresses(under_way: UnderWay, rows: Sequence[LedgerRow]) -> pa.Table:
    """Return where each message goes and, because of quiet hours, from when on it may, counted from this moment."""
    context = under_way.context
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
    send_at = earliest_send(found["time_zone"], quiet, zone, context.clock.now())
    return found.drop(["time_zone"]).append_column("send_at", send_at)
