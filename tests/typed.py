"""The command line as a person types it: words in; an exit code, what is printed, or one JSON object out."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.warm_alamo import command_folder


def typed(*words: str, cwd: Path, stdin: bytes | None = None) -> tuple[int, str, str]:
    """Run ``alamo`` in `cwd` and return exit code, stdout and stderr."""
    program = command_folder() / "alamo"
    run = subprocess.run([program, *words], cwd=cwd, input=stdin, capture_output=True, timeout=300, check=False)
    return run.returncode, run.stdout.decode(), run.stderr.decode()


def answer(*words: str, cwd: Path, stdin: bytes | None = None) -> dict[str, Any]:
    """Run with ``--json`` and return the object; fails on any other exit code than 0."""
    exit_code, out, err = typed(*words, "--json", cwd=cwd, stdin=stdin)
    assert exit_code == 0, err
    return json.loads(out)
