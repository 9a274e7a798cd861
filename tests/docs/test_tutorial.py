"""The tutorial runs as it is written, from a fresh folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

TUTORIAL = Path(__file__).parents[2] / "docs/tutorials/first-loop.md"


def script_of(page: str) -> str:
    """Return the page's console lines and Python blocks, in order, as one shell script."""
    lines = ["set -euo pipefail"]
    for language, block in re.findall(r"^```(console|python)\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
        if language == "console":
            lines += [line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ ")]
        else:
            lines.append(f"\"{sys.executable}\" - <<'PYTHON'\n{block}PYTHON")
    return "\n".join(lines)


def test_the_script_holds_every_step_in_order() -> None:
    script = script_of("```console\n$ one\nout\n```\ntext\n```python\ntwo()\n```\n```\nnot run\n```\n")
    assert script.splitlines()[1] == "one"
    assert "two()" in script
    assert "not run" not in script


def test_the_tutorial_runs_from_start_to_end(tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    run = subprocess.run(
        ["bash", "-c", script_of(TUTORIAL.read_text(encoding="utf-8"))],
        cwd=tmp_path,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
    assert "everything after is simulated" in run.stdout
    assert (tmp_path / "my-first-loop/effects.html").read_text(encoding="utf-8").count("<svg") >= 1
