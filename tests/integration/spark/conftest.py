"""A real Spark on this machine, `local[2]`; absent, a skip, or a failure where ``ALAMO_SPARK_REQUIRED`` is 1."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec

import pytest

from alamo.domain.settings import EngineSettings
from alamo.spark import open_session

QUICK = {
    "spark.sql.shuffle.partitions": "4",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",  # little work: compile it quickly
}
LOCAL = EngineSettings("spark", "local[2]", options=QUICK)


@pytest.fixture(scope="session")
def spark():
    """One session for all tests: it takes seconds to start."""
    lacks = [name for name in ("pyspark", "pandas") if find_spec(name) is None]
    lacks += [] if shutil.which("java") or os.environ.get("JAVA_HOME") else ["Java"]
    if lacks:
        reason = f"there is no {' and no '.join(lacks)}: make test-spark says what it needs"
        if os.environ.get("ALAMO_SPARK_REQUIRED") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    session = open_session(LOCAL)
    yield session
    session.stop()
