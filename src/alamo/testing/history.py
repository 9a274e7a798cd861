"""What every historical half must do."""

# ruff: noqa: D102, S101 # conformance tests assert, and their names are sentences

from __future__ import annotations

import gc
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from alamo.domain.errors import ContractError, StoreError, UsageError
from alamo.domain.ports import History
from alamo.domain.tables import CONTRACTS
from alamo.testing.samples import sample_rows


def _stream(data: pa.Table, rows: int = 7) -> pa.RecordBatchReader:
    return pa.RecordBatchReader.from_batches(data.schema, data.to_batches(max_chunksize=rows))


def _sources(history: History) -> dict[str, int]:
    found = history.query("SELECT source, CAST(count(*) AS BIGINT) AS n FROM events GROUP BY source ORDER BY source")
    return dict(zip(found["source"].to_pylist(), found["n"].to_pylist(), strict=True))


class HistorySuite:
    """Conformance of `alamo.domain.ports.History`; a child gives the fixture `history`: an empty store."""

    @pytest.mark.parametrize("table", CONTRACTS)
    def test_a_table_not_written_yet_is_empty_with_the_columns_and_types_of_its_contract(
        self, history: History, table: str
    ) -> None:
        found = history.query(f'SELECT * FROM "{table}"')
        assert found.num_rows == 0
        assert found.schema.names == CONTRACTS[table].schema.names
        assert found.schema.types == CONTRACTS[table].schema.types
        assert history.snapshot_version(table) == 0

    @pytest.mark.parametrize("table", CONTRACTS)
    def test_rows_come_back_as_they_went_in(self, history: History, table: str) -> None:
        data = sample_rows(table, 5, **{name: 7 for name in CONTRACTS[table].partition if name == "cycle"})
        assert history.append(table, data, batch="one")
        key = ", ".join(CONTRACTS[table].key)
        found = history.query(f'SELECT * FROM "{table}" ORDER BY {key}')
        assert found.to_pylist() == CONTRACTS[table].check(data).to_pylist()
        assert found.schema.types == CONTRACTS[table].schema.types

    def test_the_same_batch_again_changes_nothing(self, history: History) -> None:
        assert history.append("events", sample_rows("events", 3), batch="one")
        version = history.snapshot_version("events")
        assert not history.append("events", sample_rows("events", 4, first=3), batch="one")
        assert not history.replace("events", sample_rows("events", 1, source="x"), where={"source": "x"}, batch="one")
        assert history.snapshot_version("events") == version
        assert _sources(history) == {"x": 3}

    def test_a_batch_key_counts_for_one_table_only(self, history: History) -> None:
        assert history.append("events", sample_rows("events", 3), batch="one")
        assert history.append("segments", sample_rows("segments", 3), batch="one")

    def test_the_version_grows_with_every_write_even_of_no_rows(self, history: History) -> None:
        versions = [history.snapshot_version("events")]
        for batch, n in (("one", 2), ("two", 0), ("three", 1)):
            history.append("events", sample_rows("events", n, first=versions[-1] * 10), batch=batch)
            versions.append(history.snapshot_version("events"))
        assert versions == sorted(set(versions))
        assert _sources(history) == {"x": 3}

    def test_a_stream_is_written_like_a_table(self, history: History) -> None:
        data = sample_rows("events", 50, source=["a"] * 20 + ["b"] * 30)
        assert history.append("events", _stream(data), batch="one")
        assert _sources(history) == {"a": 20, "b": 30}
        assert history.query("SELECT * FROM events ORDER BY event_id").to_pylist() == data.to_pylist()

    def test_replace_changes_one_partition_only(self, history: History) -> None:
        history.append("events", sample_rows("events", 9, source=["a"] * 4 + ["b"] * 5), batch="one")
        assert history.replace("events", sample_rows("events", 2, 100, source="a"), where={"source": "a"}, batch="two")
        assert _sources(history) == {"a": 2, "b": 5}

    def test_replace_of_a_partition_that_is_new_adds_it(self, history: History) -> None:
        assert history.replace("events", sample_rows("events", 2, source="a"), where={"source": "a"}, batch="one")
        assert history.replace("events", sample_rows("events", 3, 9, source="b"), where={"source": "b"}, batch="two")
        assert _sources(history) == {"a": 2, "b": 3}

    def test_replace_by_no_rows_deletes_the_partition(self, history: History) -> None:
        history.append("events", sample_rows("events", 9, source=["a"] * 4 + ["b"] * 5), batch="one")
        assert history.replace("events", CONTRACTS["events"].empty(), where={"source": "a"}, batch="two")
        assert _sources(history) == {"b": 5}

    def test_replace_takes_a_stream_and_a_partition_of_numbers(self, history: History) -> None:
        history.append("outcomes", sample_rows("outcomes", 4, cycle=[1, 1, 2, 12]), batch="one")
        new = sample_rows("outcomes", 20, first=50, cycle=1)
        assert history.replace("outcomes", _stream(new), where={"cycle": 1}, batch="two")
        found = history.query("SELECT cycle, count(*) AS n FROM outcomes GROUP BY cycle ORDER BY cycle")
        assert found.to_pylist() == [{"cycle": 1, "n": 20}, {"cycle": 2, "n": 1}, {"cycle": 12, "n": 1}]

    @pytest.mark.parametrize(
        "source", ["a/b c", "ü=%é", "x%2Fy", "q'uo\"te", "2026-01-01", ".hidden", "007", "a:b*?[1]"]
    )
    def test_a_partition_may_have_any_name(self, history: History, source: str) -> None:
        history.append("events", sample_rows("events", 3, source=["other", source, source]), batch="one")
        assert _sources(history)[source] == 2
        history.replace("events", sample_rows("events", 1, 9, source=source), where={"source": source}, batch="two")
        assert _sources(history) == {source: 1, "other": 1}

    def test_a_broken_contract_writes_nothing(self, history: History) -> None:
        good = sample_rows("events", 20)
        nulls = good.set_column(0, "event_id", pa.array([*(str(i) for i in range(19)), None]))
        twice = pa.concat_tables([good, good])
        for data in (
            nulls,
            _stream(nulls),
            twice,
            good.drop_columns(["kind"]),
            good.append_column("more", good["kind"]),
        ):
            with pytest.raises(ContractError):
                history.append("events", data, batch="one")
        assert history.snapshot_version("events") == 0
        assert _sources(history) == {}
        assert history.append("events", good, batch="one")

    def test_rows_outside_the_replaced_partition_are_refused(self, history: History) -> None:
        history.append("events", sample_rows("events", 2, source="a"), batch="one")
        with pytest.raises(ContractError, match="partition"):
            history.replace(
                "events", sample_rows("events", 2, 5, source=["a", "b"]), where={"source": "a"}, batch="two"
            )
        with pytest.raises(StoreError, match="whole partitions"):
            history.replace("events", sample_rows("events", 2, 5), where={"kind": "x"}, batch="three")
        assert _sources(history) == {"a": 2}

    def test_a_partition_without_a_name_is_refused(self, history: History) -> None:
        with pytest.raises(ContractError, match="needs a name"):
            history.append("events", sample_rows("events", 2, source=["a", ""]), batch="one")

    def test_an_unknown_table_is_refused_with_the_names_of_those_there_are(self, history: History) -> None:
        with pytest.raises(StoreError) as caught:
            history.append("nothing", sample_rows("events", 1), batch="one")
        assert "profiles" in caught.value.hint

    def test_an_open_table_keeps_further_columns_and_null_where_a_batch_lacks_them(self, history: History) -> None:
        history.append("observations", sample_rows("observations", 2, recency_days=1.5, stage="new"), batch="one")
        history.append(
            "observations", sample_rows("observations", 2, 2, recency_days=[2.0, None], score=3), batch="two"
        )
        history.append("observations", sample_rows("observations", 1, 4), batch="three")
        found = history.query("SELECT * FROM observations ORDER BY decision_id")
        assert found["recency_days"].to_pylist() == [1.5, 1.5, 2.0, None, None]
        assert found["stage"].to_pylist() == ["new", "new", None, None, None]
        assert found["score"].to_pylist() == [None, None, 3, 3, None]
        assert found.schema.names[: len(CONTRACTS["observations"].columns)] == CONTRACTS["observations"].schema.names

    def test_a_further_column_keeps_its_first_type(self, history: History) -> None:
        history.append("observations", sample_rows("observations", 1, feature=1.5), batch="one")
        history.append("observations", sample_rows("observations", 1, 1, feature=2), batch="two")
        with pytest.raises(ContractError, match="feature"):
            history.append("observations", sample_rows("observations", 1, 2, feature="much"), batch="three")
        found = history.query("SELECT feature FROM observations ORDER BY decision_id")
        assert found.schema.types == [pa.float64()]
        assert found["feature"].to_pylist() == [1.5, 2.0]

    def test_merging_files_changes_neither_rows_nor_version(self, history: History) -> None:
        for i in range(6):
            history.append("events", sample_rows("events", 2, first=i * 2, source="ab"[i % 2]), batch=str(i))
        rows = history.query("SELECT * FROM events ORDER BY event_id")
        version = history.snapshot_version("events")
        assert history.compact("events", above=3) == 0
        assert history.compact("events") in {0, 6}
        assert history.compact("segments") == 0
        assert history.query("SELECT * FROM events ORDER BY event_id").equals(rows)
        assert history.snapshot_version("events") == version
        assert not history.append("events", sample_rows("events", 1, first=99), batch="3")

    def test_parameters_are_bound(self, history: History) -> None:
        history.append("events", sample_rows("events", 5, source=["a", "a", "b", "b", "it's"]), batch="one")
        until = datetime(2026, 1, 1, 0, 3, tzinfo=UTC)
        sql = "SELECT count(*) AS n FROM events WHERE occurred_at < $until AND source IN (SELECT unnest($sources))"
        assert history.query(sql, {"until": until, "sources": ["a", "b"]})["n"].to_pylist() == [3]
        assert history.query("SELECT count(*) AS n FROM events WHERE source = $s", {"s": "it's"})["n"].to_pylist() == [
            1
        ]

    def test_moments_are_utc(self, history: History) -> None:
        found = history.query("SELECT $t AS t, CAST($t AS DATE) AS day", {"t": datetime(2026, 1, 1, 23, tzinfo=UTC)})
        assert found.schema.field("t").type == pa.timestamp("us", tz="UTC")
        assert str(found["day"][0]) == "2026-01-01"

    def test_relations_are_named_in_one_query_only(self, history: History) -> None:
        history.append("events", sample_rows("events", 3), batch="one")
        wanted = pa.table({"customer_id": ["customer_id-000001"], "weight": [2.5]})
        sql = "SELECT event_id, weight FROM events JOIN wanted USING (customer_id)"
        found = history.query(sql, relations={"wanted": wanted})
        assert found.to_pylist() == [{"event_id": "event_id-000001", "weight": 2.5}]
        del wanted
        gc.collect()
        with pytest.raises(UsageError):
            history.query(sql)

    @pytest.mark.parametrize("name", ["events", 'x"; DROP VIEW events; --', "1x", ""])
    def test_a_relation_may_not_have_an_odd_name_or_hide_a_table(self, history: History, name: str) -> None:
        with pytest.raises(UsageError):
            history.query("SELECT 1 AS one", relations={name: pa.table({"a": [1]})})

    @pytest.mark.parametrize(
        "sql",
        [
            "SELECT 1; SELECT 2",
            "SELEKT 1",
            "DROP VIEW events",
            "SELECT nothing FROM events",
            "SELECT * FROM nowhere",
            "SELECT * FROM read_text('/etc/hostname')",
            "COPY (SELECT 1) TO 'out.csv'",
            "SET threads = 1",
            "SELECT CAST('x' AS INTEGER)",
            "SELECT $missing",
        ],
    )
    def test_only_one_select_that_touches_nothing_else_is_run(self, history: History, sql: str) -> None:
        with pytest.raises(UsageError) as caught:
            history.query(sql)
        assert caught.value.code == "store.bad_sql"
        assert history.query("SELECT count(*) AS n FROM events")["n"].to_pylist() == [0]

    def test_a_query_sees_the_writes_before_it(self, history: History) -> None:
        for i in range(4):
            history.append("events", sample_rows("events", 1, first=i), batch=str(i))
            assert _sources(history) == {"x": i + 1}
