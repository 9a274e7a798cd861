"""The how-to pages about imports run as they are written, from a fresh folder."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.docs.pages import HOW_TO, printed_by

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
    printed = printed_by(script_of((HOW_TO / name).read_text(encoding="utf-8")), tmp_path)
    assert not [words for words in said if words not in printed], printed
    assert max(len(line) for line in printed.splitlines()) <= 100
