"""Files known by their names: ``mappings/NAME.toml`` and ``segments/NAME.sql``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

from alamo.config.reading import Faults, Source, read_toml
from alamo.measurement.importing import KINDS, MappingOptions

_MAPPING_KEYS = (
    "kind",
    "name",
    "format",
    "columns",
    "fields",
    "constants",
    *(option.name for option in fields(MappingOptions)),
)


def load_mapping(path: Path, *, of_project: bool = False) -> dict[str, Any]:
    """Return a mapping file as it stands; measurement checks it against the header it is used with.

    Raises
    ------
    ConfigError
        If the file is missing, is not TOML, or has a key, kind or field that no mapping knows.
    """
    source = Source(path) if of_project else Source(path, then="then run the same again")
    mapping = read_toml(path, source)
    faults = Faults()
    for key in mapping:
        faults.of(partial(source.known, key, key, _MAPPING_KEYS, "key"))
    kind = mapping.get("kind")
    if kind is not None:
        faults.of(partial(source.known, "kind", str(kind), tuple(KINDS), "kind of import"))
    known = KINDS[kind].names if kind in KINDS else tuple(dict.fromkeys(n for k in KINDS.values() for n in k.names))
    for table in ("fields", "constants"):
        for name in mapping.get(table, {}):
            faults.of(partial(source.known, f"{table}.{name}", name, known, "field"))
    faults.check()
    return mapping


def load_mappings(folder: Path) -> Mapping[str, Mapping[str, Any]]:
    """Return every mapping of a project by name."""
    faults = Faults()
    paths = sorted(folder.glob("*.toml"))
    found = {path.stem: faults.of(partial(load_mapping, path, of_project=True)) for path in paths}
    faults.check()
    return {name: mapping for name, mapping in found.items() if mapping is not None}


def load_segments(folder: Path) -> Mapping[str, str]:
    """Return the predicate of every named segment of a project.

    Raises
    ------
    ConfigError
        If a file is empty or is not text.
    """
    faults = Faults()
    found = {path.stem: faults.of(partial(_predicate, path)) for path in sorted(folder.glob("*.sql"))}
    faults.check()
    return {name: predicate for name, predicate in found.items() if predicate is not None}


def _predicate(path: Path) -> str:
    source = Source(path)
    try:
        text = path.read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise source.error("", f"cannot be read: {error}", code="config.unreadable") from None
    if not text:
        raise source.error("", "is empty: a segment is an SQL predicate over profiles, such as: money_365d >= 500")
    return text
