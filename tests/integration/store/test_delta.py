from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError

from alamo.domain.errors import StoreError
from alamo.domain.tables import CONTRACTS
from alamo.store import DeltaHistory
from alamo.store.delta_table import DeltaFolder
from alamo.testing import sample_rows


@pytest.fixture
def history(tmp_path: Path) -> Iterator[DeltaHistory]:
    store = DeltaHistory(tmp_path / "history", threads=1)
    yield store
    store.close()


def count(history: DeltaHistory, table: str = "events") -> int:
    found: int = history.query(f'SELECT count(*) AS n FROM "{table}"')["n"][0].as_py()
    return found


def test_the_tables_are_plain_delta_that_others_can_read(history: DeltaHistory, tmp_path: Path) -> None:
    data = sample_rows("observations", 5, cycle=[1, 1, 2, 2, 2], feature=[1.0, None, 3.0, 4.0, 5.0])
    history.append("observations", data, batch="one")
    table = DeltaTable(tmp_path / "history" / "observations")
    assert (table.protocol().min_reader_version, table.protocol().min_writer_version) == (1, 2)
    assert table.metadata().partition_columns == ["cycle"]
    read = pa.table(table.to_pyarrow_table()) if hasattr(table, "to_pyarrow_table") else None
    assert read is not None
    assert read.select(data.column_names).sort_by("decision_id").to_pylist() == data.to_pylist()


def test_files_are_on_the_disk_before_the_log_names_them(
    history: DeltaHistory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    sync = os.fsync

    def watching(handle: int) -> None:
        path = Path(f"/proc/self/fd/{handle}").readlink()
        log = tmp_path / "history" / "events" / "_delta_log"
        commits = len(list(log.glob("*.json"))) if log.exists() else 0
        synced.append(f"{path.relative_to(tmp_path)} after {commits} commits")
        sync(handle)

    if not Path("/proc/self/fd").exists():
        pytest.skip("names of open files are read from /proc")
    monkeypatch.setattr("alamo.store.durable.os.fsync", watching)
    history.append("events", sample_rows("events", 4, source=["a", "a", "b", "b"]), batch="one")
    places = [entry.split(" after ") for entry in synced]
    data = [(place, when) for place, when in places if place.endswith(".parquet")]
    assert len(data) == 2
    assert {when for _, when in data} == {"0 commits"}
    for source in ("a", "b"):
        assert [f"history/events/source={source}", "0 commits"] in places
    assert ["history/events/_delta_log/00000000000000000001.json", "2 commits"] in places
    assert places[-1] == ["history/events/_delta_log", "2 commits"]


def test_another_reader_sees_what_was_written_since_it_looked(history: DeltaHistory, tmp_path: Path) -> None:
    other = DeltaHistory(tmp_path / "history", threads=1)
    for i in range(3):
        assert count(other) == i * 5
        history.append("events", sample_rows("events", 5, first=i * 5), batch=str(i))
        assert other.snapshot_version("events") == i + 1
    assert not other.append("events", sample_rows("events", 5), batch="1")
    other.close()


def test_two_writers_lose_and_double_nothing(history: DeltaHistory, tmp_path: Path) -> None:
    other = DeltaHistory(tmp_path / "history", threads=1)
    for i in range(6):
        for store in (history, other):
            store.append("events", sample_rows("events", 5, first=i * 5), batch=str(i))
    assert count(history) == count(other) == 30
    assert history.snapshot_version("events") == 6
    other.close()


def test_a_collision_at_commit_is_tried_again(
    history: DeltaHistory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = DeltaHistory(tmp_path / "history", threads=1)
    history.append("events", sample_rows("events", 1), batch="first")
    assert count(other) == 1
    overtake(monkeypatch, lambda: history.append("events", sample_rows("events", 2, first=10), batch="overtaking"))
    assert other.append("events", sample_rows("events", 3, first=20), batch="overtaken")
    assert count(other) == 6
    assert other.snapshot_version("events") == 3
    other.close()


def test_the_same_batch_written_meanwhile_by_another_is_found_at_commit(
    history: DeltaHistory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = DeltaHistory(tmp_path / "history", threads=1)
    history.append("events", sample_rows("events", 1), batch="first")
    assert count(other) == 1
    overtake(monkeypatch, lambda: history.append("events", sample_rows("events", 2, first=10), batch="same"))
    assert not other.append("events", sample_rows("events", 2, first=10), batch="same")
    assert count(other) == 3
    assert len(list((tmp_path / "history" / "events").rglob("*.parquet"))) == 2
    other.close()


def overtake(monkeypatch: pytest.MonkeyPatch, write: object) -> None:
    """Let another writer commit between the last look of the next writer and its own commit."""
    real = DeltaFolder._with_columns

    def slow(self: DeltaFolder, schema: pa.Schema) -> DeltaTable:
        monkeypatch.setattr(DeltaFolder, "_with_columns", real)
        table = real(self, schema)
        write()  # type: ignore[operator]
        return table

    monkeypatch.setattr(DeltaFolder, "_with_columns", slow)


def test_a_writer_that_always_loses_says_so_and_leaves_no_files(
    history: DeltaHistory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    history.append("events", sample_rows("events", 1), batch="first")

    def losing(*_: object, **__: object) -> None:
        raise CommitFailedError("somebody else was faster")

    monkeypatch.setattr(DeltaTable, "create_write_transaction", losing)
    with pytest.raises(StoreError) as caught:
        history.append("events", sample_rows("events", 2, first=5), batch="second")
    assert caught.value.transient
    assert len(list((tmp_path / "history" / "events").rglob("*.parquet"))) == 1


def test_checkpoints_keep_the_memory_of_batches(history: DeltaHistory, tmp_path: Path) -> None:
    for i in range(105):
        history.append("events", sample_rows("events", 1, first=i), batch=str(i))
    log = tmp_path / "history" / "events" / "_delta_log"
    assert list(log.glob("*.checkpoint.parquet"))
    fresh = DeltaHistory(tmp_path / "history", threads=1)
    assert not any(fresh.append("events", sample_rows("events", 1, first=i), batch=str(i)) for i in (0, 50, 104))
    assert count(fresh) == 105
    fresh.close()


def test_compaction_merges_files_and_changes_neither_rows_nor_version(history: DeltaHistory) -> None:
    for i in range(6):
        data = sample_rows("observations", 3, first=i * 3, cycle=i % 2, feature=float(i))
        history.append("observations", data, batch=str(i))
    rows = history.query("SELECT * FROM observations ORDER BY decision_id")
    version = history.snapshot_version("observations")
    assert history.compact("observations") == 6
    assert history.query("SELECT * FROM observations ORDER BY decision_id").equals(rows)
    assert history.snapshot_version("observations") == version
    assert history.compact("observations") == 0
    assert history.compact("events") == 0
    new = sample_rows("observations", 1, first=99, cycle=1)
    history.replace("observations", new, where={"cycle": 1}, batch="after")
    assert count(history, "observations") == 10


def test_only_a_crowded_partition_is_worth_compacting(history: DeltaHistory) -> None:
    for i in range(4):
        history.append("observations", sample_rows("observations", 1, first=i, cycle=1), batch=str(i))
    assert history.compact("observations", above=4) == 0
    history.append("observations", sample_rows("observations", 1, first=9, cycle=1), batch="fifth")
    assert history.compact("observations", above=4) == 5
    assert count(history, "observations") == 5


def test_who_reads_while_files_are_merged_still_finds_the_old_ones(history: DeltaHistory, tmp_path: Path) -> None:
    for i in range(5):
        history.append("events", sample_rows("events", 1, first=i), batch=str(i))
    reader = DeltaTable(tmp_path / "history" / "events")
    assert history.compact("events") == 5
    assert reader.to_pyarrow_table().num_rows == count(history) == 5


def test_a_writer_in_the_way_of_compaction_wins(history: DeltaHistory, monkeypatch: pytest.MonkeyPatch) -> None:
    for i in range(5):
        history.append("events", sample_rows("events", 1, first=i), batch=str(i))

    def collides(*_: object) -> None:
        raise CommitFailedError("a writer was faster")

    with monkeypatch.context() as patched:
        patched.setattr("deltalake.table.TableOptimizer.compact", collides)
        assert history.compact("events") == 0
    assert count(history) == 5
    assert history.compact("events") == 5


def test_a_torn_last_log_entry_is_discarded_because_nobody_was_told_of_it(
    history: DeltaHistory, tmp_path: Path
) -> None:
    history.append("events", sample_rows("events", 3), batch="one")
    history.append("events", sample_rows("events", 2, first=3), batch="two")
    last = tmp_path / "history" / "events" / "_delta_log" / "00000000000000000002.json"
    whole = last.read_bytes()
    for torn in (b"", whole[: len(whole) // 2], b"\0" * len(whole)):
        last.write_bytes(torn)
        fresh = DeltaHistory(tmp_path / "history", threads=1)
        assert count(fresh) == 3
        fresh.close()
    fresh = DeltaHistory(tmp_path / "history", threads=1)
    assert fresh.append("events", sample_rows("events", 2, first=3), batch="two")
    assert count(fresh) == 5
    fresh.close()


def test_a_table_whose_making_was_cut_short_is_made_anew(history: DeltaHistory, tmp_path: Path) -> None:
    log = tmp_path / "history" / "events" / "_delta_log"
    log.mkdir(parents=True)
    (log / "00000000000000000000.json").write_bytes(b"")
    assert count(history) == 0
    assert history.append("events", sample_rows("events", 2), batch="one")
    assert count(history) == 2


def test_a_damaged_table_is_named(tmp_path: Path) -> None:
    log = tmp_path / "history" / "events" / "_delta_log"
    log.mkdir(parents=True)
    (log / "00000000000000000000.json").write_text('{"nonsense": true}')
    history = DeltaHistory(tmp_path / "history", threads=1)
    with pytest.raises(StoreError, match="'events'"):
        count(history)
    history.close()


def test_a_folder_that_deltalake_could_not_find_again_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="percent sign"):
        DeltaHistory(tmp_path / "50%20off")


def test_a_full_disk_says_so_and_writes_nothing(history: DeltaHistory, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("alamo.store.parquet.sync_file", full)
    with pytest.raises(StoreError, match="No space left") as caught:
        history.append("events", sample_rows("events", 3), batch="one")
    assert caught.value.code == "store.disk"
    monkeypatch.undo()
    assert history.append("events", sample_rows("events", 3), batch="one")
    assert count(history) == 3


def test_queries_keep_to_the_memory_they_were_given(tmp_path: Path) -> None:
    history = DeltaHistory(tmp_path / "history", threads=1, memory_limit="60MB")
    sql = "SELECT len(list(i)) AS n FROM range(30000000) t(i)"  # one value of 240 MB cannot be spilled
    with pytest.raises(StoreError) as caught:
        history.query(sql)
    assert caught.value.code == "store.query_failed"
    assert count(history) == 0
    history.close()


@pytest.mark.parametrize(("table", "column"), [("outcomes", "permission_money"), ("decisions", "value_mean_money")])
def test_a_history_opened_with_a_wider_contract_shows_null_for_what_was_not_known_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str, column: str
) -> None:
    wide = CONTRACTS[table]
    wide = replace(wide, columns=tuple(replace(c, nullable=c.nullable or c.name == column) for c in wide.columns))
    narrow = replace(wide, columns=tuple(c for c in wide.columns if c.name != column))
    monkeypatch.setitem(CONTRACTS, table, narrow)
    written = DeltaHistory(tmp_path, threads=1)
    written.append(table, sample_rows(table, 3), batch="one")
    written.close()
    monkeypatch.setitem(CONTRACTS, table, wide)
    opened = DeltaHistory(tmp_path, threads=1)
    found = opened.query(f'SELECT * FROM "{table}"')
    assert found.schema.names == wide.schema.names
    assert found.schema.types == wide.schema.types
    assert found[column].null_count == 3
    assert opened.append(table, sample_rows(table, 2, first=3, **{column: 1.5}), batch="two")
    assert opened.query(f'SELECT count(*) AS n, count("{column}") AS known FROM "{table}"').to_pylist() == [
        {"n": 5, "known": 2}
    ]
    opened.close()


def test_a_column_that_must_be_there_is_not_made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wide = CONTRACTS["segments"]
    monkeypatch.setitem(
        CONTRACTS, "segments", replace(wide, columns=tuple(c for c in wide.columns if c.name != "segment"))
    )
    written = DeltaHistory(tmp_path, threads=1)
    written.append("segments", sample_rows("segments", 3), batch="one")
    written.close()
    monkeypatch.setitem(CONTRACTS, "segments", wide)
    opened = DeltaHistory(tmp_path, threads=1)
    with pytest.raises(duckdb.BinderException, match="segment"):
        opened.query("SELECT * FROM segments")
    opened.close()
