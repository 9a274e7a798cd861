"""The names of imported files: one file has one name, however its path is typed.

A file inside the project is named by its path from the project's folder, any other by its whole path; the record of an
import says so. Stores may hold names that were kept as they were typed; those are recognised where no doubt is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alamo.domain.records import ImportRecord
from alamo.engine.import_records import NOTHING, contents

STANDARD_INPUT = "-"

_NAMED_FROM = {"named_from": "project"}


def source_name(kind: str, file: str, content: str, root: Path) -> str:
    """Return the logical source of a file: its kind and its name; standard input goes by the hash of its `content`."""
    if file == STANDARD_INPUT:
        return f"{kind}:{content[:12]}"
    path, folder = Path(file).resolve(), root.resolve()
    return f"{kind}:{path.relative_to(folder) if path.is_relative_to(folder) else path}"


def naming(source: str, kind: str, file: str, root: Path) -> dict[str, Any]:
    """Return what a record says of its source's name: that it leads from the project's folder to `file`, if it does."""
    leads_there = file != STANDARD_INPUT and _from_root(source, kind, root) == Path(file).resolve()
    return dict(_NAMED_FROM) if leads_there else {}


def recorded_names(records: Sequence[ImportRecord], kind: str, file: str, root: Path, content: str) -> list[str]:
    """Return which sources with rows are this very file, whose hash is `content`, in the order of their last record.

    A name kept as it was typed may have been meant from a working folder nobody remembers: where it leads nowhere from
    the project's folder, it is taken for the file of that name here only if that holds what was imported then.
    """
    if file == STANDARD_INPUT:
        return []
    path, held = Path(file).resolve(), contents(records)
    of_kind = [record for record in records if record.source.startswith(f"{kind}:")]
    sure = {record.source for record in of_kind if _NAMED_FROM.items() <= record.detail.items()}

    def leads_here(source: str) -> bool:
        inside = _from_root(source, kind, root)
        if source in sure or inside.exists():
            return inside == path
        return held[source] == (content,) and Path(source.removeprefix(f"{kind}:")).resolve() == path

    last = list(dict.fromkeys(record.source for record in reversed(of_kind)))[::-1]
    return [source for source in last if held[source] != (NOTHING,) and leads_here(source)]


def _from_root(source: str, kind: str, root: Path) -> Path:
    return (root / source.removeprefix(f"{kind}:")).resolve()  # an absolute name stays what it is
