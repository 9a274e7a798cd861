"""Streaming files: formats, row numbers, bounded batches and one clear message per defect."""

from __future__ import annotations

import gzip
import hashlib
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alamo.connectors.sources import open_rows
from alamo.connectors.sources.delimited import DelimitedFile
from alamo.connectors.sources.parquet import ParquetSource
from alamo.domain.errors import InputError, UsageError


def opened(data: bytes, **options):
    return open_rows("-", stdin=io.BytesIO(data), **options)


def read(stream):
    """Return all rows, their numbers and the bad rows."""
    rows, numbers, bad = [], [], []
    for batch in stream:
        rows += batch.data.to_pylist()
        numbers += batch.numbers.tolist()
        bad += [(row.number, row.reason) for row in batch.bad]
    return rows, numbers, bad


def test_rows_keep_their_numbers_around_bad_and_empty_rows():
    rows, numbers, bad = read(opened(b'a,b\n1,2\n3\n\n4,5,6\n7,8\n"x\ny",9\n10,11\n1,2,3\n'))
    assert [row["a"] for row in rows] == ["1", "7", "x\ny", "10"]
    assert numbers == [2, 6, 7, 8]
    assert bad == [
        (3, "has 1 field, the header has 2"),
        (5, "has 3 fields, the header has 2"),
        (9, "has 3 fields, the header has 2"),
    ]


def test_row_numbers_stay_right_across_many_blocks(tmp_path):
    lines = ["a,b"] + [f"{i},x" if i % 7 else f"{i}" for i in range(2, 5002)]
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(lines) + "\n")
    file = DelimitedFile(path, "rows.csv", "utf-8", ",", ("a", "b"), path.stat().st_size, block_bytes=500)
    batches = list(file.batches(None))
    seen = [(row["a"], number) for b in batches for row, number in zip(b.data.to_pylist(), b.numbers, strict=True)]
    assert len(batches) > 50
    assert all(int(value) == number for value, number in seen)
    assert [row.number for b in batches for row in b.bad] == [i for i in range(2, 5002) if i % 7 == 0]


@pytest.mark.parametrize(
    ("data", "options"),
    [
        (b"a;b\n1;\xc3\xa9\n", {}),
        (b"a\tb\n1\t\xc3\xa9\n", {}),
        (b"a|b\n1|\xc3\xa9\n", {"delimiter": "|"}),
        (b"\xef\xbb\xbfa,b\n1,\xc3\xa9\n", {}),
        (gzip.compress(b"a,b\n1,\xc3\xa9\n", mtime=0), {}),
        (gzip.compress(b"a,b\n", mtime=0) + gzip.compress(b"1,\xc3\xa9\n", mtime=0), {}),
        ("a,b\n1,é\n".encode("latin-1"), {"encoding": "latin-1"}),
        ("a,b\n1,é\n".encode("utf-16"), {"encoding": "utf-16"}),
    ],
)
def test_delimiters_encodings_and_gzip_read_alike(data, options):
    stream = opened(data, **options)
    assert stream.header == ("a", "b")
    assert read(stream)[0] == [{"a": "1", "b": "é"}]


def test_parquet_is_typed_and_numbered_like_a_csv_export(tmp_path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"a": [1, 2, 3]}), path)
    stream = open_rows(path)
    assert stream.typed
    rows, numbers, _ = read(stream)
    assert rows == [{"a": 1}, {"a": 2}, {"a": 3}]
    assert numbers == [2, 3, 4]


def test_batches_are_bounded_whatever_the_size_of_the_file(tmp_path):
    path = tmp_path / "big.csv"
    path.write_bytes(b"a,b\n" + b"12345678,abcdefgh\n" * 600_000)
    sizes = [batch.data.nbytes for batch in open_rows(path)]
    assert sum(batch.data.num_rows for batch in open_rows(path)) == 600_000
    assert max(sizes) < 8 << 20
    parquet = tmp_path / "big.parquet"
    pq.write_table(pa.table({"a": range(50_000)}), parquet)
    rows = [batch.data.num_rows for batch in ParquetSource(parquet, "big", 1, batch_rows=4096).batches(None)]
    assert max(rows) <= 4096
    assert sum(rows) == 50_000


def test_progress_ends_at_the_size_of_the_file_and_a_scan_reports_none(tmp_path):
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 100_000))
    seen: list[tuple[int, int]] = []
    stream = open_rows(path, on_progress=lambda done, total: seen.append((done, total)))
    for _ in stream.scan():
        pass
    assert not seen
    for _ in stream:
        pass
    size = path.stat().st_size
    assert seen[-1] == (size, size)


def test_the_content_hash_is_that_of_the_bytes_at_rest(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n1,2\n")
    assert open_rows(path).content_hash() == hashlib.sha256(b"a,b\n1,2\n").hexdigest()


def test_standard_input_can_be_read_twice_and_leaves_nothing_behind():
    with opened(b"a,b\n1,2\n") as stream:
        assert read(stream) == read(stream)
        path = stream.path
        assert path.exists()
    assert not path.exists()


@pytest.mark.parametrize("data", [b"", b"\n\n", gzip.compress(b"", mtime=0)])  # a fixed name, or workers disagree
def test_an_empty_file_is_refused(data):
    with pytest.raises(InputError, match="is empty"):
        opened(data)


def test_a_truncated_gzip_names_the_row_where_it_ends():
    whole = gzip.compress(b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * i) for i in range(1000)))
    with pytest.raises(InputError, match=r"gzip file is cut off or damaged at row \d+") as caught:
        read(opened(whole[: len(whole) // 2]))
    assert 2 <= caught.value.details["row"] <= 1001


def test_bytes_that_are_not_utf8_name_row_and_byte_and_a_way_out():
    with pytest.raises(InputError, match=r"row 3: byte 10 \(0xe9\) is not valid utf-8") as caught:
        opened(b"a,b\n1,2\n3,\xe9\n")
    assert 'encoding = "latin-1"' in caught.value.hint


def test_an_unclosed_quotation_mark_is_named(tmp_path):
    path = tmp_path / "q.csv"
    path.write_bytes(b'a,b\n1,2\n"3,4\n' + b"5,6\n" * 2000)
    file = DelimitedFile(path, "q.csv", "utf-8", ",", ("a", "b"), 1, block_bytes=1024)
    with pytest.raises(InputError, match=r"q.csv, at or after row \d") as caught:
        list(file.batches(None))
    assert "quotation mark" in caught.value.hint


def test_a_doubled_column_is_refused():
    with pytest.raises(InputError, match="names column 'a' more than once"):
        opened(b"a,a\n1,2\n")


def test_a_damaged_parquet_is_refused():
    with pytest.raises(InputError, match="Parquet file is cut off or damaged"):
        opened(b"PAR1 and no more")


def test_a_missing_file_lists_near_names(tmp_path):
    (tmp_path / "orders.csv.gz").write_bytes(b"")
    with pytest.raises(UsageError) as caught:
        open_rows(tmp_path / "orders.csv")
    assert "orders.csv.gz" in caught.value.hint


def test_a_folder_an_unknown_encoding_and_a_long_delimiter_are_refused(tmp_path):
    with pytest.raises(InputError, match="is a folder"):
        open_rows(tmp_path)
    with pytest.raises(UsageError, match="unknown encoding 'utf-9'"):
        opened(b"a,b\n", encoding="utf-9")
    with pytest.raises(UsageError, match="must be one character"):
        opened(b"a,b\n", delimiter="::")
