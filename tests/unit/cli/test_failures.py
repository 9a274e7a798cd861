"""Every failure becomes one message, a next step and the right exit code."""

from __future__ import annotations

import json

import click
import pytest

from alamo.cli.failures import report_failure
from alamo.cli.main import run
from alamo.domain.errors import AlamoError, ConfigError, ContractError, InputError, StoreError, UsageError

CASES = [
    (UsageError("no column 'x'", hint="alamo --help", code="columns.unknown"), 1),
    (ConfigError("bad key"), 1),
    (InputError("orders.csv is empty"), 2),
    (ContractError("table broken"), 3),
    (StoreError("disk full"), 3),
    (click.UsageError("no such option"), 1),
    (KeyboardInterrupt(), 130),
    (click.Abort(), 130),
    (MemoryError(), 2),
    (ZeroDivisionError("division by zero"), 3),
]


@pytest.mark.parametrize(("error", "exit_code"), CASES, ids=lambda value: type(value).__name__)
def test_an_error_has_its_exit_code_and_speaks_on_stderr(
    error: BaseException, exit_code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report_failure(error, as_json=False) == exit_code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("Error: ")


def test_the_hint_stands_below_the_message(capsys: pytest.CaptureFixture[str]) -> None:
    report_failure(ConfigError("no project", hint="alamo init DIR"), as_json=False)
    assert capsys.readouterr().err == "Error: no project\n  → alamo init DIR\n"


def test_with_json_the_error_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    error = AlamoError("row 7", hint="mend it", code="input.bad", details={"row": 7, "share": float("nan")})
    report_failure(error, as_json=True)
    read = json.loads(capsys.readouterr().out)
    assert read == {
        "schema": "alamo.error/1",
        "code": "input.bad",
        "message": "row 7",
        "hint": "mend it",
        "details": {"row": 7, "share": None},
    }


@pytest.mark.parametrize("words", [["nonsense"], ["status", "--nonsense"], ["report"], ["report", "nonsense"]])
def test_a_mistake_in_typing_is_exit_code_one(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 1
    assert "--help" in capsys.readouterr().err


def test_no_command_shows_the_help_and_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 1
    assert "alamo init demo --example shop" in capsys.readouterr().err


def test_help_and_version_are_answers(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    assert run(["--version"]) == 0
    assert "alamo, version" in capsys.readouterr().out


def test_a_usage_error_with_json_is_an_object_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "nonsense", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["code"] == "usage"


def test_an_unexpected_error_is_exit_code_three_with_a_way_to_report_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*args: object, **kwargs: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("alamo.cli.main.alamo.main", fails)
    assert run(["status"]) == 3
    assert "ALAMO_LOG=debug" in capsys.readouterr().err


def test_a_reader_who_leaves_the_pipe_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def leaves(*args: object, **kwargs: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("alamo.cli.main.alamo.main", leaves)
    monkeypatch.setattr("sys.stdout", None)  # put back afterwards: the command line lets go of it
    assert run(["status"]) == 0
