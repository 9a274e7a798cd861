"""Ids and labels of a text file stay as they are written, in every analysis and in what ``--out`` writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from tests.typed import answer, typed

import alamo


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files whose ids, arms and branches begin with zeros."""
    path = tmp_path_factory.mktemp("labels")
    rng = np.random.default_rng(11)
    n = 2_000
    arm, branch = rng.integers(0, 2, n), rng.integers(1, 4, n)
    spend = rng.gamma(2.0, 5.0, n) + 2.0 * arm
    columns = {
        "id": [f"{i:05d}" for i in range(n)],
        "arm": [f"{a:02d}" for a in arm],
        "branch": [f"{b:03d}" for b in branch],
        "spend": spend.round(2),
    }
    pa_csv.write_csv(pa.table(columns), path / "trial.csv", pa_csv.WriteOptions(quoting_style="none"))
    buyers, days = rng.integers(0, 300, n), rng.integers(0, 360, n)
    dates = [str(np.datetime64("2024-01-01") + int(day)) for day in days]
    lines = [f"{b:04d},{d[8:]}{d[5:7]}{d[:4]}\n" for b, d in zip(buyers, dates, strict=True)]
    (path / "orders.csv").write_text("who,day\n" + "".join(lines))
    (path / "blanks.txt").write_text("".join(f"{b:04d}  {d}\n" for b, d in zip(buyers, dates, strict=True)))
    (path / "layout.toml").write_text('format = "whitespace"\ncolumns = ["who", "day"]\n')
    rows = [f"{i:03d},{a:02d},{1 + (i * 7 + a) % 5}.5\n" for i in range(40) for a in (1, 2)]
    (path / "values.csv").write_text("id,action,value\n" + "".join(rows))
    (path / "lim.toml").write_text('[[limit]]\nname = "second"\nactions = ["02"]\nmaximum = 5\n')
    return path


TRIAL = ("trial.csv", "--action", "arm", "--control", "00", "--outcome", "spend")
ORDERS = ("orders.csv", "--customer", "who", "--time", "day", "--time-format", "%d%m%Y")
VALUES = ("values.csv", "--customer", "id", "--action", "action", "--value", "value")


def test_arms_and_segments_keep_their_zeros(folder: Path) -> None:
    rows = answer("analyze", "experiment", *TRIAL, "--segments", "branch", cwd=folder)["rows"]
    assert {row["action"] for row in rows} == {"01"}
    assert {row["segment"] for row in rows} == {None, "branch 001", "branch 002", "branch 003"}


@pytest.mark.parametrize("control", ["0", "00", "0.0"])
def test_an_arm_may_be_named_by_its_number(folder: Path, control: str) -> None:
    words = ("trial.csv", "--action", "arm", "--control", control, "--outcome", "spend", "--cost", "1=0.5")
    (row,) = answer("analyze", "experiment", *words, cwd=folder)["rows"]
    free = answer("analyze", "experiment", *TRIAL, cwd=folder)["rows"][0]
    assert row["action"] == "01"
    assert row["mean"] == pytest.approx(free["mean"] - 0.5)


@pytest.mark.parametrize(
    ("arms", "control"), [("True False", "false"), ("1 0", "0"), ("1.0 0.0", "0"), ("yes no", "no")]
)
def test_flags_and_numbers_are_arms_as_before(tmp_path: Path, arms: str, control: str) -> None:
    one, other = arms.split()
    lines = [f"{one if i % 2 else other},{i % 7}\n" for i in range(400)]
    (tmp_path / "t.csv").write_text("arm,spend\n" + "".join(lines))
    for command in ("experiment", "uplift"):
        words = ("t.csv", "--action", "arm", "--control", control, "--outcome", "spend")
        assert {row["action"] for row in answer("analyze", command, *words, cwd=tmp_path)["rows"]} == {one}


def test_scores_name_units_as_the_file_does(folder: Path) -> None:
    answer("analyze", "uplift", *TRIAL, "--unit", "id", "--out", "scores.parquet", cwd=folder)
    scores = pq.read_table(folder / "scores.parquet")
    assert scores["id"].to_pylist() == [f"{i:05d}" for i in range(2_000)]
    assert set(scores["action"].to_pylist()) == {"01"}


def test_customers_and_dates_without_separators_keep_their_zeros(folder: Path) -> None:
    answer("analyze", "lifetime-value", *ORDERS, "--out", "value.parquet", cwd=folder)
    customers = pq.read_table(folder / "value.parquet")["customer"].to_pylist()
    assert {len(customer) for customer in customers} == {4}
    blanks = ("blanks.txt", "--mapping", "layout.toml", "--customer", "who", "--time", "day")
    answer("analyze", "lifetime-value", *blanks, "--out", "blanks.parquet", cwd=folder)
    assert pq.read_table(folder / "blanks.parquet").equals(pq.read_table(folder / "value.parquet"))


def test_a_plan_names_customers_and_actions_as_the_file_does(folder: Path) -> None:
    assert answer("analyze", "allocation", *VALUES, "--limits", "lim.toml", "--out", "plan.csv", cwd=folder)["feasible"]
    lines = (folder / "plan.csv").read_text().splitlines()
    assert lines[1].startswith('"000","0')
    assert sum('"02"' in line for line in lines) <= 5


def test_the_library_answers_as_the_command_does(folder: Path) -> None:
    effects = alamo.estimate_effects(folder / "trial.csv", action="arm", control="00", outcome="spend")
    assert effects.to_dict() == answer("analyze", "experiment", *TRIAL, cwd=folder)
    uplift = alamo.fit_uplift(folder / "trial.csv", action="arm", control="00", outcome=["spend"])
    assert uplift.to_dict() == answer("analyze", "uplift", *TRIAL, cwd=folder)
    value = alamo.fit_lifetime_value(
        folder / "orders.csv", customer="who", time="day", time_format="%d%m%Y", calibrate_until="2024-09-30"
    )
    assert value.to_dict() == answer(
        "analyze", "lifetime-value", *ORDERS, "--calibrate-until", "2024-09-30", cwd=folder
    )
    plan = alamo.allocate(
        folder / "values.csv", customer="id", action="action", value="value", limits=folder / "lim.toml"
    ).to_dict()
    told = answer("analyze", "allocation", *VALUES, "--limits", "lim.toml", cwd=folder)
    assert plan | {"seconds": None} == told | {"seconds": None}


def test_limits_in_conflict_name_their_file_and_the_command(folder: Path) -> None:
    (folder / "tight.toml").write_text('[[limit]]\nname = "all of them"\nminimum = 60\n')
    exit_code, _, err = typed("analyze", "allocation", *VALUES, "--limits", "tight.toml", cwd=folder)
    assert exit_code == 1
    assert "tight.toml: the limits 'all of them'" in err
    assert f"Edit tight.toml, then run: alamo analyze allocation {' '.join(VALUES)} --limits tight.toml" in err
    assert "limits.toml" not in err
    assert "alamo steer" not in err


@pytest.mark.parametrize(
    ("limit", "says"),
    [
        ('actions = ["03"]\nmaximum = 1', "limit 'x' in bad.toml names action '03'"),
        ('use = "valu"\nmaximum = 1', "limit 'x' in bad.toml uses 'valu'"),
        ('channels = ["post"]\nmaximum = 1', "limit 'x' in bad.toml restricts channels"),
        ('where = "town = 1"\nmaximum = 1', "the predicate of limit 'x' in bad.toml cannot be evaluated"),
        ("maximum = -1", "bad.toml, limit number 1.maximum: -1 is not allowed"),
    ],
)
def test_a_limit_that_does_not_fit_names_its_file(folder: Path, limit: str, says: str) -> None:
    (folder / "bad.toml").write_text(f'[[limit]]\nname = "x"\n{limit}\n')
    exit_code, out, err = typed("analyze", "allocation", *VALUES, "--limits", "bad.toml", cwd=folder)
    assert (exit_code, out) == (1, "")
    assert says in err
    assert "alamo doctor" not in err
    assert "alamo steer" not in err


def test_a_misspelt_column_comes_back_as_the_whole_command(folder: Path) -> None:
    words = ("trial.csv", "--action", "arm", "--control", "00", "--outcome", "spent")
    _, _, err = typed("analyze", "experiment", *words, cwd=folder)
    assert f"Then: alamo analyze experiment {' '.join(TRIAL)}" in err
