"""The scenarios that come with the program."""

from __future__ import annotations

import tomllib
from importlib import resources

from alamo.domain.errors import ConfigError
from alamo.simulation.scenario import Scenario
from alamo.simulation.scenario_reading import near, scenario_from_dict


def builtin_scenarios() -> tuple[str, ...]:
    """Return the names of the scenarios that come with the program."""
    folder = resources.files("alamo.simulation") / "scenarios"
    return tuple(sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml")))


def builtin_scenario(name: str) -> Scenario:
    """Return a scenario that comes with the program.

    Raises
    ------
    ConfigError
        If there is none of this name; the message lists the near ones.
    """
    known = builtin_scenarios()
    if name not in known:
        raise ConfigError(
            f"there is no scenario {name!r}{near(name, known)}",
            hint=f"Built in are {', '.join(known)}; or give the path of a .toml file: alamo simulate PATH",
            code="scenario.unknown",
            details={"scenario": name, "known": list(known)},
        )
    text = (resources.files("alamo.simulation") / "scenarios" / f"{name}.toml").read_text(encoding="utf-8")
    return scenario_from_dict(tomllib.loads(text), name)
