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


@pytest.fixture(scope="module")
def complaints() -> dict[Rule, list[str]]:
    """Each rule and what breaks it, from one reading of every file."""
    found: dict[Rule, list[str]] = {rule: [] for rule in (*PYTHON_RULES, *TEXT_RULES)}
    for path, text in texts():
        rules = (*(PYTHON_RULES if path.suffix == ".py" else ()), *(TEXT_RULES if str(path) != CHECKER else ()))
        for rule in rules:
            found[rule] += rule(path, text)
    return found


@pytest.mark.parametrize("rule", PYTHON_RULES, ids=lambda rule: rule.__name__)
def test_python_sources_keep_the_rule(complaints: dict[Rule, list[str]], rule: Rule) -> None:
    assert not complaints[rule], "\n".join(complaints[rule])


@pytest.mark.parametrize("rule", TEXT_RULES, ids=lambda rule: rule.__name__)
def test_text_files_keep_the_rule(complaints: dict[Rule, list[str]], rule: Rule) -> None:
    assert not complaints[rule], "\n".join(complaints[rule])


def test_the_rules_look_at_the_whole_product() -> None:
    seen = {str(path) for path, _ in texts()}
    assert {"src/alamo/domain/tables.py", "tests/conftest.py", "pyproject.toml", ".ci/run", "README.md"} <= seen
