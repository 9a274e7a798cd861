from __future__ import annotations

from pathlib import Path

import pytest

from alamo.domain.errors import StoreError
from alamo.domain.settings import Settings
from alamo.store import open_stores
from alamo.testing import sample_rows
from alamo.testing.shelf import snapshot
from alamo.testing.state import plan


def test_the_stores_of_a_project_lie_in_its_folder_and_keep_what_they_are_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores = open_stores(tmp_path, Settings(name="x"))
    stores.history.append("events", sample_rows("events", 3), batch="one")
    stores.state.plans.save(plan("p"))
    version = stores.shelf.put(snapshot())
    stores.state.close()
    assert sorted(path.name for path in (tmp_path / ".alamo").iterdir() if "-" not in path.name) == [
        "history",
        "policy",
        "state.db",
    ]
    monkeypatch.chdir("/")
    again = open_stores(tmp_path, Settings(name="x"))
    assert again.history.snapshot_version("events") == 1
    assert again.state.plans.get("p") == plan("p")
    assert again.shelf.get(version) == snapshot()
    again.state.close()


def test_a_snapshot_that_was_tampered_with_is_refused(tmp_path: Path) -> None:
    shelf = open_stores(tmp_path, Settings(name="x")).shelf
    version = shelf.put(snapshot())
    path = tmp_path / ".alamo" / "policy" / f"{version}.json"
    path.write_text(path.read_text().replace("5000.0", "9000.0"))
    with pytest.raises(StoreError, match="does not match its hash"):
        shelf.get(version)
    path.write_text("{")
    with pytest.raises(StoreError, match="cannot be read"):
        shelf.get(version)


def test_absolute_paths_are_taken_as_they_are(tmp_path: Path) -> None:
    settings = Settings(name="x", state_url=f"sqlite:///{tmp_path}/s/state.db", history_path=str(tmp_path / "h"))
    open_stores(tmp_path / "project", settings).state.close()
    assert (tmp_path / "s" / "state.db").exists()
    assert (tmp_path / "h").is_dir()
    assert not (tmp_path / "project").exists()
