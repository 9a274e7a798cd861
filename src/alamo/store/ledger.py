"""The delivery ledger in SQL: one row per decision, which is what makes a second send impossible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import attrgetter

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from alamo.domain.records import LedgerRow
from alamo.store.database import Database
from alamo.store.rules import Receipts, check_receipts, check_reserved
from alamo.store.schema import LEDGER

_FIELDS = tuple(column.name for column in LEDGER.c)
_VALUES = attrgetter(*_FIELDS)


class SqlDeliveryLedger:
    """Implements `alamo.domain.ports.DeliveryLedger`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def reserve(self, rows: Sequence[LedgerRow]) -> int:
        """Insert rows in one transaction, known decisions excepted, and return how many are new.

        Raises
        ------
        StateError
            If a row is not ``reserved``, ``dropped`` (a permission has gone) or ``unknown`` (not sent from here).
        """
        if not rows:
            return 0
        check_reserved(rows)
        statement = insert(LEDGER).on_conflict_do_nothing(index_elements=["decision_id"])
        values = [dict(zip(_FIELDS, _VALUES(row), strict=True)) for row in rows]
        with self._database.writing() as connection:
            before = _total_changes(connection)
            connection.execute(statement, values)
            return _total_changes(connection) - before

    def open_batches(self, plan_id: str) -> Sequence[str]:
        """Return the batch ids of the plan that still hold reserved rows, in order."""
        open_rows = (LEDGER.c.plan_id == plan_id) & (LEDGER.c.state == "reserved")
        query = sa.select(LEDGER.c.batch_id).where(open_rows).distinct().order_by(LEDGER.c.batch_id)
        with self._database.reading() as connection:
            return list(connection.scalars(query))

    def batch(self, batch_id: str) -> Sequence[LedgerRow]:
        """Return the rows of a batch, ordered by decision id."""
        return self._select(LEDGER.c.batch_id == batch_id)

    def settle(self, batch_id: str, receipts: Receipts, *, at: datetime) -> None:
        """Set state and provider id of the decisions of a batch in one transaction.

        Raises
        ------
        StateError
            If a receipt is in no settled state or of a decision outside the batch; nothing is settled then.
        """
        if not receipts:
            return
        statement = (
            sa.update(LEDGER)
            .where(LEDGER.c.decision_id == sa.bindparam("of_decision"))
            .values(
                state=sa.bindparam("new_state"),
                provider_id=sa.bindparam("new_provider_id"),
                attempted_at=sa.func.coalesce(
                    LEDGER.c.attempted_at, sa.bindparam("now", type_=LEDGER.c.settled_at.type)
                ),
                settled_at=sa.bindparam("now", type_=LEDGER.c.settled_at.type),
            )
        )
        values = [
            {"of_decision": decision_id, "new_state": state, "new_provider_id": provider_id, "now": at}
            for decision_id, (state, provider_id) in receipts.items()
        ]
        with self._database.writing() as connection:
            known = connection.scalars(sa.select(LEDGER.c.decision_id).where(LEDGER.c.batch_id == batch_id))
            check_receipts(batch_id, receipts, known)
            connection.execute(statement, values)

    def find(self, decision_id: str) -> LedgerRow | None:
        """Return the row of a decision, or None."""
        found = self._select(LEDGER.c.decision_id == decision_id)
        return found[0] if found else None

    def rows(self, plan_id: str) -> Sequence[LedgerRow]:
        """Return every row of a plan, ordered by decision id."""
        return self._select(LEDGER.c.plan_id == plan_id)

    def counts(self) -> Mapping[str, Mapping[str, int]]:
        """Return plan id → state → number of rows."""
        query = sa.select(LEDGER.c.plan_id, LEDGER.c.state, sa.func.count()).group_by(LEDGER.c.plan_id, LEDGER.c.state)
        counts: dict[str, dict[str, int]] = {}
        with self._database.reading() as connection:
            for plan_id, state, n in connection.execute(query):
                counts.setdefault(plan_id, {})[state] = n
        return counts

    def _select(self, condition: sa.ColumnElement[bool]) -> list[LedgerRow]:
        query = sa.select(*LEDGER.c).where(condition).order_by(LEDGER.c.decision_id)
        with self._database.reading() as connection:
            return [LedgerRow(**dict(zip(_FIELDS, row, strict=True))) for row in connection.execute(query)]


def _total_changes(connection: sa.Connection) -> int:
    return int(connection.exec_driver_sql("SELECT total_changes()").scalar_one())
