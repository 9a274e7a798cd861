"""Hints name the file that was typed, mend what was misspelt, and repeat the command where it is to be repeated."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from alamo.cli.failures import typeable
from alamo.cli.main import run

WORDS = ["analyze", "experiment", "--json", "--action", "arm", "my mail.csv", "--outcome", "visit,spent"]


def test_the_file_is_named_where_the_hint_leaves_it_open() -> None:
    hint = "See: alamo analyze experiment FILE … or alamo import orders FILE --preview, not FILE.toml"
    assert typeable(hint, {}, WORDS) == (
        "See: alamo analyze experiment 'my mail.csv' or alamo import orders 'my mail.csv' --preview, not FILE.toml"
    )
    assert typeable(hint, {}, []) == hint
    assert typeable("alamo import orders FILE", {}, ["status"]) == "alamo import orders FILE"


@pytest.mark.parametrize(
    ("words", "mended"),
    [
        (WORDS, "alamo analyze experiment --json --action arm 'my mail.csv' --outcome visit,spend"),
        (["analyze", "experiment", "x.csv", "--outcome=spent"], "alamo analyze experiment x.csv --outcome=spend"),
    ],
)
def test_a_misspelt_column_is_mended_in_the_command(words: list[str], mended: str) -> None:
    hint = typeable("Did you mean 'spend'?", {"column": "spent", "near": ["spend"]}, words)
    assert hint == f"Did you mean 'spend'? Then: {mended}"


def test_nothing_is_mended_where_nothing_is_near() -> None:
    assert typeable("Columns: a, b", {"column": "spent", "near": []}, WORDS) == "Columns: a, b"
    assert typeable("Near: b", {"given": "elsewhere", "near": ["b"]}, WORDS) == "Near: b"


def test_a_command_to_repeat_is_written_out() -> None:
    hint = typeable("Edit limits.toml, then run the same again", {}, ["-C", "shop", "plan", "show"])
    assert hint == "Edit limits.toml, then run: alamo -C shop plan show"


def test_after_a_preview_the_next_command_is_the_same_without_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shop, file = str(tmp_path / "shop"), str(tmp_path / "my orders.csv")
    Path(file).write_text("order_id,customer_id,date,product,quantity,price\n1,c1,2024-01-02,mug,1,20\n")
    assert run(["init", shop]) == 0
    capsys.readouterr()
    assert run(["-C", shop, "import", "orders", file, "--preview", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["next"] == f"alamo -C {shop} import orders '{file}'"
