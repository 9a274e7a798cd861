"""Numbered migrations of the operational half: each runs once, in one transaction, in order, and is never edited.

A database made by a newer Alamo is refused rather than guessed at.
"""

from __future__ import annotations

import sqlalchemy as sa

from alamo.domain.errors import StoreError
from alamo.store.schema import SCHEMA_VERSION

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE steps (
            "key" TEXT NOT NULL PRIMARY KEY,
            started_at DATETIME NOT NULL,
            finished_at DATETIME NOT NULL,
            detail JSON NOT NULL
        )""",
        """CREATE TABLE imports (
            id INTEGER NOT NULL PRIMARY KEY,
            source TEXT NOT NULL,
            kind TEXT NOT NULL,
            content_hash TEXT NOT NULL,
            imported_at DATETIME NOT NULL,
            "rows" INTEGER NOT NULL,
            quarantined INTEGER NOT NULL,
            detail JSON NOT NULL
        )""",
        "CREATE INDEX ix_imports_source ON imports (source)",
        """CREATE TABLE plans (
            plan_id TEXT NOT NULL PRIMARY KEY,
            cycle INTEGER NOT NULL,
            state TEXT NOT NULL CHECK (
                state IN ('proposed', 'approved', 'launching', 'launched', 'cancelled', 'superseded')
            ),
            policy_version TEXT NOT NULL,
            created_at DATETIME NOT NULL,
            valid_until DATETIME NOT NULL,
            summary JSON NOT NULL,
            approved_by TEXT,
            approved_at DATETIME,
            launched_by TEXT,
            launched_at DATETIME
        )""",
        """CREATE TABLE ledger (
            decision_id TEXT NOT NULL PRIMARY KEY,
            plan_id TEXT NOT NULL,
            batch_id TEXT NOT NULL,
            customer_id TEXT NOT NULL,
            action_id TEXT NOT NULL,
            channel TEXT NOT NULL,
            cost_minor INTEGER NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('reserved', 'sent', 'failed', 'dropped', 'unknown')),
            provider_id TEXT,
            attempted_at DATETIME,
            settled_at DATETIME
        )""",
        "CREATE INDEX ix_ledger_batch_id ON ledger (batch_id)",
        "CREATE INDEX ix_ledger_plan_id_state ON ledger (plan_id, state)",
    ),
    (  # who did what to a plan; what was done before is on record as far as the plan itself says
        """CREATE TABLE plan_log (
            id INTEGER NOT NULL PRIMARY KEY,
            plan_id TEXT NOT NULL,
            act TEXT NOT NULL,
            "by" TEXT NOT NULL,
            at DATETIME NOT NULL,
            reason TEXT NOT NULL,
            detail JSON NOT NULL
        )""",
        "CREATE INDEX ix_plan_log_plan_id ON plan_log (plan_id)",
        """INSERT INTO plan_log (plan_id, act, "by", at, reason, detail)
            SELECT plan_id, 'approved', approved_by, approved_at, '', '{}' FROM plans
            WHERE approved_at IS NOT NULL AND approved_by IS NOT NULL
            UNION ALL
            SELECT plan_id, 'launching', launched_by, launched_at, '', '{}' FROM plans
            WHERE launched_at IS NOT NULL AND launched_by IS NOT NULL
            ORDER BY 4, 1, 2""",
    ),
    (  # a launch can be stopped and a plan rolled back: more states
        """CREATE TABLE plans_of_3 (
            plan_id TEXT NOT NULL PRIMARY KEY,
            cycle INTEGER NOT NULL,
            state TEXT NOT NULL CHECK (
                state IN (
                    'proposed', 'approved', 'launching', 'launched', 'stopping', 'stopped', 'rolled_back', 'cancelled',
                    'superseded'
                )
            ),
            policy_version TEXT NOT NULL,
            created_at DATETIME NOT NULL,
            valid_until DATETIME NOT NULL,
            summary JSON NOT NULL,
            approved_by TEXT,
            approved_at DATETIME,
            launched_by TEXT,
            launched_at DATETIME
        )""",
        "INSERT INTO plans_of_3 SELECT * FROM plans",
        "DROP TABLE plans",
        "ALTER TABLE plans_of_3 RENAME TO plans",
        """CREATE TABLE ledger_of_3 (
            decision_id TEXT NOT NULL PRIMARY KEY,
            plan_id TEXT NOT NULL,
            batch_id TEXT NOT NULL,
            customer_id TEXT NOT NULL,
            action_id TEXT NOT NULL,
            channel TEXT NOT NULL,
            cost_minor INTEGER NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('reserved', 'sent', 'failed', 'dropped', 'unknown', 'cancelled')),
            provider_id TEXT,
            attempted_at DATETIME,
            settled_at DATETIME
        )""",
        "INSERT INTO ledger_of_3 SELECT * FROM ledger",
        "DROP TABLE ledger",
        "ALTER TABLE ledger_of_3 RENAME TO ledger",
        "CREATE INDEX ix_ledger_batch_id ON ledger (batch_id)",
        "CREATE INDEX ix_ledger_plan_id_state ON ledger (plan_id, state)",
    ),
)
"""The statements of migration 1, 2, …"""


def migrate(engine: sa.Engine, migrations: tuple[tuple[str, ...], ...] = MIGRATIONS) -> int:
    """Bring the database to the version of this program and return it.

    Raises
    ------
    StoreError
        If the database was made by a newer version.
    """
    while True:
        with engine.begin() as connection:
            connection.execute(sa.schema.CreateTable(SCHEMA_VERSION, if_not_exists=True))
            current = connection.scalar(sa.select(sa.func.max(SCHEMA_VERSION.c.version))) or 0
            if current > len(migrations):
                raise _newer(str(engine.url.database), current, len(migrations))
            if current == len(migrations):
                return int(current)
            for statement in migrations[current]:
                connection.exec_driver_sql(statement)
            connection.execute(sa.insert(SCHEMA_VERSION).values(version=current + 1))


def _newer(path: str, found: int, known: int) -> StoreError:
    return StoreError(
        f"{path} has schema version {found}; this version of Alamo knows {known}",
        hint="It was written by a newer Alamo. Install that version: pip install --upgrade alamo-engine",
        code="store.newer_schema",
        details={"path": path, "found": found, "known": known},
    )
