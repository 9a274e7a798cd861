"""Fixtures every suite shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # else each program that a test starts compiles every module anew


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of public test data, from ``ALAMO_TEST_DATA``; absent, a skip, or a failure where it is required."""
    folder = os.environ.get("ALAMO_TEST_DATA")
    if folder and Path(folder).is_dir():
        return Path(folder)
    reason = "public test data are absent: set ALAMO_TEST_DATA to the folder that holds hillstrom/, cdnow/ …"
    if os.environ.get("ALAMO_TEST_DATA_REQUIRED") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def n_seeds() -> int:
    """Replications of a statistical test, from ``ALAMO_SEEDS`` (default 20)."""
    return int(os.environ.get("ALAMO_SEEDS", "20"))
