"""Reads a whole project folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alamo.config.actions import load_actions
from alamo.config.limits import LimitsFile, load_limits
from alamo.config.named import load_mappings, load_segments
from alamo.config.reading import Faults, joined
from alamo.config.settings import load_settings
from alamo.domain.action import Action, ContactPolicy, Limit
from alamo.domain.errors import ConfigError
from alamo.domain.settings import Settings

_FILE = "alamo.toml"


@dataclass(frozen=True, slots=True)
class ProjectFiles:
    """The project as code.

    Attributes
    ----------
    root
        Folder that holds ``alamo.toml``.
    settings
        ``alamo.toml``.
    actions
        ``actions/*.toml``, ordered by id.
    limits, contact
        ``limits.toml``; without it no limits and the default contact policy.
    mappings
        ``mappings/*.toml`` by name, as they stand.
    segments
        ``segments/*.sql`` by name: predicates over profiles.
    """

    root: Path
    settings: Settings
    actions: tuple[Action, ...]
    limits: tuple[Limit, ...]
    contact: ContactPolicy
    mappings: Mapping[str, Mapping[str, Any]]
    segments: Mapping[str, str]


def find_project(start: Path) -> Path:
    """Return the nearest folder that holds ``alamo.toml``: `start` or one above it.

    Raises
    ------
    ConfigError
        Listing every place that was looked at.
    """
    folders = [start.absolute(), *start.absolute().parents]
    for folder in folders:
        if (folder / _FILE).is_file():
            return folder
    raise ConfigError(
        f"no {_FILE} found; looked in {', '.join(map(str, folders))}",
        hint="Change into a project's folder, or start one with: alamo init DIR",
        code="config.no_project",
        details={"looked_in": [str(folder / _FILE) for folder in folders]},
    )


def load_project(root: Path) -> ProjectFiles:
    """Read and check the project that `root` lies in.

    Raises
    ------
    ConfigError
        If there is none (listing every place looked at), or naming the file and the key that cannot be used; what is
        wrong beyond that stands in its details, under ``further``.
    """
    folder = find_project(root)
    faults = Faults()
    settings = faults.of(lambda: load_settings(folder / _FILE))
    actions = faults.of(lambda: load_actions(folder / "actions"))
    limits = faults.of(lambda: _limits(folder / "limits.toml", actions))
    mappings = faults.of(lambda: load_mappings(folder / "mappings"))
    segments = faults.of(lambda: load_segments(folder / "segments"))
    if settings is None or actions is None or limits is None or mappings is None or segments is None:
        raise joined(faults.found)
    return ProjectFiles(
        root=folder,
        settings=settings,
        actions=actions,
        limits=limits.limits,
        contact=limits.contact or ContactPolicy(),
        mappings=mappings,
        segments=segments,
    )


def _limits(path: Path, actions: Sequence[Action] | None) -> LimitsFile:
    """Read the limits; where actions could not be read, any name passes: one fault is not told as two."""
    return load_limits(path, actions, of_project=True) if path.exists() else LimitsFile((), None)
