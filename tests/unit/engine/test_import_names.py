"""Names of imported files: one file has one name, however its path is typed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from alamo.domain.records import ImportRecord
from alamo.engine.import_names import naming, recorded_names, source_name

NOW = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder, which is the working folder, with one file in it and one beside it."""
    folder = tmp_path / "project"
    (folder / "data").mkdir(parents=True)
    for path in (folder / "data" / "x.csv", tmp_path / "y.csv"):
        path.write_text("a\n")
    monkeypatch.chdir(folder)
    return folder


def test_every_spelling_of_a_path_inside_gives_the_path_from_the_projects_folder(root):
    (root / "link.csv").symlink_to(root / "data" / "x.csv")
    spellings = ("data/x.csv", "./data/x.csv", "data/../data/x.csv", str(root / "data" / "x.csv"), "link.csv")
    assert {source_name("orders", file, "hash", root) for file in spellings} == {"orders:data/x.csv"}
    assert {source_name("orders", file, "hash", Path()) for file in spellings} == {"orders:data/x.csv"}


def test_a_file_outside_goes_by_its_whole_path_and_standard_input_by_its_content(root):
    outside = root.parent / "y.csv"
    assert source_name("orders", "../y.csv", "hash", root) == f"orders:{outside}"
    assert source_name("orders", "-", "0123456789abcdef", root) == "orders:0123456789ab"


def records(*sources: str, content: str = "then", marked: bool = False) -> list[ImportRecord]:
    """Finished imports; `marked` ones say that their name leads from the project's folder."""
    detail = {"named_from": "project"} if marked else {}
    return [ImportRecord(source, source.split(":")[0], content, NOW, 1, 0, detail) for source in sources]


def test_names_kept_as_they_were_typed_are_recognised(root):
    inside = str(root / "data" / "x.csv")
    typed = ["orders:data/x.csv", "orders:data/z.csv", "events:data/x.csv", f"orders:{inside}", "orders:./data/x.csv"]
    assert recorded_names(records(*typed), "orders", inside, root, "now") == [typed[0], typed[3], typed[4]]
    assert recorded_names(records(*typed, typed[0]), "orders", inside, root, "now") == [typed[3], typed[4], typed[0]]
    assert recorded_names(records(*typed), "orders", "-", root, "now") == []


def test_a_source_that_was_emptied_is_no_longer_a_name_of_its_file(root):
    both = records("orders:data/x.csv", "orders:./data/x.csv") + records("orders:./data/x.csv", content="")
    assert recorded_names(both, "orders", "data/x.csv", root, "now") == ["orders:data/x.csv"]


@pytest.fixture
def elsewhere(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another working folder, with a file that has the name of the project's."""
    folder = root.parent / "elsewhere"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "x.csv").write_text("another\n")
    monkeypatch.chdir(folder)
    return folder


def test_a_name_from_the_projects_folder_is_not_the_file_of_that_name_elsewhere(root, elsewhere):
    for marked in (False, True):
        found = records("orders:data/x.csv", marked=marked)
        assert recorded_names(found, "orders", "data/x.csv", root, "then") == []


@pytest.mark.parametrize(
    ("content", "marked", "found"),
    [("now", False, []), ("then", True, []), ("then", False, ["orders:data/x.csv"])],
)
def test_when_the_projects_file_is_gone_another_is_taken_for_it_only_by_its_content(
    root, elsewhere, content, marked, found
):
    (root / "data" / "x.csv").unlink()
    former = records("orders:data/x.csv", marked=marked)
    assert recorded_names(former, "orders", "data/x.csv", root, content) == found


def test_a_record_says_that_its_name_leads_from_the_projects_folder_only_if_it_does(root, elsewhere):
    inside, outside = str(root / "data" / "x.csv"), "data/x.csv"
    assert naming("orders:data/x.csv", "orders", inside, root) == {"named_from": "project"}
    assert naming("orders:data/x.csv", "orders", outside, root) == {}
    assert naming("orders:data/x.csv", "orders", "-", root) == {}
