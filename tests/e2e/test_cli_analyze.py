"""`alamo analyze` as a person types it: files in, an object and an exit code out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from tests.typed import answer, typed


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an experiment of known effect, transactions, and values to allocate."""
    path = tmp_path_factory.mktemp("analyze")
    rng = np.random.default_rng(7)
    n = 4_000
    arm = rng.integers(0, 2, n)
    spend = rng.gamma(2.0, 5.0, n) + 3.0 * arm
    names = np.where(arm == 1, "mail", "none")
    pa_csv.write_csv(pa.table({"id": np.arange(n), "arm": names, "spend": spend}), path / "mail.csv")
    days = np.datetime64("2024-01-01") + rng.integers(0, 360, n)
    buyers = rng.integers(0, 600, n)
    pq.write_table(pa.table({"who": buyers, "day": days, "total": spend}), path / "orders.parquet")
    rows = [{"id": i, "action": a, "value": float(1 + (i * 7 + k) % 5)} for i in range(50) for k, a in enumerate("ab")]
    pq.write_table(pa.Table.from_pylist(rows), path / "values.parquet")
    (path / "limits.toml").write_text('[[limit]]\nname = "post room"\nactions = ["b"]\nmaximum = 10\n')
    (path / "conflict.toml").write_text('[[limit]]\nname = "all of them"\nminimum = 60\n')
    return path


EXPERIMENT = ("analyze", "experiment", "mail.csv", "--action", "arm", "--control", "none", "--outcome", "spend")
ALLOCATION = ("analyze", "allocation", "values.parquet", "--customer", "id", "--action", "action", "--value", "value")


def test_an_experiment_gives_one_row_whose_interval_holds_the_difference_of_means(folder: Path) -> None:
    data = answer(*EXPERIMENT, cwd=folder)
    table = pa_csv.read_csv(folder / "mail.csv")
    spend, arm = table["spend"].to_numpy(), table["arm"].to_numpy()
    difference = spend[arm == "mail"].mean() - spend[arm == "none"].mean()
    (row,) = data["rows"]
    assert data["schema"] == "alamo.experiment/1"
    assert row["lower"] < difference < row["upper"]
    assert row["anytime_lower"] < row["lower"] < row["upper"] < row["anytime_upper"]
    assert row["found"] is True


def test_costs_are_taken_off(folder: Path) -> None:
    dear = answer(*EXPERIMENT, "--cost", "mail=2", cwd=folder)["rows"][0]["mean"]
    free = answer(*EXPERIMENT, cwd=folder)["rows"][0]["mean"]
    assert free - dear == pytest.approx(2.0)


def test_a_file_can_come_from_standard_input(folder: Path) -> None:
    words = [word if word != "mail.csv" else "-" for word in EXPERIMENT]
    piped = answer(*words, cwd=folder, stdin=(folder / "mail.csv").read_bytes())
    assert piped["rows"] == answer(*EXPERIMENT, cwd=folder)["rows"]


def test_lifetime_value_writes_one_row_per_customer_where_it_is_told(folder: Path) -> None:
    data = answer(
        "analyze", "lifetime-value", "orders.parquet", "--customer", "who", "--time", "day", "--amount", "total",
        "--calibrate-until", "2024-06-30", "--out", "value.parquet", cwd=folder,
    )  # fmt: skip
    assert data["out"] == "value.parquet"
    assert pq.read_table(folder / "value.parquet").num_rows == data["n_customers"]
    assert {row["parameter"] for row in data["rows"]} >= {"r", "alpha", "a", "b"}


def test_an_allocation_keeps_its_limit_and_says_its_price(folder: Path) -> None:
    data = answer(*ALLOCATION, "--limits", "limits.toml", "--out", "plan.csv", cwd=folder)
    plan = pa_csv.read_csv(folder / "plan.csv")
    assert data["feasible"] is True
    assert data["value"] <= data["dual_bound"] + 1e-9
    assert plan.num_rows == 50
    assert plan["action"].to_pylist().count("b") <= 10
    assert data["rows"][0]["price"] >= 0


def test_limits_in_conflict_are_an_answer_with_exit_code_one(folder: Path) -> None:
    exit_code, out, err = typed(*ALLOCATION, "--limits", "conflict.toml", "--json", cwd=folder)
    data = json.loads(out)
    assert exit_code == 1
    assert data["feasible"] is False
    assert data["infeasible_limits"] == [{"limit": "all of them", "relax_by": 10.0}]
    assert "all of them" in err


@pytest.mark.parametrize(
    ("words", "exit_code", "says"),
    [
        (("analyze", "experiment", "absent.csv", *EXPERIMENT[3:]), 1, "absent.csv"),
        ((*EXPERIMENT[:-1], "spent"), 1, "spend"),
        ((*EXPERIMENT[:6], "nobody", *EXPERIMENT[7:]), 1, "none"),
        (("analyze", "experiment", "empty.csv", *EXPERIMENT[3:]), 2, "empty"),
    ],
    ids=["no such file", "no such column", "no such control", "empty file"],
)
def test_a_mistake_has_one_message_and_its_exit_code(
    folder: Path, words: tuple[str, ...], exit_code: int, says: str
) -> None:
    (folder / "empty.csv").write_bytes(b"")
    found, out, err = typed(*words, cwd=folder)
    assert (found, out) == (exit_code, "")
    assert err.startswith("Error: ")
    assert says in err
    assert "Traceback" not in err
