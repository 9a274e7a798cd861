"""The how-to pages about imports run as they are written, from a fresh folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HOW_TO = Path(__file__).parents[2] / "docs/how-to"
_CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)


def script_of(page: str) -> str:
    """Return what the page's console blocks type, here-documents included, as one shell script."""
    lines, inside = ["set -euo pipefail"], False
    for line in "".join(_CONSOLE.findall(page)).splitlines():
        if inside or line.startswith("$ "):
            lines.append(line if inside else line.removeprefix("$ "))
            inside = line != "END" if inside else line.endswith("<<END")
    return "\n".join(lines)


def test_the_script_holds_commands_and_documents_but_no_output() -> None:
    page = "```console\n$ cat > f <<END\na,b\n$ 1\nEND\n$ two\nout\n```\n```\nnot run\n```\n"
    assert script_of(page).splitlines() == ["set -euo pipefail", "cat > f <<END", "a,b", "$ 1", "END", "two"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "import-customers.md",
            [
                "customers.csv: 2 rows taken in, 1 in quarantine",
                "email is not an e-mail address  4            not an address",
                "Kept in attributes: tier",
                "consent.csv: 3 rows taken in, 0 in quarantine",
                "newsletter.csv: 1 row taken in, 0 in quarantine",
            ],
        ),
        (
            "import-events.md",
            [
                "events.csv: 3 rows taken in, 0 in quarantine",
                "Kept in properties: page",
                "deliveries.csv: 3 rows taken in, 0 in quarantine",
                "stop.csv: 3 rows taken in, 0 in quarantine",
                "9 events of 4 customers",
            ],
        ),
    ],
)
def test_a_page_runs_from_start_to_end(tmp_path: Path, name: str, said: list[str]) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    run = subprocess.run(
        ["bash", "-c", script_of((HOW_TO / name).read_text(encoding="utf-8"))],
        cwd=tmp_path,
        env=os.environ | {"PATH": path, "COLUMNS": "100"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
    assert not [words for words in said if words not in run.stdout], run.stdout
    assert max(len(line) for line in run.stdout.splitlines()) <= 100
