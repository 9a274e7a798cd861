"""`alamo … --engine spark`: the scores and the plan of a project are those that one process makes."""

from __future__ import annotations

import json
import shutil

import pytest

from alamo.cli.main import run
from alamo.project import Project

pytestmark = pytest.mark.spark

RATE = """
[[limit]]
name = "fair to the dormant"
where = "recency_days > 90"
minimum_rate = 0.5
"""
SPARK = '\n[engine]\nname = "spark"\nmaster = "local[2]"\ncustomers_per_slice = 1500\n'


@pytest.fixture(scope="module")
def turned(tmp_path_factory):
    """A project after its first two turns, the second of which learns from the first."""
    folder = tmp_path_factory.mktemp("here") / "shop"
    Project.init(folder, example="shop")
    with (folder / "limits.toml").open("a") as file:
        file.write(RATE)
    with Project.open(folder) as project:
        project.run()
        plan = project.plan()
        project.approve(plan.plan_id, by="a")
        project.launch(plan.plan_id, by="b")
        project.enter_next_cycle()
        project.measure()
        project.infer()
    elsewhere = folder.parent / "elsewhere"
    shutil.copytree(folder, elsewhere)
    with (elsewhere / "alamo.toml").open("a") as file:
        file.write(SPARK)
    with Project.open(folder) as project:
        project.predict()
        project.steer()
    return folder, elsewhere


def rows(folder, sql):
    with Project.open(folder) as project:
        return project.context.history.query(sql)


def test_scores_and_proposals_are_equal(spark, turned, capsys):
    here, elsewhere = turned
    capsys.readouterr()
    assert run(["-C", str(elsewhere), "predict", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["model"] == "uplift"
    assert run(["-C", str(elsewhere), "steer", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    with Project.open(here) as project:
        assert said["plan"] == project.plan().plan_id
    for table, key in (("scores", "customer_id, action_id, as_of"), ("proposals", "plan_id, decision_id")):
        everything = f"SELECT * FROM {table} ORDER BY {key}"
        assert rows(elsewhere, everything).equals(rows(here, everything))
    assert not list((elsewhere / ".alamo" / "spark").glob("run-*"))


def test_another_engine_has_nothing_to_do(spark, turned, capsys):
    _, elsewhere = turned
    assert run(["-C", str(elsewhere), "steer", "--engine", "local", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["changed"] is False
