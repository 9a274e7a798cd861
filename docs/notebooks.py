"""Runs the pages that are written like notebooks: each Python block, and below it the text it printed.

`tests/docs` compares what is printed with what a page shows. Usage, to write what is printed into the pages:
python docs/notebooks.py [PAGE …]
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

TUTORIALS = Path(__file__).parent / "tutorials"
_CELL = re.compile(r"^```python\n(?P<code>.*?)^```\n(?:\n```text\n(?P<shown>.*?)^```\n)?", re.MULTILINE | re.DOTALL)
_END = "\x1e"
_RUNNER = """
import sys
names = {}
for number, code in enumerate(sys.stdin.read().split(sys.argv[1]), start=1):
    exec(compile(code, f"block {number}", "exec"), names)
    print(sys.argv[1], end="", flush=True)
"""


@dataclass(frozen=True, slots=True)
class Cell:
    """A Python block of a page, and what the page shows below it; None where it shows nothing."""

    code: str
    shown: str | None


def pages() -> list[Path]:
    """Return the tutorials that show what their Python prints."""
    return [page for page in sorted(TUTORIALS.glob("*.md")) if any(cell.shown is not None for cell in cells_of(page))]


def cells_of(page: Path) -> list[Cell]:
    """Return the Python blocks of a page in order."""
    return [Cell(found["code"], found["shown"]) for found in _CELL.finditer(page.read_text(encoding="utf-8"))]


def printed_by(cells: list[Cell]) -> list[str]:
    """Run the blocks one after another in one process, in an empty folder, and return what each prints.

    Raises
    ------
    RuntimeError
        If a block fails; holds the end of the traceback, which names the block.
    """
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run(  # noqa: S603 # our own interpreter on our own pages
            [sys.executable, "-c", _RUNNER, _END],
            input=_END.join(cell.code for cell in cells),
            cwd=folder,
            env=os.environ | {"PYTHONHASHSEED": "0"},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
    if run.returncode:
        raise RuntimeError(run.stderr[-2000:])
    return [text.rstrip() + "\n" if text.strip() else "" for text in run.stdout.split(_END)[:-1]]


def filled(page: Path) -> str:
    """Return the page with what its blocks print now; a block that prints nothing shows nothing."""
    printed = iter(printed_by(cells_of(page)))

    def cell(found: re.Match[str]) -> str:
        text = next(printed)
        return f"```python\n{found['code']}```\n" + (f"\n```text\n{text}```\n" if text else "")

    return _CELL.sub(cell, page.read_text(encoding="utf-8"))


if __name__ == "__main__":
    for page in [Path(name) for name in sys.argv[1:]] or pages():
        page.write_text(filled(page), encoding="utf-8")
        sys.stdout.write(f"{page}\n")
