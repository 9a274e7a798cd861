"""Pages of the documentation run as they are written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.warm_alamo import command_folder

HOW_TO = Path(__file__).parents[2] / "docs/how-to"


def printed_by(script: str, folder: Path, *, commands: Path | None = None, seconds: float = 300) -> str:
    """Run a page's script in `folder`, 100 columns wide, and return what it prints.

    ``alamo`` is the one loaded once unless `commands` is the folder of another.
    """
    own = Path(sys.executable).parent  # what a page types beside `alamo` is of this environment, too
    path = os.pathsep.join([str(commands or command_folder()), str(own), os.environ["PATH"]])
    run = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=os.environ | {"PATH": path, "COLUMNS": "100"},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
    return run.stdout
