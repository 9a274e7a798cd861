"""Without PySpark, pandas or Java the words say what to install; a master that does not answer is named."""

from __future__ import annotations

import os
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace

import pytest

from alamo.domain.errors import MissingExtraError, StoreError
from alamo.domain.settings import EngineSettings
from alamo.spark import lacking, open_session, session


class Builder:
    """Stands for `SparkSession.builder`; fails at masters that it does not know."""

    def __init__(self) -> None:
        self.options: dict[str, str] = {}

    def appName(self, name):  # noqa: N802 # Spark's name
        self.options["name"] = name
        return self

    def master(self, master):
        self.options["master"] = master
        return self

    def config(self, name, value):
        self.options[name] = value
        return self

    def getOrCreate(self):  # noqa: N802 # Spark's name
        if self.options["master"] == "spark://nowhere:7077":
            raise RuntimeError("All masters are unresponsive! Giving up.\nat org.apache.spark")
        return self


@pytest.fixture
def pretended(monkeypatch):
    """A PySpark without a Java behind it."""
    fake = ModuleType("pyspark.sql")
    builder = Builder()
    fake.SparkSession = SimpleNamespace(getActiveSession=lambda: None, builder=builder)
    package = ModuleType("pyspark")
    package.__spec__ = ModuleSpec("pyspark", None)
    monkeypatch.setitem(sys.modules, "pyspark", package)
    monkeypatch.setitem(sys.modules, "pyspark.sql", fake)
    monkeypatch.setattr(session.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setenv("PYSPARK_PYTHON", "as it was")  # so that it is put back afterwards
    monkeypatch.delenv("PYSPARK_PYTHON")
    return builder


def test_without_pyspark_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyspark", None)
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with pytest.raises(MissingExtraError, match="PySpark is not installed") as error:
        open_session(EngineSettings("spark"))
    assert "alamo-engine[spark]" in error.value.hint
    assert error.value.hint.endswith("--engine local")
    assert lacking(EngineSettings("spark")).message == error.value.message
    assert lacking(EngineSettings("local")) is None


def test_without_java_it_is_named(monkeypatch, pretended):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr(session.shutil, "which", lambda _name: None)
    with pytest.raises(MissingExtraError, match="no Java") as error:
        open_session(EngineSettings("spark"))
    assert error.value.code == lacking(EngineSettings("spark")).code == "spark.no_java"
    assert pretended.options == {}


def test_a_master_that_does_not_answer_is_named(pretended):
    with pytest.raises(StoreError, match=r"spark://nowhere:7077.*unresponsive") as error:
        open_session(EngineSettings("spark", "spark://nowhere:7077"))
    assert "[engine]" in error.value.hint
    assert "spark.driver.host" not in pretended.options


def test_options_of_the_project_win_and_times_are_utc(pretended):
    assert lacking(EngineSettings("spark")) is None
    opened = open_session(EngineSettings("spark", "local[2]", options={"spark.sql.shuffle.partitions": "7"}))
    assert opened is pretended
    assert pretended.options["spark.sql.shuffle.partitions"] == "7"
    assert pretended.options["spark.sql.session.timeZone"] == "UTC"
    assert os.environ["PYSPARK_PYTHON"] == sys.executable


def test_workers_of_a_cluster_run_the_python_that_the_options_name(pretended):
    open_session(EngineSettings("spark", "spark://here:7077"))
    assert "PYSPARK_PYTHON" not in os.environ
    open_session(EngineSettings("spark", "spark://here:7077", options={"spark.pyspark.python": "/opt/python"}))
    assert os.environ["PYSPARK_PYTHON"] == "/opt/python"
    assert pretended.options["master"] == "spark://here:7077"
