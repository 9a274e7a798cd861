"""Makes a project folder from a template; a template is a project folder too."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alamo.domain.errors import UsageError


@dataclass(frozen=True, slots=True)
class Created:
    """A new project folder."""

    project: str
    folder: Path
    files: tuple[str, ...]
    next_command: str

    def to_dict(self) -> dict[str, Any]:
        """Return the folder as it stands in ``--json``."""
        return {
            "schema": "alamo.init/1",
            "project": self.project,
            "folder": str(self.folder),
            "files": list(self.files),
            "next": self.next_command,
        }


def fill_folder(template: Path, folder: Path) -> tuple[str, ...]:
    """Copy the files of `template` into a new or empty `folder`; returns their names.

    Raises
    ------
    UsageError
        If the folder holds anything.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(
            f"{folder} is not empty",
            hint="Name a new folder: alamo init DIR",
            code="init.not_empty",
            details={"folder": str(folder)},
        )
    names = []
    for file in sorted(template.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            inside = file.relative_to(template)
            (folder / inside).parent.mkdir(parents=True, exist_ok=True)
            (folder / inside).write_bytes(file.read_bytes())
            names.append(inside.as_posix())
    return tuple(names)
