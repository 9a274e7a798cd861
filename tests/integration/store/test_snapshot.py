"""A snapshot is read as it was, whoever writes meanwhile, and from another process."""

from __future__ import annotations

import pickle

import pytest
from tests.unit.steering.worlds import profiles

from alamo.domain.errors import UsageError
from alamo.store import DeltaHistory, SnapshotReader

COUNT = "SELECT count(*) AS n, count(DISTINCT as_of_day) AS days FROM profiles"


def test_a_snapshot_does_not_see_what_is_written_after_it(tmp_path):
    history = DeltaHistory(tmp_path / "history")
    history.append("profiles", profiles(5), batch="one")
    snapshot = pickle.loads(pickle.dumps(history.snapshot()))  # noqa: S301 # it is sent to workers like this
    history.append("profiles", profiles(7), batch="two")
    reader = SnapshotReader(snapshot)
    assert reader.query(COUNT).to_pylist() == [{"n": 5, "days": 1}]
    assert SnapshotReader(history.snapshot()).query(COUNT)["n"][0].as_py() == 12
    assert reader.query("SELECT * FROM profiles").schema == history.query("SELECT * FROM profiles").schema
    reader.close()


def test_tables_never_written_are_empty_and_statements_are_held_to_one_select(tmp_path):
    reader = SnapshotReader(DeltaHistory(tmp_path / "history").snapshot())
    assert reader.query("SELECT count(*) AS n FROM Deliveries")["n"][0].as_py() == 0
    with pytest.raises(UsageError, match="not one SELECT"):
        reader.query("DROP TABLE deliveries")
