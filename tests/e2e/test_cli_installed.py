"""The installed command answers as the one that is loaded once, which the other tests type."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.typed import typed

TRIAL = "arm,spend\n" + "".join(f"{('mail', 'none')[i % 2]},{i * 37 % 101}\n" for i in range(200))
QUESTION = ("analyze", "experiment", "-", "--action", "arm", "--control", "none", "--outcome", "spend")


@pytest.mark.parametrize(
    ("words", "stdin", "exit_code"),
    [
        ((*QUESTION, "--json"), TRIAL, 0),
        (QUESTION, TRIAL, 0),
        ((*QUESTION[:-1], "spent"), TRIAL, 1),
        (QUESTION, "", 2),
        (("report", "--nonsense"), "", 1),
        (("--version",), "", 0),
    ],
    ids=["an object", "a table", "a mistake", "no input", "no such option", "the version"],
)
def test_it_answers_as_the_one_that_is_loaded_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], stdin: str, exit_code: int
) -> None:
    monkeypatch.setenv("COLUMNS", "77")
    program = Path(sys.executable).with_name("alamo")
    run = subprocess.run([program, *words], cwd=tmp_path, input=stdin.encode(), capture_output=True, check=False)
    assert run.returncode == exit_code
    assert (run.returncode, run.stdout.decode(), run.stderr.decode()) == typed(
        *words, cwd=tmp_path, stdin=stdin.encode()
    )


def test_the_one_that_is_loaded_once_works_where_it_is_typed_and_keeps_nothing_from_call_to_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        assert typed("init", ".", cwd=tmp_path / name)[0] == 0
        assert (tmp_path / name / "alamo.toml").is_file()
    monkeypatch.setenv("ALAMO_PROJECT", str(tmp_path / "one"))
    assert typed("status", cwd=tmp_path)[0] == 0
    monkeypatch.delenv("ALAMO_PROJECT")
    assert typed("status", cwd=tmp_path)[0] == 1
