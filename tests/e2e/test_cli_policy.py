"""`alamo analyze policy` as a person types it: a file in, an object, a page and an exit code out."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from tests.typed import typed
from tests.unit.inference.off_policy_logs import simulated

import alamo
import alamo.analyze
from alamo.inference.off_policy import policy_tree_from_dict

WORDS = ("analyze", "policy", "log.csv", "--action", "action", "--propensity", "p", "--outcome", "y")
EACH = (*WORDS, "--target-prefix", "P_")
KEYWORDS = {"action": "action", "propensity": "p", "outcome": "y"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("policy")
    table = simulated(4_000, 21)
    pa_csv.write_csv(table, path / "log.csv")
    p = table["p"].to_numpy().copy()
    p[3] = 0.0
    pq.write_table(table.set_column(1, "p", pa.array(p)), path / "broken.parquet")
    return path


def test_the_command_answers_as_the_library_does_and_writes_a_page(folder: Path) -> None:
    exit_code, out, err = typed(*EACH, "--html", "policy.html", "--json", cwd=folder)
    assert exit_code == 0, err
    found = json.loads(out)
    assert found == alamo.evaluate_policy(folder / "log.csv", **KEYWORDS, target_prefix="P_").to_dict()
    assert [row["chosen"] for row in found["rows"]].count(True) == 1
    page = (folder / "policy.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 2
    assert "doubly robust (dr)" in page


def test_a_person_reads_which_number_to_go_by(folder: Path) -> None:
    exit_code, out, _ = typed(*WORDS, "--target", "to", "--features", "x", cwd=folder)
    assert exit_code == 0
    assert out.count("go by this") == 1
    assert "effective sample size" in out


def test_the_best_of_several_is_a_command_of_its_own(folder: Path) -> None:
    words = ("analyze", "policy-choice", *WORDS[2:], "--candidate", "idea=P_", "--always", "a", "--features", "x")
    exit_code, out, err = typed(*words, "--json", "--html", "choice.html", cwd=folder)
    assert exit_code == 0, err
    library = alamo.analyze.choose_policy(
        folder / "log.csv", **KEYWORDS, candidate={"idea": "P_"}, always="a", features="x"
    )
    assert json.loads(out) == library.to_dict()
    assert "<svg" in (folder / "choice.html").read_text(encoding="utf-8")
    exit_code, out, err = typed(*words[:-4], cwd=folder)
    assert (exit_code, out) == (1, "")
    assert "1 policies leave nothing to choose" in err


def test_a_policy_in_words_is_grown_written_and_kept(folder: Path) -> None:
    pa_csv.write_csv(simulated(20_000, 23), folder / "long.csv")
    words = ("analyze", "policy-tree", "long.csv", *WORDS[3:], "--control", "a", "--features", "x", "--cost", "c=0.1")
    files = ("--model-out", "tree.json", "--out", "rows.csv", "--html", "tree.html")
    exit_code, out, err = typed(*words, *files, "--json", cwd=folder)
    assert exit_code == 0, err
    library = alamo.analyze.grow_policy(
        folder / "long.csv", **KEYWORDS, control="a", features="x", cost={"c": 0.1}
    ).to_dict()
    assert json.loads(out) == library | {"model_file": "tree.json", "out": "rows.csv"}
    assert {row["who"] for row in library["rows"]} == {"x is 0", "x is 1"}
    rows = pa_csv.read_csv(folder / "rows.csv")
    assert rows.num_rows == 20_000
    tree = policy_tree_from_dict(json.loads((folder / "tree.json").read_text(encoding="utf-8")))
    assert tree.choose(pa.table({"x": [0, 1]}))["who"].to_pylist() == ["x is 0", "x is 1"]
    assert "<svg" in (folder / "tree.html").read_text(encoding="utf-8")


def test_a_log_that_says_too_little_is_an_answer(folder: Path) -> None:
    pa_csv.write_csv(simulated(500, 22), folder / "small.csv")
    exit_code, out, _ = typed(*(word.replace("log.csv", "small.csv") for word in EACH), "--json", cwd=folder)
    data = json.loads(out)
    assert exit_code == 0
    assert not any(row["chosen"] for row in data["rows"])
    assert "effective sample size" in data["refusals"][0]["reason"]


@pytest.mark.parametrize(
    ("words", "exit_code", "says"),
    [
        ((*EACH[:2], "broken.parquet", *EACH[3:]), 2, "column 'p' is 0 in row 4"),
        (WORDS, 1, "no target is given"),
        ((*WORDS, "--target", "tu"), 1, "no column 'tu'"),
        ((*WORDS[:-1], "action", "--target", "to"), 1, "outcome column 'action' is string"),
    ],
    ids=["a propensity of 0", "no policy", "no such column", "text"],
)
def test_a_mistake_names_column_and_row(folder: Path, words: tuple[str, ...], exit_code: int, says: str) -> None:
    found, out, err = typed(*words, cwd=folder)
    assert (found, out) == (exit_code, "")
    assert says in err
    assert "→" in err
