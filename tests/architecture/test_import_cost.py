"""`import alamo` and `alamo --help` are cheap: nothing heavy is loaded before it is needed."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import alamo

HEAVY = {"pandas", "pyspark", "starlette", "numba", "lightgbm", "sklearn", "duckdb", "deltalake", "sqlalchemy", "scipy"}


def loaded_by(code: str, parts: int = 1) -> set[str]:
    """Return the packages that a fresh interpreter holds after `code`, by names of up to so many parts."""
    script = f"import json, sys\n{code}\nprint(json.dumps(sorted(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    loaded = [name.split(".") for name in json.loads(run.stdout.splitlines()[-1])]
    return {".".join(name[:n]) for name in loaded for n in range(1, parts + 1)}


@pytest.mark.parametrize(
    "code",
    ["import alamo", "import alamo\nalamo.AlamoError", "from alamo.cli.main import main\nmain(['--version'])"],
    ids=["the front door", "the error class", "the command line"],
)
def test_nothing_heavy_is_loaded_by(code: str) -> None:
    loaded = loaded_by(code)
    assert "alamo" in loaded
    assert not loaded & HEAVY


def test_an_analysis_starts_without_what_takes_longer_to_load_than_most_commands_to_run() -> None:
    assert not {"lightgbm", "sklearn", "scipy.stats"} & loaded_by("import alamo.analyze", parts=2)


def test_the_check_sees_a_heavy_import() -> None:
    assert {"duckdb", "email.header"} <= loaded_by("import duckdb, email.header", parts=2)


def test_the_front_door_has_at_most_twelve_names_and_all_of_them_open() -> None:
    assert 1 <= len(alamo.__all__) <= 12
    assert all(getattr(alamo, name) is not None for name in alamo.__all__)
