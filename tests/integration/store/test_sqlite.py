from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from alamo.domain.errors import StateError, StoreError
from alamo.domain.records import PlanAct, StepRecord
from alamo.store import SqliteState
from alamo.store.database import Database
from alamo.store.migrations import MIGRATIONS, migrate
from alamo.store.schema import METADATA
from alamo.testing.state import ledger_row, plan

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{path}")
    yield opened
    opened.close()


def test_every_commit_is_on_the_disk_before_it_is_acknowledged(database: Database) -> None:
    with database.writing() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}  # 2 = FULL


def test_a_migrated_database_has_the_tables_the_program_knows(path: Path, database: Database) -> None:
    engine = sa.create_engine(f"sqlite:///{path}")
    found = sa.inspect(engine)
    assert set(found.get_table_names()) == set(METADATA.tables)
    for name, table in METADATA.tables.items():
        columns = {c["name"]: (str(c["type"]), c["nullable"], bool(c["primary_key"])) for c in found.get_columns(name)}
        assert columns == {c.name: (str(c.type), bool(c.nullable), c.primary_key) for c in table.columns}, name
        indexes = {i["name"]: tuple(i["column_names"]) for i in found.get_indexes(name)}
        assert indexes == {i.name: tuple(c.name for c in i.columns) for i in table.indexes}, name
    engine.dispose()


def test_opening_again_migrates_nothing_and_keeps_everything(path: Path) -> None:
    first = SqliteState(f"sqlite:///{path}")
    first.plans.save(plan("p"))
    first.close()
    second = SqliteState(f"sqlite:///{path}")
    assert second.plans.get("p") == plan("p")
    second.close()


def test_plans_of_the_version_before_open_and_have_a_log(path: Path) -> None:
    raw = sqlite3.connect(path)
    raw.execute("CREATE TABLE schema_version (version INTEGER NOT NULL PRIMARY KEY)")
    for statement in MIGRATIONS[0]:
        raw.execute(statement)
    raw.execute("INSERT INTO schema_version VALUES (1)")
    moments = ("2026-01-01 10:00:00.000000", "2026-01-08 00:00:00.000000")
    for plan_id, state, who in (("a", "launched", ("ann", "bob")), ("b", "proposed", (None, None))):
        when = [None if name is None else moments[0] for name in who]
        raw.execute(
            "INSERT INTO plans VALUES (?, 1, ?, 'v', ?, ?, '{}', ?, ?, ?, ?)",
            (plan_id, state, *moments, who[0], when[0], who[1], when[1]),
        )
    raw.commit()
    raw.close()
    state = SqliteState(f"sqlite:///{path}")
    assert [record.state for record in state.plans.all()] == ["launched", "proposed"]
    assert [(act.plan_id, act.act, act.by) for act in state.plans.log()] == [
        ("a", "approved", "ann"),
        ("a", "launching", "bob"),
    ]
    state.plans.move(PlanAct("b", "approved", "eve", NOW), from_states=["proposed"])
    assert state.plans.log("b") == [PlanAct("b", "approved", "eve", NOW)]
    state.close()


def test_a_later_migration_runs_once_and_in_its_own_transaction(database: Database) -> None:
    broken = (*MIGRATIONS, ("CREATE TABLE extra (a INTEGER)", "THIS IS NO SQL"))
    with pytest.raises(sa.exc.DBAPIError):
        migrate(database._engine, broken)
    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT max(version) FROM schema_version").scalar_one() == len(MIGRATIONS)
        assert not sa.inspect(connection).has_table("extra")
    assert migrate(database._engine, (*MIGRATIONS, ("CREATE TABLE extra (a INTEGER)",))) == len(MIGRATIONS) + 1


def test_a_database_of_a_newer_version_is_refused_and_left_alone(path: Path) -> None:
    SqliteState(f"sqlite:///{path}").close()
    raw = sqlite3.connect(path)
    raw.execute("INSERT INTO schema_version VALUES (99)")
    raw.commit()
    raw.close()
    with pytest.raises(StoreError, match="schema version 99") as caught:
        SqliteState(f"sqlite:///{path}")
    assert caught.value.code == "store.newer_schema"
    assert "pip install" in caught.value.hint


@pytest.mark.parametrize("url", ["postgresql://x/y", "sqlite://", "sqlite:///:memory:", "nonsense", ""])
def test_a_url_that_is_no_file_of_sqlite_is_refused(url: str) -> None:
    with pytest.raises(StoreError) as caught:
        SqliteState(url)
    assert caught.value.code == "store.url"


def test_a_file_that_is_no_database_is_named(path: Path) -> None:
    path.write_text("this is not a database, it is a text that is long enough to be read as a header")
    with pytest.raises(StoreError, match=r"state\.db"):
        SqliteState(f"sqlite:///{path}")


def test_a_reader_sees_one_state_while_another_connection_writes(database: Database, path: Path) -> None:
    state = SqliteState(f"sqlite:///{path}")
    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM steps").scalar_one() == 0
        state.steps.finish(StepRecord("a", NOW, NOW))
        assert connection.exec_driver_sql("SELECT count(*) FROM steps").scalar_one() == 0
    assert state.steps.find("a") is not None
    state.close()


def test_a_write_that_waits_in_vain_says_that_it_may_be_repeated(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alamo.store.database._PRAGMAS", ("PRAGMA busy_timeout = 50", "PRAGMA journal_mode = WAL"))
    one, two = Database(f"sqlite:///{path}"), SqliteState(f"sqlite:///{path}")
    with one.writing(), pytest.raises(StoreError) as caught:
        two.steps.finish(StepRecord("a", NOW, NOW))
    assert caught.value.transient
    two.steps.finish(StepRecord("a", NOW, NOW))
    one.close()
    two.close()


def test_a_failed_write_leaves_nothing(path: Path) -> None:
    state = SqliteState(f"sqlite:///{path}")
    state.ledger.reserve([ledger_row(1)])
    with pytest.raises(StateError):
        state.ledger.settle("batch-1", {ledger_row(1).decision_id: ("sent", None), "stranger": ("sent", None)}, at=NOW)
    assert state.ledger.rows("plan-1") == [ledger_row(1)]
    state.close()


_APPROVER = """
import sys
from datetime import UTC, datetime
from alamo.domain.errors import StateError
from alamo.domain.records import PlanAct
from alamo.store import SqliteState
state = SqliteState(sys.argv[1])
won = 0
for i in range(40):
    try:
        act = PlanAct(f"p{i}", "approved", sys.argv[2], datetime.now(UTC))
        state.plans.move(act, from_states=["proposed"])
        won += 1
    except StateError:
        pass
sys.stdout.write(str(won))
"""


def test_of_two_processes_that_approve_the_same_plan_one_wins(path: Path) -> None:
    url = f"sqlite:///{path}"
    state = SqliteState(url)
    for i in range(40):
        state.plans.save(plan(f"p{i}"))
    runs = [subprocess.Popen([sys.executable, "-c", _APPROVER, url, who], stdout=subprocess.PIPE) for who in "ab"]
    won = [int(run.communicate(timeout=60)[0]) for run in runs]
    assert sum(won) == 40
    approvers = [record.approved_by for record in state.plans.all()]
    assert [approvers.count(who) for who in "ab"] == won
    state.close()


def test_fifty_thousand_rows_go_through_the_ledger_in_one_piece(path: Path) -> None:
    state = SqliteState(f"sqlite:///{path}")
    rows = [ledger_row(i, batch_id=f"batch-{i // 5_000:02}") for i in range(50_000)]
    assert state.ledger.reserve(rows) == 50_000
    assert state.ledger.reserve(rows) == 0
    for batch_id in state.ledger.open_batches("plan-1"):
        receipts = {row.decision_id: ("sent", "file") for row in state.ledger.batch(batch_id)}
        state.ledger.settle(batch_id, receipts, at=NOW)
    assert state.ledger.counts() == {"plan-1": {"sent": 50_000}}
    state.close()
