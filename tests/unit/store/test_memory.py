from __future__ import annotations

import pyarrow as pa

from alamo.store import MemoryHistory
from alamo.store.memory_table import _packed_column
from alamo.testing import sample_rows


def test_a_few_rows_do_not_keep_the_large_array_that_they_were_cut_from() -> None:
    before = pa.total_allocated_bytes()
    data = sample_rows("events", 4000)
    whole = data.nbytes
    history = MemoryHistory(threads=1)
    history.append("events", data.slice(1000, 100), batch="one")
    del data
    assert history.query("SELECT count(*) AS n FROM events")["n"].to_pylist() == [100]
    assert pa.total_allocated_bytes() - before < whole / 4


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


def test_text_that_repeats_itself_is_held_once_and_comes_back_as_text() -> None:
    history, n = MemoryHistory(threads=1), 3000
    data = sample_rows("events", n, source=["a", "b", "c"] * (n // 3))
    few = sample_rows("events", 3, 10 * n, source=["a", "d", "e"])
    history.append("events", few, batch="small first")  # too few rows to judge by: packed when the large part comes
    history.append("events", data, batch="large")
    history.replace("events", sample_rows("events", 2, 20 * n, source="b"), where={"source": "b"}, batch="b again")
    held = history._tables["events"]
    assert pa.types.is_dictionary(held.rows().schema.field("source").type)
    assert pa.types.is_string(held.rows().schema.field("event_id").type)
    assert sum(part.data.nbytes for part in held.parts) < 0.7 * data.nbytes
    counts = {"a": n // 3 + 1, "b": 2, "c": n // 3, "d": 1, "e": 1}
    found = history.query("SELECT source, count(*) AS n FROM events GROUP BY source ORDER BY source")
    assert found.schema.field("source").type == pa.string()
    assert found.to_pylist() == [{"source": s, "n": k} for s, k in counts.items()]


def test_lists_of_words_are_packed_too_whatever_is_empty_or_missing() -> None:
    lists = [["x", "y"], [], None, ["y"]] * 500
    for values in (pa.array(lists), pa.array(lists).slice(3, 1500)):
        packed = _packed_column(values)
        assert pa.types.is_dictionary(packed.type.value_type)
        assert packed.to_pylist() == values.to_pylist()
