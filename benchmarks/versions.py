"""What made a result: versions of the interpreter, of the packages that compute, and of the code."""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
from pathlib import Path

PACKAGES = ("numpy", "scipy", "lightgbm", "scikit-learn", "pyarrow")


def versions() -> dict[str, str]:
    """Return the versions of the interpreter and of the packages that compute."""
    return {"Python": platform.python_version()} | {name: importlib.metadata.version(name) for name in PACKAGES}


def code_version() -> str:
    """Return the content hash of the package, as git knows it."""
    words = ["git", "rev-parse", "HEAD:src/alamo"]
    answer = subprocess.run(words, capture_output=True, text=True, check=True, cwd=Path(__file__).parent)
    return answer.stdout.strip()[:12]
