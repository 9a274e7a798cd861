"""`alamo analyze uplift` as a person types it: learners by name, explanations, and a model that scores elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pytest
from tests.typed import typed

from alamo.prediction import FittedUplift

WORDS = ("analyze", "uplift", "trial.csv", "--action", "arm", "--control", "none", "--outcome", "spend", "--unit", "id")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a trial in which a mail helps the new and harms the others."""
    path = tmp_path_factory.mktemp("uplift")
    rng = np.random.default_rng(11)
    n = 4_000
    new, arm = rng.random(n) < 0.5, np.array(["none", "mail"])[rng.integers(0, 2, n)]
    spend = rng.gamma(2.0, 5.0, n) + np.where(arm == "mail", np.where(new, 4.0, -2.0), 0.0)
    columns = {"id": [f"{i:05}" for i in range(n)], "arm": arm, "new": new, "age": rng.integers(18, 80, n)}
    pa_csv.write_csv(pa.table(columns | {"spend": spend}), path / "trial.csv")
    return path


def test_learners_explanations_and_the_model_go_where_they_are_told(folder: Path) -> None:
    exit_code, out, err = typed(
        *WORDS, "--learners", "tree,ridge", "--explain", "20", "--explain-out", "parts.csv", "--what-if", "new",
        "--model-out", "model.json", "--out", "scores.csv", "--json", cwd=folder,
    )  # fmt: skip
    assert exit_code == 0, err
    data = json.loads(out)
    assert {row["learner"] for row in data["rows"]} == {"zero", "one effect", "segments", "tree", "ridge"}
    assert (data["scores"], data["contributions"], data["model"]) == ("scores.csv", "parts.csv", "model.json")
    assert data["importance"][0]["column"] == "new"
    assert data["what_if"][0]["shape"] == "rising"
    parts = pa_csv.read_csv(folder / "parts.csv")
    total = sum(parts[name].to_numpy() for name in ("base", "part:new", "part:age"))
    assert total == pytest.approx(parts["effect"].to_numpy())
    model = FittedUplift.from_dict(json.loads((folder / "model.json").read_text(encoding="utf-8")))
    again = model.predict(pa_csv.read_csv(folder / "trial.csv"))
    assert again["value_mean"].to_pylist() == pa_csv.read_csv(folder / "scores.csv")["value_mean"].to_pylist()


def test_a_person_reads_what_is_kept_and_why(folder: Path) -> None:
    exit_code, out, err = typed(*WORDS, "--explain", "20", "--what-if", "new", cwd=folder)
    assert exit_code == 0, err
    for words in ("Kept, because", "always-valid interval", "loss if shuffled", "mail: effect if new were this"):
        assert words in out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--learners", "ridgy"), "Did you mean ridge"),
        (("--what-if", "spend"), "does not look at column 'spend'"),
        (("--explain-out", "parts.csv"), "--explain 100"),
        (("--model-out", "model.pkl"), "End it in .json: --model-out model.json"),
        (("--model-out", "absent/model.json"), "cannot write"),
        (("--explain", "9", "--explain-out", "parts.xlsx"), "End it in .parquet or .csv: --explain-out parts.parquet"),
    ],
)
def test_a_mistake_has_one_message(folder: Path, words: tuple[str, ...], says: str) -> None:
    exit_code, out, err = typed(*WORDS, *words, cwd=folder)
    assert exit_code == 1
    assert says in err
    assert out == ""
