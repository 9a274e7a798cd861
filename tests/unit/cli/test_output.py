"""Answers go to stdout, as words or as one object; a table that cannot be written says so."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import RenderableType

from alamo.cli.analyze import analyze
from alamo.cli.files import FileToWrite, write_json, write_table
from alamo.cli.output import announcing, counting, emit, note
from alamo.domain.errors import UsageError


def view(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Show one line."""
    yield note(f"n = {data['n']}")


class Counted:
    """An answer of the library."""

    def to_dict(self) -> dict[str, Any]:
        """Return it as an object."""
        return {"schema": "alamo.test/1", "n": 3, "nothing": float("nan")}


def test_words_end_with_where_the_data_come_from(capsys: pytest.CaptureFixture[str]) -> None:
    emit(Counted(), view, as_json=False, attribution="simulated")
    assert capsys.readouterr().out == "n = 3\nsimulated\n"


def test_json_is_one_object_with_the_attribution_and_null_for_what_is_absent(
    capsys: pytest.CaptureFixture[str],
) -> None:
    emit(Counted(), view, as_json=True, attribution="simulated")
    read = json.loads(capsys.readouterr().out)
    assert read == {"schema": "alamo.test/1", "n": 3, "nothing": None, "attribution": "simulated"}


def test_progress_is_silent_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    with announcing(True) as announce, counting("reading", True) as count:
        announce("measure")
        count(1, 2)
    assert capsys.readouterr() == ("", "")


def test_a_table_is_written_by_its_ending_and_replaced_whole(tmp_path: Path) -> None:
    table = pa.table({"id": ["a"], "value": [1.5]})
    for name in ("out.parquet", "out.csv"):
        (tmp_path / name).write_text("old")
        write_table(tmp_path / name, table)
    assert pq.read_table(tmp_path / "out.parquet").equals(table)
    assert (tmp_path / "out.csv").read_text().splitlines() == ['"id","value"', '"a",1.5']
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "out.parquet"]


@pytest.mark.parametrize(("name", "code"), [("out.xlsx", "output.unknown_format"), ("no/out.csv", "output.unwritable")])
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, name: str, code: str) -> None:
    with pytest.raises(UsageError) as caught:
        write_table(tmp_path / name, pa.table({"id": ["a"]}))
    assert caught.value.code == code
    assert "--out" in caught.value.hint


def test_a_model_is_written_so_that_its_numbers_come_back(tmp_path: Path) -> None:
    state = {"names": ["é"], "values": [0.1 + 0.2, 1e-300, 1 / 3]}
    write_json(tmp_path / "model.json", state)
    assert json.loads((tmp_path / "model.json").read_text(encoding="utf-8")) == state
    for name, code in (("model.txt", "output.unknown_format"), ("no/model.json", "output.unwritable")):
        with pytest.raises(UsageError) as caught:
            write_json(tmp_path / name, state)
        assert caught.value.code == code


@pytest.mark.parametrize(
    ("command", "option", "name", "proposed"),
    [
        ("uplift", "--out", "scores.xlsx", "--out scores.parquet"),
        ("uplift", "--explain-out", "parts.json", "--explain-out parts.parquet"),
        ("uplift", "--model-out", "my model.pkl", "--model-out 'my model.json'"),
        ("policy", "--html", "page.pdf", "--html page.html"),
        ("lifetime-value", "--out", "value", "--out value.parquet"),
        ("churn", "--html", "churn.txt", "--html churn.html"),
        ("readiness", "--out", "scores.txt", "--out scores.parquet"),
        ("next-product", "--out", "next.tsv", "--out next.parquet"),
        ("allocation", "--out", "plan.xls", "--out plan.parquet"),
    ],
)
def test_a_file_that_cannot_be_written_is_refused_before_anything_is_read(
    command: str, option: str, name: str, proposed: str
) -> None:
    with pytest.raises(UsageError) as caught:
        analyze.main([command, "absent.csv", option, name], standalone_mode=False)
    assert caught.value.code == "output.unknown_format"
    assert caught.value.hint.endswith(proposed)
    with pytest.raises(UsageError) as caught:
        analyze.main([command, "absent.csv", option, f"no/{shlex.split(proposed)[1]}"], standalone_mode=False)
    assert caught.value.code == "output.unwritable"
    assert f": {option} " in caught.value.hint


def test_the_file_that_is_read_is_not_written_over(tmp_path: Path) -> None:
    file = tmp_path / "mail.csv"
    file.write_text("arm,y\n")
    for words in (
        ["uplift", str(file), "--out", str(file)],
        ["uplift", "--out", str(tmp_path / "." / "mail.csv"), str(file)],
    ):
        with pytest.raises(UsageError, match="the file that is read") as caught:
            analyze.main(words, standalone_mode=False)
        assert caught.value.code == "output.taken"
        assert caught.value.hint.endswith("--out mail-out.csv")
    assert file.read_text() == "arm,y\n"
    readers = [p for command in analyze.commands.values() for p in command.params if p.name == "file"]
    assert len(readers) == len(analyze.commands)
    assert all(parameter.is_eager for parameter in readers)


def test_two_options_do_not_write_one_file(tmp_path: Path) -> None:
    words = ["uplift", "absent.csv", "--out", str(tmp_path / "a.csv"), "--explain-out", str(tmp_path / "a.csv")]
    with pytest.raises(UsageError, match="--out is written there") as caught:
        analyze.main(words, standalone_mode=False)
    assert caught.value.code == "output.taken"


def test_a_folder_without_leave_to_write_is_refused_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda *asked: False)
    with pytest.raises(UsageError, match="Permission denied") as caught:
        analyze.main(["uplift", "absent.csv", "--out", str(tmp_path / "a.csv")], standalone_mode=False)
    assert caught.value.code == "output.unwritable"


def test_every_file_an_analysis_writes_is_checked_before_the_work() -> None:
    written = ("--out", "--explain-out", "--model-out", "--html")
    found = [
        (name, parameter.opts[0], isinstance(parameter.type, FileToWrite))
        for name, command in analyze.commands.items()
        for parameter in command.params
        if parameter.opts[0] in written or parameter.opts[0].endswith("-out")
    ]
    assert len(found) >= 10
    assert [row for row in found if not row[2]] == []
