"""Whole tables for an analysis: typed, from files and from objects that hand over Arrow."""

from __future__ import annotations

import gzip
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alamo.connectors.sources import TextColumns, read_table
from alamo.domain.errors import ConfigError, InputError, UsageError


def test_csv_columns_get_types():
    table = read_table("-", stdin=io.BytesIO(gzip.compress(b"id,money,name\n1,2.5,x\n2,3,y\n")))
    assert table.schema.types == [pa.int64(), pa.float64(), pa.string()]


def test_parquet_and_arrow_objects_pass_through_with_plain_types(tmp_path):
    table = pa.table({"a": pa.array(["x", "y"]).dictionary_encode(), "b": pa.array(["u", "v"], pa.large_string())})
    pq.write_table(table, tmp_path / "t.parquet")
    for source in (table, tmp_path / "t.parquet", _Capsule(table)):
        assert read_table(source).to_pydict() == {"a": ["x", "y"], "b": ["u", "v"]}
        assert read_table(source).schema.types == [pa.string(), pa.string()]


class _Capsule:
    """Any object with the Arrow PyCapsule interface."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self._table.__arrow_c_stream__(requested_schema)


def test_a_file_in_columns_of_blanks_is_read_by_a_layout():
    data = b" 00001 19970101  1   11.77\r\n 00002 19970112  5   77.00\r\n"
    layout = {"format": "whitespace", "columns": ["customer", "date", "cds", "dollars"]}
    table = read_table("-", layout=layout, stdin=io.BytesIO(data))
    assert table.to_pylist()[1] == {"customer": 2, "date": 19970112, "cds": 5, "dollars": 77.0}


def test_a_layout_that_does_not_fit_names_the_row():
    layout = {"format": "whitespace", "columns": ["a", "b"]}
    with pytest.raises(InputError, match="row 2: 3 values, the layout names 2 columns"):
        read_table("-", layout=layout, stdin=io.BytesIO(b"1 2\n1 2 3\n"))
    with pytest.raises(ConfigError, match="cannot read a file laid out as"):
        read_table("-", layout={"format": "fixed"}, stdin=io.BytesIO(b"1 2\n"))


def test_a_row_with_too_few_fields_is_named():
    with pytest.raises(InputError, match="row 3 has 1 field, the header has 2"):
        read_table("-", stdin=io.BytesIO(b"a,b\n1,2\n3\n"))


def test_a_header_without_rows_and_what_is_no_table_are_refused():
    with pytest.raises(InputError, match="has a header but no rows"):
        read_table("-", stdin=io.BytesIO(b"a,b\n"))
    with pytest.raises(UsageError, match="cannot read a dict as a table"):
        read_table({"a": [1]})


def test_cdnow_is_read_whole(test_data):
    layout = {"format": "whitespace", "columns": ["customer", "date", "cds", "dollars"]}
    table = read_table(test_data / "cdnow" / "CDNOW_master.txt.gz", layout=layout)
    assert table.num_rows == 69_659
    assert len(table["customer"].unique()) == 23_570


def test_labels_stay_text_and_an_empty_field_is_absent():
    data = b"id,arm,spend\n007,0,1.5\n ,1,2\n010,NULL,3\n"
    table = read_table("-", text=TextColumns(labels=("id", "arm", "absent")), stdin=io.BytesIO(data))
    assert table.to_pydict() == {"id": ["007", None, "010"], "arm": ["0", "1", None], "spend": [1.5, 2.0, 3.0]}


@pytest.mark.parametrize("zipped", [False, True])
def test_codes_stay_text_only_where_a_number_would_lose_zeros(zipped):
    data = b"branch,age,town\n01,30,\n12,40.5,x\n,50,y\n"
    stdin = io.BytesIO(gzip.compress(data) if zipped else data)
    table = read_table("-", text=TextColumns(codes=("branch", "age", "town")), stdin=stdin)
    assert table.to_pydict() == {"branch": ["01", "12", None], "age": [30, 40.5, 50], "town": ["", "x", "y"]}


def test_labels_and_codes_of_a_file_in_columns_of_blanks_stay_text():
    layout = {"format": "whitespace", "columns": ["customer", "branch", "age"]}
    text = TextColumns(labels=("customer",), codes=("branch", "age"))
    table = read_table("-", layout=layout, text=text, stdin=io.BytesIO(b"00001 01 30\n00002 02 40\n"))
    assert table.to_pylist()[0] == {"customer": "00001", "branch": "01", "age": 30}
