"""The names of imported files: one file has one name, however its path is typed.

A file inside the project is named by its path from the project's folder, any other by its whole path. Stores may hold
names that were kept as they were typed; those are recognised.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

STANDARD_INPUT = "-"


def source_name(kind: str, file: str, content: str, root: Path) -> str:
    """Return the logical source of a file: its kind and its name; standard input goes by the hash of its `content`."""
    if file == STANDARD_INPUT:
        return f"{kind}:{content[:12]}"
    path, folder = Path(file).resolve(), root.resolve()
    return f"{kind}:{path.relative_to(folder) if path.is_relative_to(folder) else path}"


def recorded_names(sources: Iterable[str], kind: str, file: str, root: Path) -> list[str]:
    """Return which of the recorded `sources` are this very file, in the order of their last record."""
    if file == STANDARD_INPUT:
        return []
    path = Path(file).resolve()
    named = [source for source in sources if source.startswith(f"{kind}:")]
    last = list(dict.fromkeys(reversed(named)))[::-1]
    return [source for source in last if _located(source.removeprefix(f"{kind}:"), root) == path]


def _located(name: str, root: Path) -> Path:
    inside = root / name  # an absolute name stays what it is
    return inside.resolve() if inside.exists() else Path(name).resolve()
