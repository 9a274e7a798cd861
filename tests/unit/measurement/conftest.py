"""Small tables for the measurement room: events, decisions and files in a few words."""

from __future__ import annotations

import io
import itertools
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from alamo.connectors.sources import open_rows
from alamo.domain.tables import CUSTOMERS, DECISIONS, DELIVERIES, EVENTS
from alamo.measurement import ImportContext, preview, resolve_mapping
from alamo.store import MemoryHistory


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class Bench:
    """Builds a history row by row and files from text."""

    context = ImportContext("orders:test", "GBP", "UTC", datetime(2026, 1, 1, tzinfo=UTC))

    def __init__(self) -> None:
        self._count = itertools.count()

    def event(self, customer: str, kind: str, at: str, amount: int | None = None, **more) -> dict:
        when = moment(at)
        row = dict.fromkeys(EVENTS.schema.names) | more
        return row | {
            "event_id": f"e{next(self._count)}",
            "source": "test",
            "customer_id": customer,
            "kind": kind,
            "occurred_at": when,
            "received_at": when,
            "amount_minor": amount,
        }

    def decision(self, name: str, customer: str, at: str, action: str = "none", **more) -> dict:
        row = {
            "decision_id": name,
            "unit_id": customer,
            "customer_id": customer,
            "cycle": 1,
            "decided_at": moment(at),
            "action_id": action,
            "eligible": ["mail", "none"],
            "p": [0.5, 0.5],
            "p_action": 0.5,
            "universal_control": False,
            "plan_id": "plan",
            "block": 0,
            "reason": "best net value",
            "value_mean_money": 0.0,
            "net_money": 0.0,
            "cost_money": 0.0 if action == "none" else 0.4,
            "policy_version": "v",
            "valid_until": moment("2030-01-01"),
        }
        return row | more

    def delivery(self, decision: str, customer: str, state: str) -> dict:
        return {
            "decision_id": decision,
            "plan_id": "plan",
            "customer_id": customer,
            "action_id": "mail",
            "channel": "email",
            "state": state,
            "provider_id": None,
            "attempted_at": moment("2020-01-01"),
            "cost_minor": 40,
        }

    def customer(self, name: str, received: str, created: str | None = None, source: str = "crm", **more) -> dict:
        row = dict.fromkeys(CUSTOMERS.schema.names) | more
        return row | {
            "customer_id": name,
            "source": source,
            "received_at": moment(received),
            "created_at": None if created is None else moment(created),
        }

    def history(self, events=(), *, customers=(), decisions=(), deliveries=()) -> MemoryHistory:
        history = MemoryHistory()
        rows = ((EVENTS, events), (CUSTOMERS, customers), (DECISIONS, decisions), (DELIVERIES, deliveries))
        for contract, table in rows:
            if table:
                history.append(
                    contract.table, pa.Table.from_pylist(list(table), schema=contract.schema), batch=contract.table
                )
        return history

    def stream(self, data: str | bytes):
        return open_rows("-", stdin=io.BytesIO(data.encode() if isinstance(data, str) else data))

    def imported(self, kind: str, data: str | bytes, mapping: dict | None = None, context: ImportContext | None = None):
        """Preview a file: accepted rows and quarantined rows as dictionaries."""
        stream = self.stream(data)
        resolved = resolve_mapping(kind, stream.header, mapping)
        shown = preview(stream, resolved, context or self.context)
        return shown.rows.to_pylist(), shown.quarantined.to_pylist()


@pytest.fixture
def bench() -> Bench:
    return Bench()
