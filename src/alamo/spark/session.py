"""Opens a Spark session, or says what is missing. Nothing here is loaded before it is asked for."""

from __future__ import annotations

import os
import shutil
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from alamo.domain.errors import MissingExtraError, StoreError
from alamo.domain.settings import EngineSettings

_ALWAYS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "65536",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
}
_ON_ONE_MACHINE = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "16",
}


def open_session(settings: EngineSettings) -> Any:
    """Return the Spark session in force, or a new one at `settings.master`.

    Raises
    ------
    MissingExtraError
        If PySpark is not installed, or there is no Java to run it.
    StoreError
        If Spark does not start.
    """
    _need_packages()
    warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas")  # only Arrow passes here
    from pyspark.sql import SparkSession  # noqa: PLC0415 # an extra; loading it takes a second

    found = SparkSession.getActiveSession()
    if found is not None:
        return found
    _need_java()
    builder: Any = SparkSession.builder.appName("alamo").master(settings.master)
    for name, value in _configuration(settings).items():
        builder = builder.config(name, value)
    _name_the_python(settings)
    try:
        return builder.getOrCreate()
    except Exception as error:
        raise StoreError(
            f"Spark does not start at {settings.master!r}: {str(error).splitlines()[0]}",
            hint="Correct `master` and `options` in alamo.toml, section [engine]; without Spark: --engine local",
            code="spark.no_start",
            details={"master": settings.master},
        ) from error


def _configuration(settings: EngineSettings) -> dict[str, str]:
    return _ALWAYS | (_ON_ONE_MACHINE if _local(settings) else {}) | dict(settings.options)


def _local(settings: EngineSettings) -> bool:
    return settings.master.startswith("local")


def _name_the_python(settings: EngineSettings) -> None:
    """Say which Python the workers run: Spark takes it from the environment once a session is opened from Python."""
    python = settings.options.get("spark.pyspark.python", sys.executable if _local(settings) else None)
    if python is not None:
        os.environ.setdefault("PYSPARK_PYTHON", python)


def lacking(settings: EngineSettings) -> MissingExtraError | None:
    """Return what keeps the engine of `settings` from starting on this machine; None if nothing is known to."""
    if settings.name != "spark":
        return None
    try:
        _need_packages()
        _need_java()
    except MissingExtraError as error:
        return error
    return None


def _need_packages() -> None:
    if not all(_installed(module) for module in ("pyspark", "pandas")):  # pandas even where only Arrow passes
        raise MissingExtraError(
            "the engine is spark, but PySpark is not installed, or not with pandas",
            hint="Install it: pip install 'alamo-engine[spark]'. Or leave Spark out: --engine local",
            code="spark.not_installed",
        )


def _installed(module: str) -> bool:
    return find_spec(module) is not None


def _need_java() -> None:
    home = os.environ.get("JAVA_HOME")
    if shutil.which("java") is None and not (home and (Path(home) / "bin" / "java").exists()):
        raise MissingExtraError(
            "the engine is spark, but there is no Java to run it",
            hint="Install Java 17 (Debian: apt-get install openjdk-17-jre-headless) and run the same again. "
            "Or leave Spark out: --engine local",
            code="spark.no_java",
        )
