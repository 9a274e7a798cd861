"""``kill -9`` anywhere in a launch, an import or a turn: the next start finds the last whole state and goes on."""

from __future__ import annotations

import csv
import shutil
import signal
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from tests.integration.kill.launch_and_die import launch
from tests.integration.own_process import exit_code_of, killed_ever_later, type_in

from alamo.project import Project

CUSTOMERS = 62_700
POINTS = ("reserve", "write", "rename", "settle")
KILLS = 5


def write_shop(folder: Path, customers: int) -> Path:
    """A real project (nothing simulated): orders and consent files, four e-mail actions drawn uniformly."""
    (folder / "actions").mkdir(parents=True)
    now = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    (folder / "alamo.toml").write_text(
        f"""
name = "kill"
currency = "EUR"
[cycle]
days = 28
first_start = {(now - timedelta(days=1)).date()}
[control]
share = 0.001
universal_share = 0.0
[exploration]
opening_share = 0.998
floor_minimum = 0.998
"""
    )
    for number in range(4):
        (folder / "actions" / f"mail-{number}.toml").write_text(
            f'id = "mail-{number}"\nname = "Mail {number}"\nchannel = "email"\nlevel = "upsell"\ncost = 0.1\n'
        )
    rng = np.random.default_rng(1)
    days, amounts = rng.integers(2, 300, customers * 2), rng.gamma(3.0, 10.0, customers * 2)
    with (folder / "orders.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["order_id", "customer_id", "date", "quantity", "price"])
        for i in range(customers * 2):
            moment = now - timedelta(days=int(days[i]))
            rows.writerow([f"o{i}", f"c{i % customers:06d}", moment.date().isoformat(), 1, f"{amounts[i]:.2f}"])
    with (folder / "consent.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["customer_id", "channel", "state", "date"])
        rows.writerows([f"c{i:06d}", "email", "granted", "2020-01-01"] for i in range(customers))
    return folder


def delivered(folder: Path) -> Counter[str]:
    """How often each decision stands in the audience files."""
    found: Counter[str] = Counter()
    for file in sorted((folder / "audiences").rglob("*.csv")):
        with file.open(newline="", encoding="utf-8") as handle:
            found.update(row["decision_id"] for row in csv.DictReader(handle))
    return found


def test_a_launch_of_fifty_thousand_killed_twenty_times_delivers_everything_exactly_once(tmp_path):
    folder = write_shop(tmp_path / "shop", CUSTOMERS)
    with Project.open(folder) as project:
        project.import_file("orders", ["orders.csv"])
        project.import_file("consent", ["consent.csv"])
        plan = project.run().turns[0].plan.plan_id
        project.approve(plan, by="tests")
    for point in POINTS:
        for number in range(1, KILLS + 1):
            met = 1 + (number - 1) % 2 if point in ("write", "rename", "settle") else number
            code = exit_code_of(launch, folder, plan, point, met)
            assert code == -signal.SIGKILL, f"{point} {number}: the launch was not killed there"
            assert max(delivered(folder).values(), default=1) == 1
    assert exit_code_of(launch, folder, plan, "never", 0) == 0
    with Project.open(folder) as project:
        sent = project.context.history.query("SELECT decision_id FROM decisions WHERE action_id <> 'none'")
        rows = project.context.state.ledger.rows(plan)
        assert project.plan(plan).state == "launched"
    wanted = set(sent["decision_id"].to_pylist())
    assert len(wanted) >= 49_000
    assert delivered(folder) == Counter(wanted)
    assert {row.decision_id for row in rows} == wanted
    assert {row.state for row in rows} == {"sent"}


def state_of(folder: Path) -> tuple[object, ...]:
    with Project.open(folder) as project:
        query = "SELECT count(*) AS n, count(DISTINCT event_id) AS ids, sum(amount_minor) AS minor FROM events"
        return tuple(project.context.history.query(query).to_pylist()[0].values())


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return write_shop(tmp_path_factory.mktemp("kill") / "template", 20_000)


def test_a_killed_import_leaves_the_old_rows_and_the_next_one_is_whole(shop, tmp_path):
    reference, folder = tmp_path / "reference", tmp_path / "killed"
    shutil.copytree(shop, reference)
    shutil.copytree(shop, folder)
    command = ["import", "orders", "orders.csv"]
    assert exit_code_of(type_in, reference, command) == 0
    expected = state_of(reference)
    assert killed_ever_later(folder, command, lambda: state_of(folder)[0] in (0, expected[0])) >= 5
    assert state_of(folder) == expected


EXPERIMENT_ROWS = 60_000
CLOCK = ("decided_at", "window_end", "matured_at", "valid_until")
"""Columns that hold the moment of the import where a file names none."""


def write_experiment(folder: Path) -> Path:
    """A finished experiment of three arms with features; its file says nothing of when."""
    rng = np.random.default_rng(2)
    arms, spend = rng.choice(["control", "mail", "post"], EXPERIMENT_ROWS), rng.gamma(0.3, 20.0, EXPERIMENT_ROWS)
    with (folder / "experiment.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["unit", "arm", "spend", "age", "city"])
        for i, (arm, money) in enumerate(zip(arms, spend, strict=True)):
            rows.writerow([f"u{i}", arm, f"{money:.2f}", 20 + i % 60, f"city {i % 7}"])
    return folder


def experiment_of(folder: Path) -> dict[str, pa.Table]:
    """Every table that an experiment is written to, but for the moment of the import."""
    found = {}
    with Project.open(folder) as project:
        for table in ("decisions", "observations", "outcomes", "dr_scores"):
            rows = project.context.history.query(f"SELECT * FROM {table} ORDER BY decision_id")
            found[table] = rows.drop_columns([name for name in CLOCK if name in rows.column_names])
        finished = [record for record in project.context.state.imports.all() if record.content_hash]
        found["imports"] = pa.table({"rows": [record.rows for record in finished]})
        found["one moment"] = project.context.history.query(
            """
            SELECT count(DISTINCT d.decided_at) AS moments, count(*) AS n
            FROM decisions d JOIN observations o
            ON o.decision_id = d.decision_id AND o.decided_at = d.decided_at AND o.window_end = d.valid_until
            """
        )
    return found


def test_a_killed_import_of_an_experiment_ends_as_if_it_had_never_been_killed(shop, tmp_path):
    reference, folder = tmp_path / "reference", tmp_path / "killed"
    shutil.copytree(shop, reference)
    write_experiment(reference)
    shutil.copytree(reference, folder)
    command = ["import", "experiment", "experiment.csv"]
    assert exit_code_of(type_in, reference, command) == 0
    assert killed_ever_later(folder, command) >= 5
    expected, found = experiment_of(reference), experiment_of(folder)
    assert expected["one moment"].to_pylist() == [{"moments": 1, "n": EXPERIMENT_ROWS}]
    assert {name: found[name].equals(expected[name]) for name in expected} == dict.fromkeys(expected, True)


TABLES = ("decisions", "outcomes", "dr_scores", "observations")


@pytest.mark.parametrize("written", range(1, len(TABLES) + 1))
def test_an_experiment_killed_between_two_of_its_tables_is_made_whole(shop, tmp_path, monkeypatch, written):
    """The same between every two commits, where a kill at a random moment may never strike."""
    folder = write_experiment(shutil.copytree(shop, tmp_path / "shop"))
    with Project.open(folder) as project:
        history = project.context.history
        replace, done = type(history).replace, []
        log = type(project.context.state.imports)

        def dies(self, *given, **named):
            if len(done) == written:
                raise KeyboardInterrupt
            done.append(given[0])
            return replace(self, *given, **named)

        with monkeypatch.context() as patched:
            patched.setattr(type(history), "replace", dies)
            patched.setattr(log, "record", _killed_before_it_says_finished(log.record))
            with pytest.raises(KeyboardInterrupt):
                project.import_file("experiment", ["experiment.csv"])
        assert tuple(done) == TABLES[:written]
    with Project.open(folder) as project:
        project.import_file("experiment", ["experiment.csv"])
    found = experiment_of(folder)
    assert found["one moment"].to_pylist() == [{"moments": 1, "n": EXPERIMENT_ROWS}]
    assert found["imports"].to_pylist() == [{"rows": EXPERIMENT_ROWS}]
    assert [found[table].num_rows for table in TABLES] == [EXPERIMENT_ROWS, EXPERIMENT_ROWS, 0, EXPERIMENT_ROWS]


def _killed_before_it_says_finished(record):
    def recorded(self, said):
        if said.content_hash:
            raise KeyboardInterrupt
        record(self, said)

    return recorded


def test_a_killed_turn_goes_on_and_ends_with_the_same_plan(shop, tmp_path):
    reference, folder = tmp_path / "reference", tmp_path / "killed"
    shutil.copytree(shop, reference)
    for kind in ("orders", "consent"):
        assert exit_code_of(type_in, reference, ["import", kind, f"{kind}.csv"]) == 0
    shutil.copytree(reference, folder)
    assert exit_code_of(type_in, reference, ["run"]) == 0
    assert killed_ever_later(folder, ["run"]) >= 5
    with Project.open(reference) as one, Project.open(folder) as other:
        first, second = dict(one.plan().summary), dict(other.plan().summary)
        moments = [summary["made_from"].pop("measured_at") for summary in (first, second)]
        assert moments[0] != moments[1]
        assert first == second
        counts = "SELECT count(*) AS n, count(DISTINCT decision_id) AS ids FROM proposals"
        assert one.context.history.query(counts).equals(other.context.history.query(counts))
