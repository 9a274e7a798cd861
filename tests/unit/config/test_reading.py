from __future__ import annotations

from pathlib import Path

import pytest

from alamo.config.reading import near, read_toml
from alamo.domain.errors import ConfigError


def test_a_byte_order_mark_is_no_trouble(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes('\ufeffname = "x"'.encode())
    assert read_toml(path) == {"name": "x"}


@pytest.mark.parametrize(
    ("content", "told"),
    [(None, "no such file"), (b"name = ", "is not TOML"), (b"a = 1\n\nb = x\n", "line 3"), (b"\xff\xfe", "UTF-8")],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, content: bytes | None, told: str) -> None:
    path = tmp_path / "a.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=told) as caught:
        read_toml(path)
    assert str(path) in caught.value.message


def test_a_folder_in_place_of_a_file_is_a_complaint_not_a_crash(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_toml(tmp_path)


def test_near_names_ignore_case_and_give_nothing_where_nothing_is_near() -> None:
    assert near("Budgt", ["budget", "volume"]) == " (did you mean 'budget'?)"
    assert near("zzz", ["budget", "volume"]) == ""
