from __future__ import annotations

import csv
import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alamo.connectors.channels import AudienceFileChannel
from alamo.domain.errors import StateError, StoreError
from alamo.domain.records import DeliveryBatch
from alamo.testing.channel import delivery_batch

PLACE = Path("plan-1/spring-mail/batch-1.csv")


def with_column(batch: DeliveryBatch, name: str, values: pa.Array) -> DeliveryBatch:
    rows = batch.rows
    rows = rows.drop_columns([name]) if name in rows.column_names else rows
    return replace(batch, rows=rows.append_column(name, values))


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_batch_is_one_csv_file_with_a_manifest_beside_it(tmp_path: Path) -> None:
    receipts = AudienceFileChannel("email", tmp_path).deliver(delivery_batch())
    assert set(receipts.values()) == {("sent", str(PLACE))}
    assert [row["customer_id"] for row in rows_of(tmp_path / PLACE)] == ["customer-0", "customer-1", "customer-2"]
    manifest = json.loads((tmp_path / f"{PLACE}.manifest.json").read_text())
    assert manifest["sha256"] == hashlib.sha256((tmp_path / PLACE).read_bytes()).hexdigest()
    assert (manifest["rows"], manifest["action"], manifest["plan"]) == (3, "spring-mail", "plan-1")
    assert manifest["content"] == {"subject": "Spring, =SUM(1)", "voucher": "ABC"}
    assert manifest["columns"] == ["decision_id", "customer_id", "email", "phone"]
    assert manifest["decided_at"] == "2026-03-01T00:00:00Z"
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_parquet_file_keeps_rows_and_types(tmp_path: Path) -> None:
    batch = delivery_batch()
    AudienceFileChannel("email", tmp_path, "parquet").deliver(batch)
    assert pq.read_table(tmp_path / PLACE.with_suffix(".parquet")).equals(batch.rows)


@pytest.mark.parametrize("cell", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "+49-30-1", "-5"])
def test_a_cell_that_a_spreadsheet_would_run_is_neutralised(tmp_path: Path, cell: str) -> None:
    batch = with_column(delivery_batch(2), "email", pa.array([cell, "a=b"]))
    AudienceFileChannel("email", tmp_path).deliver(batch)
    assert [row["email"] for row in rows_of(tmp_path / PLACE)] == [f"'{cell}", "a=b"]


def test_a_phone_number_stays_what_it_is_and_a_missing_one_is_empty(tmp_path: Path) -> None:
    batch = with_column(delivery_batch(2), "phone", pa.array(["+4930123456", None]))
    AudienceFileChannel("sms", tmp_path).deliver(batch)
    assert [row["phone"] for row in rows_of(tmp_path / PLACE)] == ["+4930123456", ""]


def test_quotes_and_line_breaks_survive(tmp_path: Path) -> None:
    nasty = 'a "b",\nc;ü'
    AudienceFileChannel("email", tmp_path).deliver(with_column(delivery_batch(1), "email", pa.array([nasty])))
    assert [row["email"] for row in rows_of(tmp_path / PLACE)] == [nasty]


def test_a_moment_to_send_at_is_written_in_utc(tmp_path: Path) -> None:
    moments = pa.array([datetime(2026, 3, 1, 7, 30, tzinfo=UTC), None], pa.timestamp("us", tz="UTC"))
    AudienceFileChannel("email", tmp_path).deliver(with_column(delivery_batch(2), "send_at", moments))
    assert [row["send_at"] for row in rows_of(tmp_path / PLACE)] == ["2026-03-01T07:30:00Z", ""]


def test_a_written_batch_is_not_touched_again(tmp_path: Path) -> None:
    channel = AudienceFileChannel("email", tmp_path)
    channel.deliver(delivery_batch())
    before = (tmp_path / PLACE).stat()
    channel.deliver(with_column(delivery_batch(), "email", pa.array(["new@example.org"] * 3)))
    assert (tmp_path / PLACE).stat().st_mtime_ns == before.st_mtime_ns
    assert (tmp_path / PLACE).stat().st_ino == before.st_ino


def test_what_a_killed_try_left_is_replaced(tmp_path: Path) -> None:
    folder = tmp_path / PLACE.parent
    folder.mkdir(parents=True)
    (folder / ".batch-1.csv.4711.tmp").write_text("half")
    (folder / "batch-1.csv.manifest.json").write_text('{"sha256": "of a file that never came"}')
    AudienceFileChannel("email", tmp_path).deliver(delivery_batch())
    assert sorted(path.name for path in folder.iterdir()) == ["batch-1.csv", "batch-1.csv.manifest.json"]
    assert len(rows_of(tmp_path / PLACE)) == 3


def test_a_file_that_does_not_match_its_manifest_is_written_anew(tmp_path: Path) -> None:
    channel = AudienceFileChannel("email", tmp_path)
    channel.deliver(delivery_batch())
    whole = (tmp_path / PLACE).read_bytes()
    (tmp_path / PLACE).write_bytes(whole[:40])
    channel.deliver(delivery_batch())
    assert (tmp_path / PLACE).read_bytes() == whole


def test_the_same_batch_id_with_other_decisions_is_refused(tmp_path: Path) -> None:
    channel = AudienceFileChannel("email", tmp_path)
    channel.deliver(delivery_batch(3))
    with pytest.raises(StateError, match="other decisions"):
        channel.deliver(delivery_batch(4))
    assert len(rows_of(tmp_path / PLACE)) == 3


@pytest.mark.parametrize("bad", ["../up", "a/b", "", ".hidden", ".."])
def test_an_id_that_would_leave_the_folder_is_refused(tmp_path: Path, bad: str) -> None:
    with pytest.raises(StateError, match="cannot name"):
        AudienceFileChannel("email", tmp_path / "in").deliver(replace(delivery_batch(), plan_id=bad))
    assert not (tmp_path / "in").exists()


def test_a_folder_that_cannot_be_written_says_that_nothing_was_sent(tmp_path: Path) -> None:
    (tmp_path / "plan-1").write_text("a file in the way")
    with pytest.raises(StoreError, match="cannot be written") as caught:
        AudienceFileChannel("email", tmp_path).deliver(delivery_batch())
    assert caught.value.hint.startswith("Nothing was sent")
