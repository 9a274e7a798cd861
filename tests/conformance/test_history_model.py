"""Random writes against the plainest model there is: a dictionary of rows."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from alamo.domain.ports import History
from alamo.store import DeltaHistory, MemoryHistory
from alamo.testing import sample_rows

SOURCES = ("a", "b/c", "ü")
WRITES = st.lists(
    st.tuples(
        st.sampled_from(["append", "replace", "compact", "again"]),
        st.sampled_from(SOURCES),
        st.integers(0, 6),
        st.booleans(),
    ),
    max_size=8,
)


def check_writes(history: History, writes: list[tuple[str, str, int, bool]]) -> None:
    """Do every write on `history` and on the model, and compare after each."""
    model: dict[str, str] = {}
    for i, (kind, source, n, streamed) in enumerate(writes):
        data = sample_rows("events", n, first=i * 10, source=source)
        given_data = pa.RecordBatchReader.from_batches(data.schema, data.to_batches()) if streamed else data
        ids = data["event_id"].to_pylist()
        if kind == "append":
            assert history.append("events", given_data, batch=str(i))
            model |= dict.fromkeys(ids, source)
        elif kind == "replace":
            assert history.replace("events", given_data, where={"source": source}, batch=str(i))
            model = {key: value for key, value in model.items() if value != source} | dict.fromkeys(ids, source)
        elif kind == "compact":
            history.compact("events")
        elif kind == "again" and i and writes[i - 1][0] in {"append", "replace"}:
            assert not history.append("events", given_data, batch=str(i - 1))
        found = history.query("SELECT event_id, source FROM events")
        assert sorted(zip(*(found[name].to_pylist() for name in found.column_names), strict=True)) == sorted(
            model.items()
        )


@settings(max_examples=60, deadline=None)
@given(WRITES)
def test_memory_agrees_with_the_model(writes: list[tuple[str, str, int, bool]]) -> None:
    history = MemoryHistory(threads=1)
    check_writes(history, writes)
    history.close()


@settings(max_examples=12, deadline=None)
@given(WRITES)
def test_delta_agrees_with_the_model(writes: list[tuple[str, str, int, bool]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        history = DeltaHistory(Path(folder) / "history", threads=1)
        check_writes(history, writes)
        history.close()
