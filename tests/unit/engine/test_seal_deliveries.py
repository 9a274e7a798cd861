"""Deliveries are copied to the history once, and every contact in them is counted, whatever dies in between."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pyarrow as pa
import pytest

from alamo.domain.records import LedgerRow
from alamo.domain.tables import EVENTS
from alamo.engine import measure as step
from alamo.engine.measure import seal_deliveries
from alamo.store import memory_stores

NOW = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.fixture
def context():
    stores = memory_stores()
    rows = [LedgerRow(f"d{i}", "p", "b", f"c{i}", "mail", "email", 10) for i in range(3)]
    stores.state.ledger.reserve(rows)
    stores.state.ledger.settle("b", {"d0": ("sent", None), "d1": ("failed", None), "d2": ("unknown", None)}, at=NOW)
    return SimpleNamespace(history=stores.history, state=stores.state, clock=SimpleNamespace(now=lambda: NOW))


def contacts(context) -> list[str]:
    found = context.history.query("SELECT decision_id FROM events WHERE kind = 'sent' ORDER BY decision_id")
    return found["decision_id"].to_pylist()


def test_contacts_are_counted_after_a_kill_between_copying_deliveries_and_counting_them(context, monkeypatch):
    def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(step, "_count_contacts", die)
        with pytest.raises(KeyboardInterrupt):
            seal_deliveries(context)
    assert context.history.query("SELECT count(*) AS n FROM deliveries")["n"][0].as_py() == 3
    assert contacts(context) == []
    seal_deliveries(context)
    assert contacts(context) == ["d0", "d2"]


def report(context, decisions: list[str]) -> None:
    """A source says of these decisions that they were sent; saying it anew replaces what it said before."""
    rows = [
        {"event_id": f"tool-{one}", "source": "tool", "customer_id": "c" + one[1:], "kind": "sent", "occurred_at": NOW,
         "received_at": NOW, "channel": "email", "action_id": "mail", "decision_id": one}
        for one in decisions
    ]  # fmt: skip
    table = pa.Table.from_pylist(rows, schema=EVENTS.schema)
    context.history.replace("events", table, where={"source": "tool"}, batch=f"tool-{decisions}")


def test_a_contact_that_a_source_reports_after_it_was_counted_is_counted_once(context):
    seal_deliveries(context)
    report(context, ["d0"])
    seal_deliveries(context)
    assert contacts(context) == ["d0", "d2"]
    report(context, [])
    assert contacts(context) == ["d2"]
    seal_deliveries(context)
    assert contacts(context) == ["d0", "d2"]


def test_sealing_again_writes_nothing(context):
    seal_deliveries(context)
    before = [context.history.snapshot_version(name) for name in ("deliveries", "events")]
    seal_deliveries(context)
    assert contacts(context) == ["d0", "d2"]
    assert [context.history.snapshot_version(name) for name in ("deliveries", "events")] == before
