"""Tables of the operational half as SQLAlchemy Core knows them; `alamo.store.migrations` makes them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from alamo.domain.time import utc

METADATA = sa.MetaData()


class UtcTime(sa.types.TypeDecorator[datetime]):
    """An aware UTC moment to the microsecond; kept without its zone where the database has none."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Return what is stored."""
        if value is None:
            return None
        return utc(value).replace(tzinfo=None) if dialect.name == "sqlite" else utc(value)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Return what was meant."""
        return None if value is None else value.replace(tzinfo=UTC) if value.tzinfo is None else utc(value)


SCHEMA_VERSION = sa.Table("schema_version", METADATA, sa.Column("version", sa.Integer, primary_key=True))

STEPS = sa.Table(
    "steps",
    METADATA,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("started_at", UtcTime, nullable=False),
    sa.Column("finished_at", UtcTime, nullable=False),
    sa.Column("detail", sa.JSON, nullable=False),
)

IMPORTS = sa.Table(
    "imports",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("source", sa.Text, nullable=False, index=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("content_hash", sa.Text, nullable=False),
    sa.Column("imported_at", UtcTime, nullable=False),
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("quarantined", sa.Integer, nullable=False),
    sa.Column("detail", sa.JSON, nullable=False),
)

PLANS = sa.Table(
    "plans",
    METADATA,
    sa.Column("plan_id", sa.Text, primary_key=True),
    sa.Column("cycle", sa.Integer, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("policy_version", sa.Text, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("valid_until", UtcTime, nullable=False),
    sa.Column("summary", sa.JSON, nullable=False),
    sa.Column("approved_by", sa.Text),
    sa.Column("approved_at", UtcTime),
    sa.Column("launched_by", sa.Text),
    sa.Column("launched_at", UtcTime),
)

PLAN_LOG = sa.Table(
    "plan_log",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("plan_id", sa.Text, nullable=False, index=True),
    sa.Column("act", sa.Text, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("detail", sa.JSON, nullable=False),
)

LEDGER = sa.Table(
    "ledger",
    METADATA,
    sa.Column("decision_id", sa.Text, primary_key=True),
    sa.Column("plan_id", sa.Text, nullable=False),
    sa.Column("batch_id", sa.Text, nullable=False, index=True),
    sa.Column("customer_id", sa.Text, nullable=False),
    sa.Column("action_id", sa.Text, nullable=False),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("cost_minor", sa.Integer, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("provider_id", sa.Text),
    sa.Column("attempted_at", UtcTime),
    sa.Column("settled_at", UtcTime),
    sa.Index("ix_ledger_plan_id_state", "plan_id", "state"),
)
