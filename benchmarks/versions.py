"""What made a result: versions of the interpreter, of the packages that compute, and of the code."""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

PACKAGES = ("numpy", "scipy", "numba", "lightgbm", "scikit-learn", "pyarrow")


def versions() -> dict[str, str]:
    """Return the versions of the interpreter and of the packages that compute."""
    return {"Python": platform.python_version()} | {name: importlib.metadata.version(name) for name in PACKAGES}


def code_version() -> str:
    """Return the content hash of the package, as git knows it."""
    words = ["git", "rev-parse", "HEAD:src/alamo"]
    answer = subprocess.run(words, capture_output=True, text=True, check=True, cwd=Path(__file__).parent)
    return answer.stdout.strip()[:12]


def made_by(*more: str) -> dict[str, Any]:
    """Return the day, the version of the code and those of the packages and of `more`, as a result keeps them."""
    found = versions() | {name: importlib.metadata.version(name) for name in more}
    return {"day": datetime.now(tz=UTC).date().isoformat(), "code": code_version(), "versions": found}


def measured_with(*more: str) -> str:
    """Return the same, and the machine, as a sentence for a table."""
    made = made_by(*more)
    packages = ", ".join(f"{name} {version}" for name, version in made["versions"].items())
    return f"Measured on {made['day']}, {platform.machine()}, {packages}."
