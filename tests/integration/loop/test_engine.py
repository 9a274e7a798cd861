"""A project whose engine is not installed says what to install, and does nothing half."""

from __future__ import annotations

import sys

import pytest

from alamo.cli.main import run
from alamo.project import Project


@pytest.fixture
def without_spark(folder, project, monkeypatch):
    """The project's folder, with Spark as its engine and no PySpark to be found."""
    project.measure()
    with (folder / "alamo.toml").open("a") as file:
        file.write('\n[engine]\nname = "spark"\n')
    monkeypatch.setitem(sys.modules, "pyspark", None)
    return folder


def test_the_doctor_names_it_with_the_command_to_type(without_spark):
    found = [finding for finding in Project.check(without_spark).findings if "PySpark" in finding.what]
    assert [finding.severity for finding in found] == ["error"]
    assert "pip install 'alamo-engine[spark]'" in found[0].cure


def test_a_step_is_refused_and_goes_on_with_the_other_engine(without_spark, capsys):
    assert run(["-C", str(without_spark), "predict"]) == 1
    assert "--engine local" in capsys.readouterr().err
    with Project.open(without_spark) as project:
        assert not project.context.history.snapshot_version("scores")
    assert run(["-C", str(without_spark), "predict", "--engine", "local"]) == 0
    with Project.open(without_spark) as project:
        assert project.context.history.snapshot_version("scores") == 1
