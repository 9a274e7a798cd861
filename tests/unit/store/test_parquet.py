from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alamo.store.parquet import write_partitions


def chunks(n: int, rows: int) -> list[pa.Table]:
    return [
        pa.table({"id": [f"{i}-{j}" for j in range(rows)], "part": ["x"] * rows, "kind": ["a"] * rows})
        for i in range(n)
    ]


def test_small_chunks_are_gathered_into_large_row_groups(tmp_path: Path) -> None:
    (action,) = write_partitions(tmp_path, chunks(30, 5_000), ("part",))
    written = pq.ParquetFile(tmp_path / action.path)
    assert written.metadata.num_rows == 150_000
    assert written.metadata.num_row_groups == 3
    assert written.schema_arrow.names == ["id", "kind"]


def test_repeating_columns_get_a_dictionary_and_identifiers_do_not(tmp_path: Path) -> None:
    (action,) = write_partitions(tmp_path, chunks(1, 1_000), ("part",))
    group = pq.ParquetFile(tmp_path / action.path).metadata.row_group(0)
    assert "RLE_DICTIONARY" in group.column(1).encodings
    assert "RLE_DICTIONARY" not in group.column(0).encodings
    assert group.column(0).compression == "ZSTD"


def test_nothing_is_left_behind_when_a_chunk_raises(tmp_path: Path) -> None:
    def failing() -> object:
        yield from chunks(2, 200_000)
        raise ValueError("bad row")

    with pytest.raises(ValueError, match="bad row"):
        write_partitions(tmp_path, failing(), ("part",))  # type: ignore[arg-type]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
