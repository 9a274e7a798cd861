"""Every file of the repository keeps the rules of the house."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path, PurePath

import pytest
from tests.architecture.checks import PYTHON_RULES, TEXT_RULES

ROOT = Path(__file__).parents[2]
FOLDERS = ("src/alamo", "tests", "benchmarks", "docs", ".ci")
TEXTS = {".py", ".sql", ".toml", ".md", ".sh", ".css", ".txt", ".svg", ".yml", ""}
CHECKER = "tests/architecture/checks.py"  # spells out what it forbids

Rule = Callable[[PurePath, str], Iterator[str]]


def texts() -> Iterator[tuple[PurePath, str]]:
    """Yield the path, relative to the repository, and the content of every text file under version control's eye."""
    top = [path for path in ROOT.iterdir() if path.is_file() and path.name not in {".gitignore", ".git"}]
    inside = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()]
    for path in sorted(top + inside):
        if path.suffix in TEXTS and "__pycache__" not in path.parts:
            yield path.relative_to(ROOT), path.read_text(encoding="utf-8")


@pytest.mark.parametrize("rule", PYTHON_RULES, ids=lambda rule: rule.__name__)
def test_python_sources_keep_the_rule(rule: Rule) -> None:
    complaints = [found for path, source in texts() if path.suffix == ".py" for found in rule(path, source)]
    assert not complaints, "\n".join(complaints)


@pytest.mark.parametrize("rule", TEXT_RULES, ids=lambda rule: rule.__name__)
def test_text_files_keep_the_rule(rule: Rule) -> None:
    complaints = [found for path, text in texts() if str(path) != CHECKER for found in rule(path, text)]
    assert not complaints, "\n".join(complaints)


def test_the_rules_look_at_the_whole_product() -> None:
    seen = {str(path) for path, _ in texts()}
    assert {"src/alamo/domain/tables.py", "tests/conftest.py", "pyproject.toml", ".ci/run", "README.md"} <= seen
