from __future__ import annotations

from alamo.store import MemoryHistory
from alamo.testing import sample_rows


def test_rows_are_not_copied_on_the_way_in() -> None:
    data = sample_rows("events", 1000)
    history = MemoryHistory(threads=1)
    history.append("events", data, batch="one")
    kept = history._tables["events"].rows()["customer_id"].chunks[-1]
    assert kept.buffers()[2].address == data["customer_id"].chunks[0].buffers()[2].address


def test_compaction_is_not_needed_to_replace_within_a_part() -> None:
    history = MemoryHistory(threads=1)
    history.append("events", sample_rows("events", 6, source=["a", "b"] * 3), batch="one")
    for i in range(3):
        history.replace("events", sample_rows("events", i, 10, source="a"), where={"source": "a"}, batch=f"r{i}")
    found = history.query("SELECT source, count(*) AS n FROM events GROUP BY source ORDER BY source")
    assert found.to_pylist() == [{"source": "a", "n": 2}, {"source": "b", "n": 3}]


def test_a_long_query_prints_no_progress_among_the_answers():
    history = MemoryHistory(threads=1)
    shown = history.query("SELECT current_setting('enable_progress_bar') AS shown")
    assert shown["shown"].to_pylist() == [False]
