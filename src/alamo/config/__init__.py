"""The fuse box: reads the project's files, checks them, and hands on frozen dataclasses of the domain.

Not here: defaults (they are those of `alamo.domain.settings`) and anything that acts on a setting. Every complaint
names the file and the key, says what is allowed, and ends with what to do.
"""

from alamo.config.limits import LimitsFile, load_limits
from alamo.config.named import load_mapping
from alamo.config.project import ProjectFiles, find_project, load_project
from alamo.config.scenarios import load_scenario

__all__ = [
    "LimitsFile",
    "ProjectFiles",
    "find_project",
    "load_limits",
    "load_mapping",
    "load_project",
    "load_scenario",
]
