"""Files known by their names: ``mappings/NAME.toml`` and ``segments/NAME.sql``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from alamo.config.reading import Source, read_toml


def load_mapping(path: Path) -> dict[str, Any]:
    """Return a mapping file as it stands; measurement checks it against the header it is used with.

    Raises
    ------
    ConfigError
        If the file is missing or is not TOML.
    """
    return read_toml(path)


def load_mappings(folder: Path) -> Mapping[str, Mapping[str, Any]]:
    """Return every mapping of a project by name."""
    return {path.stem: load_mapping(path) for path in sorted(folder.glob("*.toml"))}


def load_segments(folder: Path) -> Mapping[str, str]:
    """Return the predicate of every named segment of a project.

    Raises
    ------
    ConfigError
        If a file is empty or is not text.
    """
    return {path.stem: _predicate(path) for path in sorted(folder.glob("*.sql"))}


def _predicate(path: Path) -> str:
    source = Source(path)
    try:
        text = path.read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise source.error("", f"cannot be read: {error}", code="config.unreadable") from None
    if not text:
        raise source.error("", "is empty: a segment is an SQL predicate over profiles, such as: money_365d >= 500")
    return text
