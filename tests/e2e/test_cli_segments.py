"""`alamo analyze segments` as a person types it: orders in, segments, a definition, a page, and a refit of it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow.csv as pa_csv
import pytest
from tests.typed import typed

from alamo.analyze import find_segments
from alamo.domain.errors import UsageError

ORDERS = ("analyze", "segments", "orders.csv")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Orders of 600 customers in 270 days: they differ in how often and how dearly they buy."""
    path = tmp_path_factory.mktemp("segments")
    rng = np.random.default_rng(5)
    rows = []
    for customer in range(600):
        often, dear = rng.choice([0.01, 0.04, 0.1]), rng.choice([20.0, 150.0])
        for day in np.flatnonzero(rng.random(270) < often):
            date = np.datetime64("2021-01-01") + int(day)
            rows.append([f"c{customer}", date, f"{dear * rng.gamma(9.0, 1 / 9):.2f}", rng.choice(["toys", "garden"])])
    with (path / "orders.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["customer", "date", "amount", "category"], *rows])
    return path


@pytest.fixture(scope="module")
def previous(folder: Path) -> str:
    """A definition found on the first months, in a file that no test writes."""
    found = find_segments(folder / "orders.csv", until="2021-08-20")
    (folder / "previous.json").write_text(json.dumps(found.definition.to_dict()), encoding="utf-8")
    return "previous.json"


def test_the_command_answers_as_the_library_does_and_writes_what_it_is_asked(folder: Path) -> None:
    words = ("--definition-out", "segments.json", "--out", "customers.csv", "--html", "page.html", "--json")
    exit_code, out, err = typed(*ORDERS, "--until", "2021-08-20", *words, cwd=folder)
    assert exit_code == 0, err
    found = json.loads(out)
    library = find_segments(folder / "orders.csv", until="2021-08-20")
    assert found["rows"] == library.to_dict()["rows"]
    assert found["schema"] == "alamo.segments/1"
    assert found["segments"] == len(found["rows"]) > 3
    assert found["smallest"] >= 30
    assert found["choice"]["found"]
    assert json.loads((folder / "segments.json").read_text(encoding="utf-8")) == library.definition.to_dict()
    assert pa_csv.read_csv(folder / "customers.csv").num_rows == found["customers"]
    page = (folder / "page.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 3


def test_a_refit_says_what_changed_and_a_table_does_as_well_as_a_file(folder: Path, previous: str) -> None:
    exit_code, out, err = typed(*ORDERS, "--previous", previous, cwd=folder)
    assert exit_code == 0, err
    assert "keep their number" in " ".join(out.split())
    definition = json.loads((folder / previous).read_text(encoding="utf-8"))
    table = pa_csv.read_csv(folder / "orders.csv")
    assert find_segments(table, previous=definition).changes["adjusted_rand"] >= 0.8


def test_who_moved_between_two_days_and_why(folder: Path, previous: str) -> None:
    days = ("--from", "2021-05-01", "--to", "2021-08-01", "--moves-out", "moves.csv", "--matrix-out", "matrix.csv")
    exit_code, out, err = typed(*ORDERS, "--previous", previous, *days, "--json", cwd=folder)
    assert exit_code == 0, err
    found = json.loads(out)
    assert (found["migration"]["from"], found["migration"]["to"]) == ("2021-05-01", "2021-08-01")
    moves, matrix = (pa_csv.read_csv(folder / name) for name in ("moves.csv", "matrix.csv"))
    assert moves.num_rows == sum(row["customers"] for row in found["migration"]["reasons"])
    assert matrix.num_rows == found["segments"] + 1
    assert all(" → " in why for why in moves["why"].to_pylist())
    assert found["forecast"]["months"][0]["lower"] <= found["forecast"]["months"][0]["money"]
    exit_code, _, err = typed(*ORDERS, "--from", "2021-05-01", "--to", "2030-01-01", cwd=folder)
    assert exit_code == 1
    assert "--to 2021-09-27" in err
    exit_code, _, err = typed(*ORDERS, "--from", "2021-05-01", cwd=folder)
    assert exit_code == 1
    assert "one end of the time is missing" in err


def test_what_cannot_be_used_is_refused_with_what_to_do(folder: Path) -> None:
    (folder / "other.json").write_text("[]", encoding="utf-8")
    exit_code, _, err = typed(*ORDERS, "--previous", "other.json", cwd=folder)
    assert exit_code == 2
    assert "--definition-out" in err
    exit_code, _, err = typed(*ORDERS, "--previous", "none.json", cwd=folder)
    assert exit_code == 1
    assert "cannot read none.json" in err
    exit_code, _, err = typed(*ORDERS, "--until", "2021-02-20", cwd=folder)
    assert exit_code == 1
    assert "--months 1" in err
    with pytest.raises(UsageError, match="no keyword 'leest'"):
        find_segments(folder / "orders.csv", leest=3)
    with pytest.raises(UsageError, match="--months 0 cannot be used"):
        find_segments(folder / "orders.csv", months=0)
