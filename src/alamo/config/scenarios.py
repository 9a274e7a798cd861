"""Finds a scenario: a path, a file of the project's ``scenarios/``, or a built-in one."""

from __future__ import annotations

from pathlib import Path

from alamo.config.reading import read_toml
from alamo.simulation.builtin import builtin_scenario
from alamo.simulation.scenario import Scenario
from alamo.simulation.scenario_reading import scenario_from_dict


def load_scenario(name_or_path: str, root: Path | None = None) -> Scenario:
    """Return a scenario by the path of a ``.toml`` file or by name; a project's own file wins over a built-in one.

    Raises
    ------
    ConfigError
        If there is none, or naming the file and the key that cannot be used.
    """
    path = Path(name_or_path)
    if path.suffix == ".toml" or path.name != name_or_path:
        return scenario_from_dict(read_toml(path), str(path))
    own = None if root is None else root / "scenarios" / f"{name_or_path}.toml"
    if own is not None and own.is_file():
        return scenario_from_dict(read_toml(own), str(own))
    return builtin_scenario(name_or_path)
