"""kill -9 at chosen moments, then the same work again: nothing acknowledged is lost, nothing is doubled."""

from __future__ import annotations

import csv
import signal
from collections import Counter
from pathlib import Path

import pytest
from tests.integration.own_process import exit_code_of
from tests.integration.store.killed_program import BATCH, ROWS, Work, compact, die_in, launch, write_history

from alamo.store import DeltaHistory, SqliteState


def run_and_kill(folder: Path, work: Work, target: str, let_pass: int, side: str) -> list[str]:
    """Do the work until it is killed and return what it had acknowledged."""
    assert exit_code_of(die_in, work, folder, target, let_pass, side) == -signal.SIGKILL
    return (folder / "said").read_text().split("\n")[:-1]


def sent(folder: Path) -> Counter[str]:
    """Count how often each decision stands in an audience file."""
    found: Counter[str] = Counter()
    for path in (folder / "out").rglob("*.csv"):
        with path.open(newline="") as file:
            found.update(row["decision_id"] for row in csv.DictReader(file))
    return found


HISTORY_POINTS = [
    ("create", 0, "before"),
    ("create", 0, "after"),
    ("sync_file", 0, "before"),
    ("sync_file", 5, "after"),
    ("sync_file", 13, "before"),
    ("create_write_transaction", 0, "before"),
    ("create_write_transaction", 0, "after"),
    ("create_write_transaction", 3, "after"),
    ("create_write_transaction", 6, "before"),
    ("create_write_transaction", 7, "after"),
]


@pytest.mark.parametrize(("target", "let_pass", "side"), HISTORY_POINTS)
def test_a_killed_write_is_whole_or_absent(tmp_path: Path, target: str, let_pass: int, side: str) -> None:
    acknowledged = run_and_kill(tmp_path, write_history, target, let_pass, side)
    reopened = DeltaHistory(tmp_path / "history", threads=1)
    found = reopened.query("SELECT count(*) AS n, count(DISTINCT event_id) AS ids FROM events").to_pylist()[0]
    assert found["n"] == found["ids"]
    assert found["n"] % 5 == 0  # whole batches of 50, partitions of 150 and of 10 only
    assert len(acknowledged) <= reopened.snapshot_version("events") <= len(acknowledged) + 1
    reopened.close()

    write_history(tmp_path, lambda _: None)
    finished = DeltaHistory(tmp_path / "history", threads=1)
    found = finished.query("SELECT source, count(*) AS n FROM events GROUP BY source ORDER BY source").to_pylist()
    assert found == [{"source": "a", "n": 10}, {"source": "b", "n": 10}]
    assert finished.snapshot_version("events") == 8
    finished.close()


@pytest.mark.parametrize("target", ["compact", "vacuum"])
@pytest.mark.parametrize("side", ["before", "after"])
def test_a_killed_compaction_loses_and_doubles_nothing(tmp_path: Path, target: str, side: str) -> None:
    assert run_and_kill(tmp_path, compact, target, 0, side) == []
    compact(tmp_path, lambda _: None)
    finished = DeltaHistory(tmp_path / "history", threads=1)
    found = finished.query("SELECT count(*) AS n, count(DISTINCT event_id) AS ids FROM events").to_pylist()[0]
    assert found == {"n": 30, "ids": 30}
    assert finished.snapshot_version("events") == 30
    assert finished.compact("events") == 0
    finished.close()


LAUNCH_POINTS = [
    *(("reserve", n, side) for n, side in ((0, "before"), (0, "after"), (3, "after"), (7, "before"), (7, "after"))),
    *(("execute", n, "after") for n in (4, 9, 17, 23, 31)),
    *(("fsync", n, side) for n, side in ((0, "before"), (4, "after"), (9, "before"), (14, "after"), (26, "before"))),
    *(("replace", n, side) for n, side in ((0, "after"), (1, "before"), (1, "after"), (6, "before"), (9, "after"))),
    *(("deliver", n, "after") for n in (0, 2, 7)),
    *(("settle", n, side) for n, side in ((0, "before"), (0, "after"), (3, "before"), (5, "after"), (7, "before"))),
]
"""At least five moments each inside reserving, writing, renaming and settling."""


@pytest.mark.parametrize(("target", "let_pass", "side"), LAUNCH_POINTS)
def test_a_killed_launch_goes_on_and_sends_everything_once(
    tmp_path: Path, target: str, let_pass: int, side: str
) -> None:
    acknowledged = run_and_kill(tmp_path, launch, target, let_pass, side)
    state = SqliteState(f"sqlite:///{tmp_path}/state.db")
    rows = state.ledger.rows("plan")
    settled = {row.batch_id for row in rows if row.state == "sent"}
    assert {line.split()[1] for line in acknowledged if line.startswith("settled")} <= settled
    assert len(rows) >= BATCH * sum(line.startswith("reserved") for line in acknowledged)
    assert set(Counter(row.batch_id for row in rows).values()) <= {BATCH}
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.csv")}
    state.close()

    launch(tmp_path, lambda _: None)
    state = SqliteState(f"sqlite:///{tmp_path}/state.db")
    assert state.ledger.counts() == {"plan": {"sent": ROWS}}
    assert len(sent(tmp_path)) == ROWS
    assert set(sent(tmp_path).values()) == {1}
    assert all(path.read_bytes() == content for path, content in before.items())
    assert not [path for path in (tmp_path / "out").rglob("*.tmp") if path.is_file()]
    state.close()


AGAIN = [
    ("reserve", 2, "after"),
    ("execute", 14, "after"),
    ("fsync", 12, "before"),
    ("replace", 0, "after"),
    ("replace", 1, "after"),
    ("settle", 0, "before"),
    ("settle", 0, "after"),
    ("deliver", 0, "after"),
]


def test_a_launch_killed_again_and_again_still_sends_everything_once(tmp_path: Path) -> None:
    for target, let_pass, side in AGAIN:
        run_and_kill(tmp_path, launch, target, let_pass, side)
    launch(tmp_path, lambda _: None)
    assert len(sent(tmp_path)) == ROWS
    assert set(sent(tmp_path).values()) == {1}
