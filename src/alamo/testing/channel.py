"""What every channel must do."""

# ruff: noqa: D102, S101 # conformance tests assert, and their names are sentences

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pyarrow as pa

from alamo.domain.ports import Channel
from alamo.domain.records import DELIVERY_STATES, DeliveryBatch


def delivery_batch(n: int = 3, batch_id: str = "batch-1") -> DeliveryBatch:
    """Return a batch of `n` deliveries whose ids carry the batch id."""
    rows = pa.table(
        {
            "decision_id": [f"{batch_id}-decision-{i:06}" for i in range(n)],
            "customer_id": [f"customer-{i}" for i in range(n)],
            "email": pa.array([f"c{i}@example.org" if i % 3 else None for i in range(n)], pa.string()),
            "phone": pa.array([f"+4930{i:06}" if i % 2 else None for i in range(n)], pa.string()),
        }
    )
    return DeliveryBatch(
        batch_id=batch_id,
        plan_id="plan-1",
        cycle=1,
        action_id="spring-mail",
        channel="email",
        content={"subject": "Spring, =SUM(1)", "voucher": "ABC"},
        decided_at=datetime(2026, 3, 1, tzinfo=UTC),
        rows=rows,
    )


class ChannelSuite:
    """Conformance of `alamo.domain.ports.Channel`.

    A child gives two fixtures: `channel`, one that has delivered nothing, and `outbox`, a function that returns the
    decision ids that have gone out through it, each as often as it went.
    """

    def test_it_has_a_name(self, channel: Channel) -> None:
        assert channel.name

    def test_every_decision_gets_a_receipt(self, channel: Channel) -> None:
        batch = delivery_batch(5)
        receipts = channel.deliver(batch)
        assert sorted(receipts) == batch.rows["decision_id"].to_pylist()
        assert {state for state, _ in receipts.values()} <= set(DELIVERY_STATES) - {"reserved", "dropped"}

    def test_what_was_sent_went_out_once(self, channel: Channel, outbox: Callable[[], Sequence[str]]) -> None:
        receipts = channel.deliver(delivery_batch(5))
        assert sorted(outbox()) == sorted(decision for decision, (state, _) in receipts.items() if state == "sent")

    def test_the_same_batch_again_gives_the_same_receipts_and_sends_nothing(
        self, channel: Channel, outbox: Callable[[], Sequence[str]]
    ) -> None:
        first = channel.deliver(delivery_batch())
        went = sorted(outbox())
        assert channel.deliver(delivery_batch()) == first
        assert sorted(outbox()) == went

    def test_batches_do_not_mix(self, channel: Channel, outbox: Callable[[], Sequence[str]]) -> None:
        one, two = channel.deliver(delivery_batch(3, "one")), channel.deliver(delivery_batch(4, "two"))
        assert not one.keys() & two.keys()
        assert len(outbox()) == sum(state == "sent" for state, _ in [*one.values(), *two.values()])

    def test_it_knows_what_it_has_delivered(self, channel: Channel) -> None:
        assert not channel.delivered(delivery_batch(3, "one"))
        channel.deliver(delivery_batch(3, "one"))
        assert channel.delivered(delivery_batch(3, "one"))
        assert not channel.delivered(delivery_batch(3, "two"))

    def test_an_empty_batch_sends_nothing(self, channel: Channel, outbox: Callable[[], Sequence[str]]) -> None:
        assert channel.deliver(delivery_batch(0)) == {}
        assert list(outbox()) == []
