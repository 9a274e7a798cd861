"""Run log, import log and plans in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from alamo.domain.records import ImportRecord, PlanAct, PlanRecord, StepRecord
from alamo.store.database import Database
from alamo.store.rules import check_saved, moved, plain_json, unknown_plan
from alamo.store.schema import IMPORTS, PLAN_LOG, PLANS, STEPS


class SqlStepLog:
    """Implements `alamo.domain.ports.StepLog`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, key: str) -> StepRecord | None:
        """Return the finished step `key`, or None."""
        with self._database.reading() as connection:
            row = connection.execute(sa.select(STEPS).where(STEPS.c.key == key)).one_or_none()
        return None if row is None else StepRecord(**row._mapping)

    def finish(self, record: StepRecord) -> None:
        """Record that a step finished; the same key again overwrites."""
        values = asdict(record) | {"detail": plain_json(record.detail)}
        statement = insert(STEPS).values(values)
        with self._database.writing() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_=values))

    def all(self) -> Sequence[StepRecord]:
        """Return all finished steps, oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute(sa.select(STEPS).order_by(STEPS.c.finished_at, STEPS.c.key)).all()
        return [StepRecord(**row._mapping) for row in rows]


class SqlImportLog:
    """Implements `alamo.domain.ports.ImportLog`."""

    _COLUMNS = tuple(column for column in IMPORTS.c if column.name != "id")

    def __init__(self, database: Database) -> None:
        self._database = database

    def latest(self, source: str) -> ImportRecord | None:
        """Return the last finished import of `source`, or None."""
        query = sa.select(*self._COLUMNS).where(IMPORTS.c.source == source).order_by(IMPORTS.c.id.desc()).limit(1)
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else ImportRecord(**row._mapping)

    def record(self, record: ImportRecord) -> None:
        """Record a finished import."""
        values = asdict(record) | {"detail": plain_json(record.detail)}
        with self._database.writing() as connection:
            connection.execute(sa.insert(IMPORTS).values(values))

    def all(self) -> Sequence[ImportRecord]:
        """Return all finished imports, oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute(sa.select(*self._COLUMNS).order_by(IMPORTS.c.id)).all()
        return [ImportRecord(**row._mapping) for row in rows]


class SqlPlanBook:
    """Implements `alamo.domain.ports.PlanBook`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, plan: PlanRecord) -> None:
        """Insert a plan; the same id again is refused unless it is still ``proposed``.

        Raises
        ------
        StateError
            If the plan has left the state ``proposed``.
        """
        values = _values(plan)
        with self._database.writing() as connection:
            known = connection.scalar(sa.select(PLANS.c.state).where(PLANS.c.plan_id == plan.plan_id))
            check_saved(plan.plan_id, known)
            statement = insert(PLANS).values(values)
            connection.execute(statement.on_conflict_do_update(index_elements=["plan_id"], set_=values))

    def get(self, plan_id: str) -> PlanRecord | None:
        """Return one plan, or None."""
        with self._database.reading() as connection:
            return _find(connection, plan_id)

    def all(self) -> Sequence[PlanRecord]:
        """Return all plans, oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute(sa.select(PLANS).order_by(PLANS.c.created_at, PLANS.c.plan_id)).all()
        return [PlanRecord(**row._mapping) for row in rows]

    def move(self, act: PlanAct, *, from_states: Sequence[str]) -> PlanRecord:
        """Change the state and log the act in one transaction, which holds the write lock from before it looks.

        Raises
        ------
        StateError
            If there is no such plan, or it is in none of `from_states`.
        """
        with self._database.writing() as connection:
            plan = _find(connection, act.plan_id)
            if plan is None:
                raise unknown_plan(act.plan_id)
            after = moved(plan, act, from_states, _acts(connection, act.plan_id))
            connection.execute(sa.update(PLANS).where(PLANS.c.plan_id == act.plan_id).values(_values(after)))
            connection.execute(sa.insert(PLAN_LOG).values(asdict(act) | {"detail": plain_json(act.detail)}))
        return after

    def log(self, plan_id: str | None = None) -> Sequence[PlanAct]:
        """Return what was done to a plan, or to all, oldest first."""
        with self._database.reading() as connection:
            return _acts(connection, plan_id)


def _acts(connection: sa.Connection, plan_id: str | None) -> list[PlanAct]:
    columns = [column for column in PLAN_LOG.c if column.name != "id"]
    query = sa.select(*columns).order_by(PLAN_LOG.c.id)
    if plan_id is not None:
        query = query.where(PLAN_LOG.c.plan_id == plan_id)
    return [PlanAct(**row._mapping) for row in connection.execute(query)]


def _find(connection: sa.Connection, plan_id: str) -> PlanRecord | None:
    row = connection.execute(sa.select(PLANS).where(PLANS.c.plan_id == plan_id)).one_or_none()
    return None if row is None else PlanRecord(**row._mapping)


def _values(plan: PlanRecord) -> dict[str, object]:
    return asdict(replace(plan, summary={})) | {"summary": plain_json(plan.summary)}
