"""`alamo analyze experiment` on Parquet files and folders of them, as a person types it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from tests.typed import answer, typed

QUESTION = ("--action", "arm", "--control", "none", "--outcome", "spend", "--cost", "mail=1", "--features", "none")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A campaign as CSV, as one Parquet file, and as a folder of days."""
    path = tmp_path_factory.mktemp("files")
    rng = np.random.default_rng(8)
    n = 6_000
    arm, place = rng.integers(0, 2, n), rng.integers(0, 7, n)
    table = pa.table(
        {
            "arm": np.where(arm == 1, "mail", "none"),
            "place": [f"p{i}" for i in place],
            "age": rng.normal(40.0, 10.0, n).round(1),
            "spend": (rng.gamma(2.0, 5.0, n) + 3.0 * arm + place).round(2),
        }
    )
    pa_csv.write_csv(table, path / "all.csv")
    pq.write_table(table, path / "all.parquet")
    for day in range(3):
        (path / "days" / f"day={day}").mkdir(parents=True)
        pq.write_table(table.slice(2000 * day, 2000), path / "days" / f"day={day}" / "part.parquet")
    (path / "days" / "_tmp.parquet").write_bytes(b"half written")
    return path


@pytest.mark.parametrize("segments", ["none", "place"])
def test_a_file_and_a_folder_of_days_say_what_the_table_says(folder, segments):
    by_rows = answer("analyze", "experiment", "all.csv", *QUESTION, "--segments", segments, cwd=folder)
    for source in ("all.parquet", "days"):
        counted = answer("analyze", "experiment", source, *QUESTION, "--segments", segments, cwd=folder)
        assert counted["units"] == by_rows["units"] == 6000
        assert len(counted["rows"]) == len(by_rows["rows"])
        for one, other in zip(counted["rows"], by_rows["rows"], strict=True):
            assert one == {key: pytest.approx(v, rel=1e-9) if isinstance(v, float) else v for key, v in other.items()}


def test_what_needs_rows_reads_the_folder(folder):
    found = [
        answer("analyze", "experiment", source, *QUESTION[:-1], "age", cwd=folder)["rows"][0]
        for source in ("days", "all.csv")
    ]
    assert found[0] == found[1]


def test_a_folder_without_parquet_and_a_cut_file_are_refused_with_what_to_do(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    exit_code, _, err = typed("analyze", "experiment", "empty", *QUESTION, cwd=tmp_path)
    assert exit_code == 2
    assert "empty is a folder, not a file" in err
    (tmp_path / "cut.parquet").write_bytes((folder / "all.parquet").read_bytes()[:-9])
    exit_code, _, err = typed("analyze", "experiment", "cut.parquet", *QUESTION, cwd=tmp_path)
    assert exit_code == 2
    assert "cut.parquet" in err
    assert "Export or copy the file again" in err
