"""All faults of a project's files are told at once, each with its file and key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from alamo.cli.main import run
from alamo.config import load_limits, load_mapping, load_project
from alamo.domain.errors import ConfigError
from alamo.project import Project

FAULTS = {
    "alamo.toml": 'name = "x"\ncurency = "EUR"\n[cycle]\ndays = 0\nfirst_start = "soon"\n[control]\nshare = "much"\n',
    "actions/one.toml": 'id = "one"\nchannel = "email"\nlevel = "upsel"\n',
    "actions/two.toml": "id = 2\ncost = -1\n",
    "limits.toml": '[[limit]]\nname = "a"\n[[limit]]\nname = "b"\nmaximum = 1\nperiod = "year"\n'
    "[contact]\nmax_actions = 2\n",
    "mappings/erp.toml": 'kind = "order"\ndecimals = ","\n[fields]\norder = "Beleg"\n',
    "segments/big.sql": " \n",
}
TOLD = [
    ("alamo.toml", "curency", "did you mean 'currency'"),
    ("alamo.toml", "cycle.days", "0 is not allowed"),
    ("alamo.toml", "control.share", "'much' is not allowed"),
    ("actions/one.toml", "level", "did you mean 'upsell'"),
    ("actions/two.toml", "id", "2 is not allowed"),
    ("actions/two.toml", "channel", "is missing"),
    ("actions/two.toml", "level", "is missing"),
    ("actions/two.toml", "cost", "-1 is not allowed"),
    ("limits.toml", "limit 'a'", "neither a maximum nor a minimum"),
    ("limits.toml", "limit 'b'.period", "unknown period 'year'"),
    ("limits.toml", "contact.max_actions", "not supported"),
    ("mappings/erp.toml", "kind", "did you mean 'orders'"),
    ("mappings/erp.toml", "decimals", "did you mean 'decimal'"),
    ("mappings/erp.toml", "fields.order", "did you mean 'order_id'"),
    ("segments/big.sql", "", "is empty"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FAULTS.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_the_doctor_lists_every_fault_of_every_file(folder: Path) -> None:
    findings = Project.check(folder).findings
    for file, key, words in TOLD:
        place = f"{folder / file}, {key}: " if key else f"{folder / file}: "
        assert [found for found in findings if found.what.startswith(place) and words in found.what], (file, key)
    assert len(findings) == len(TOLD)
    assert {found.severity for found in findings} == {"error"}
    assert all(found.cure.lower().endswith("then: alamo doctor") for found in findings)


def test_a_hint_points_to_file_and_key(folder: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_project(folder)
    assert caught.value.message.startswith(f"{folder / 'alamo.toml'}, curency: ")
    days = next(told for told in caught.value.details["further"] if "cycle.days" in told["message"])
    assert days["hint"] == f"Correct cycle.days in {folder / 'alamo.toml'}, then: alamo doctor"


def test_any_command_tells_all_of_them_and_the_doctor_lists_them(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["-C", str(folder), "status"]) == 1
    err = capsys.readouterr().err
    assert err.startswith(f"Error: {folder / 'alamo.toml'}, curency")
    assert err.count("Also: ") == len(TOLD) - 1
    assert run(["-C", str(folder), "doctor", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["findings"]) == len(TOLD)


def test_names_in_limits_are_not_judged_while_actions_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "alamo.toml").write_text('name = "x"')
    (tmp_path / "actions").mkdir()
    (tmp_path / "actions/mail.toml").write_text('id = "mail"')
    (tmp_path / "limits.toml").write_text('[[limit]]\nname = "b"\nactions = ["mail"]\nmaximum = 1')
    assert all("actions/mail.toml" in found.what for found in Project.check(tmp_path).findings)


def test_where_there_is_no_project_the_doctor_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no alamo\.toml found"):
        Project.check(tmp_path)


def test_a_file_outside_a_project_is_read_again_by_the_same_command(tmp_path: Path) -> None:
    path = tmp_path / "lim.toml"
    path.write_text('[[limit]]\nname = "a"\nmaximum = -1')
    with pytest.raises(ConfigError) as caught:
        load_limits(path)
    assert caught.value.hint == f"Correct limit number 1.maximum in {path}, then run the same again"
    with pytest.raises(ConfigError, match="no such file") as caught:
        load_limits(tmp_path / "lims.toml")
    assert caught.value.hint == f"In {tmp_path} there are: lim.toml. Then run the same again"


def test_a_mapping_may_say_what_mappings_say(tmp_path: Path) -> None:
    path = tmp_path / "m.toml"
    path.write_text('kind = "orders"\ndecimal = ","\n[fields]\norder_id = "Beleg"\n[constants]\ncurrency = "EUR"\n')
    assert load_mapping(path)["fields"] == {"order_id": "Beleg"}
    path.write_text('format = "whitespace"\ncolumns = ["a", "b"]\n')
    assert load_mapping(path)["columns"] == ["a", "b"]
