"""`alamo analyze contracts` as a person types it."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pyarrow.csv as pa_csv
import pytest
from tests.typed import typed
from tests.unit.inference.test_contract_analysis import dated

import alamo.analyze

WORDS = ("analyze", "contracts", "contracts.csv", "--start", "began", "--end", "ended", "--until", "2021-12-31")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("contracts")
    pa_csv.write_csv(dated(3_000, 4), path / "contracts.csv")
    return path


def test_the_command_answers_as_the_library_does_and_writes_customers_and_a_page(folder: Path) -> None:
    options = ("--calibrate-until", "2020-12-31", "--customer", "id", "--margin", "fee", "--cohorts", "year")
    files = ("--out", "customers.csv", "--html", "contracts.html")
    exit_code, out, err = typed(*WORDS, *options, *files, "--json", cwd=folder)
    assert exit_code == 0, err
    library = alamo.analyze.fit_contracts(
        folder / "contracts.csv",
        start="began",
        end="ended",
        until=date(2021, 12, 31),
        calibrate_until="2020-12-31",
        customer="id",
        margin="fee",
        cohorts="year",
    )
    assert json.loads(out) == library.to_dict() | {"out": "customers.csv"}
    assert pa_csv.read_csv(folder / "customers.csv").num_rows == library.n_active
    assert "<svg" in (folder / "contracts.html").read_text(encoding="utf-8")


def test_a_person_reads_retention_and_a_mistake_names_the_next_step(folder: Path) -> None:
    exit_code, out, _ = typed(*WORDS, "--margin", "20", cwd=folder)
    assert exit_code == 0
    assert "The next 12 renewals of those who are here" in out
    exit_code, out, err = typed(*WORDS[:5], cwd=folder)
    assert (exit_code, out) == (1, "")
    assert "--start COL --end COL" in err


def test_without_until_the_last_date_that_has_come_is_taken_and_told(folder: Path) -> None:
    (folder / "planned.csv").write_text("began,ended\n" + "2020-01-01,2020-03-31\n2020-01-01,9999-12-31\n" * 20)
    exit_code, out, err = typed("analyze", "contracts", "planned.csv", *WORDS[3:7], cwd=folder)
    assert exit_code == 0, err
    assert "known up to 2020-03-31" in " ".join(out.split())
    assert "20 contracts go on" in " ".join(out.split())
