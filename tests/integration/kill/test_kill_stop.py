"""``kill -9`` at every write of a stop: nothing is sent any more, and the same command ends it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.integration.kill.stop_and_die import act
from tests.integration.kill.test_kill import delivered, write_shop
from tests.integration.own_process import exit_code_of

from alamo.domain.errors import StateError
from alamo.project import Project

ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}
LAUNCHED_UP_TO = 15
"""Write at which the launch is killed: two batches are settled, one is out but not settled, others are reserved."""


def driven(folder: Path, plan: str, verb: str, number: int) -> int:
    return exit_code_of(act, folder, plan, verb, number)


@pytest.fixture(scope="module")
def half_launched(tmp_path_factory):
    folder = write_shop(tmp_path_factory.mktemp("stop") / "shop", 700)
    with Project.open(folder) as project:
        project.import_file("orders", ["orders.csv"])
        project.import_file("consent", ["consent.csv"])
        plan = project.run().turns[0].plan.plan_id
        project.approve(plan, by="tests")
    assert driven(folder, plan, "launch", LAUNCHED_UP_TO) == -signal.SIGKILL
    return folder, plan


def standing(folder: Path, plan: str) -> tuple[str, int]:
    with Project.open(folder) as project:
        return project.plan(plan).state, project.context.state.ledger.counts()[plan].get("sent", 0)


def test_a_stop_killed_at_every_write_is_ended_by_the_next_and_sends_nothing(half_launched, tmp_path):
    template, plan = half_launched
    out = delivered(template)
    assert 0 < standing(template, plan)[1] < len(out) < 600
    number, on_record = 0, 0
    while True:
        number += 1
        folder = shutil.copytree(template, tmp_path / f"shop-{number}")
        code = driven(folder, plan, "stop", number)
        with Project.open(folder) as project:
            if project.plan(plan).state != "launching":
                on_record += 1
                with pytest.raises(StateError, match="stopped by stoper"):
                    project.launch(plan, by="tests")
                project.stop(plan, by="tests")
                assert project.plan(plan).state == "stopped"
                assert project.context.state.ledger.counts()[plan]["sent"] == len(out)
        assert delivered(folder) == out
        shutil.rmtree(folder)
        if code == 0:
            break
        assert code == -signal.SIGKILL
    assert on_record >= 12


def test_a_stop_killed_again_and_again_on_the_same_project_ends(half_launched, tmp_path):
    template, plan = half_launched
    folder = shutil.copytree(template, tmp_path / "shop")
    out = delivered(folder)
    for number in (2, 1, 3, 2, 4):
        driven(folder, plan, "stop", number)
    assert driven(folder, plan, "stop", 0) == 0
    assert delivered(folder) == out
    with Project.open(folder) as project:
        rows = project.context.state.ledger.rows(plan)
        assert {row.decision_id for row in rows if row.state == "sent"} == set(out)
        assert {row.state for row in rows} == {"sent", "cancelled"}
        kept = project.context.history.query("SELECT decision_id FROM decisions WHERE action_id <> 'none'")
        assert set(kept["decision_id"].to_pylist()) == set(out)


_WAITS = """
import sys, time
from alamo.connectors.channels import AudienceFileChannel
from alamo.engine import delivering
from alamo.project import Project
delivering.BATCH_ROWS = 100
project, plan, done = Project.open(sys.argv[1]), sys.argv[2], []
deliver = AudienceFileChannel.deliver
def waits(channel, batch):
    while len(done) == 2 and project.plan(plan).state == "launching":  # the batch under way when the stop comes
        time.sleep(0.05)
    done.append(batch.batch_id)
    return deliver(channel, batch)
AudienceFileChannel.deliver = waits
project.launch(plan, by="slow")
"""


def test_a_stop_from_another_process_ends_a_launch_that_runs(half_launched, tmp_path):
    template, plan = half_launched
    folder = shutil.copytree(template, tmp_path / "shop")
    running = subprocess.Popen(
        [sys.executable, "-c", _WAITS, folder, plan], env=ENVIRONMENT, stderr=subprocess.PIPE, text=True
    )
    before = len(delivered(folder))
    while running.poll() is None and len(delivered(folder)) == before:
        time.sleep(0.05)
    alamo = Path(sys.executable).with_name("alamo")
    stopped = subprocess.run(
        [alamo, "-C", folder, "plan", "stop", "--by", "eve", "--reason", "wrong code"],
        env=ENVIRONMENT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert "is stopped: nothing more is sent" in stopped.stdout
    out = delivered(folder)
    assert "stopped by eve: wrong code" in running.communicate(timeout=60)[1]
    assert delivered(folder) == out
    assert before < len(out) < 600
    assert standing(folder, plan) == ("stopped", len(out))
