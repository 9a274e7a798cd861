"""Names of imported files: one file has one name, however its path is typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from alamo.engine.import_names import recorded_names, source_name


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


def test_names_kept_as_they_were_typed_are_recognised(root):
    inside = str(root / "data" / "x.csv")
    typed = ["orders:data/x.csv", "orders:data/z.csv", "events:data/x.csv", f"orders:{inside}", "orders:./data/x.csv"]
    assert recorded_names(typed, "orders", inside, root) == [typed[0], typed[3], typed[4]]
    assert recorded_names([*typed, typed[0]], "orders", inside, root) == [typed[3], typed[4], typed[0]]
    assert recorded_names(typed, "orders", "-", root) == []


def test_a_name_from_the_projects_folder_is_not_the_file_of_that_name_elsewhere(root, monkeypatch):
    elsewhere = root.parent / "elsewhere"
    (elsewhere / "data").mkdir(parents=True)
    (elsewhere / "data" / "x.csv").write_text("another\n")
    monkeypatch.chdir(elsewhere)
    assert recorded_names(["orders:data/x.csv"], "orders", "data/x.csv", root) == []
