from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest

from alamo.config import find_project, load_mapping, load_project, load_scenario
from alamo.domain.action import ContactPolicy
from alamo.domain.errors import ConfigError


def project(folder: Path) -> Path:
    (folder / "alamo.toml").write_text('name = "x"')
    return folder


def test_a_project_without_further_files_has_no_actions_and_no_limits(tmp_path: Path) -> None:
    found = load_project(project(tmp_path))
    assert (found.root, found.actions, found.limits) == (tmp_path, (), ())
    assert (found.contact, found.mappings, found.segments) == (ContactPolicy(), {}, {})


def test_every_file_of_a_project_is_read(tmp_path: Path) -> None:
    project(tmp_path)
    for name in ("actions", "mappings", "segments"):
        (tmp_path / name).mkdir()
    (tmp_path / "actions/mail.toml").write_text('id = "mail"\nchannel = "email"\nlevel = "upsell"')
    (tmp_path / "limits.toml").write_text('[[limit]]\nname = "b"\nactions = ["mail"]\nmaximum = 1')
    (tmp_path / "mappings/erp.toml").write_text('kind = "orders"\n[columns]\norder_id = "Beleg"')
    (tmp_path / "segments/big.sql").write_text("money_365d >= 500\n")
    found = load_project(tmp_path)
    assert [action.id for action in found.actions] == ["mail"]
    assert [limit.name for limit in found.limits] == ["b"]
    assert found.mappings == {"erp": {"kind": "orders", "columns": {"order_id": "Beleg"}}}
    assert load_mapping(tmp_path / "mappings/erp.toml") == found.mappings["erp"]
    assert found.segments == {"big": "money_365d >= 500"}


def test_limits_are_checked_against_the_actions(tmp_path: Path) -> None:
    project(tmp_path)
    (tmp_path / "limits.toml").write_text('[[limit]]\nname = "b"\nactions = ["mail"]\nmaximum = 1')
    with pytest.raises(ConfigError, match="unknown action 'mail'") as caught:
        load_project(tmp_path)
    assert caught.value.hint == "There are none yet. Then: alamo doctor"


def test_a_folder_inside_a_project_belongs_to_it(tmp_path: Path) -> None:
    inner = project(tmp_path) / "a" / "b"
    inner.mkdir(parents=True)
    assert find_project(inner) == tmp_path
    assert load_project(inner).root == tmp_path


def test_every_place_that_was_looked_at_is_listed(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        find_project(tmp_path)
    for folder in (tmp_path, tmp_path.parent, Path(tmp_path.anchor)):
        assert str(folder) in caught.value.message
        assert str(folder / "alamo.toml") in caught.value.details["looked_in"]
    assert caught.value.hint.endswith("alamo init DIR")


def test_an_empty_segment_is_refused(tmp_path: Path) -> None:
    (project(tmp_path) / "segments").mkdir()
    (tmp_path / "segments/big.sql").write_text(" \n")
    with pytest.raises(ConfigError, match=r"big\.sql: is empty"):
        load_project(tmp_path)


def test_the_projects_own_scenario_wins_over_a_built_in_one(tmp_path: Path) -> None:
    builtin = resources.files("alamo.simulation") / "scenarios" / "shop.toml"
    text = builtin.read_text(encoding="utf-8")
    (tmp_path / "scenarios").mkdir()
    own = tmp_path / "scenarios" / "shop.toml"
    own.write_text(text.replace("customers = 50000", "customers = 1234"), encoding="utf-8")
    assert load_scenario("shop").customers == 50_000
    assert load_scenario("shop", tmp_path).customers == 1234
    assert load_scenario(str(own)).customers == 1234


def test_a_scenario_that_is_nowhere_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        load_scenario("nowhere", tmp_path)
    with pytest.raises(ConfigError, match="no such file"):
        load_scenario(str(tmp_path / "nowhere.toml"))


def test_the_shipped_example_is_a_project_without_complaints() -> None:
    with resources.as_file(resources.files("alamo") / "examples" / "shop") as folder:
        found = load_project(folder)
    assert found.settings.name == "shop"
    assert found.actions
    assert found.limits
