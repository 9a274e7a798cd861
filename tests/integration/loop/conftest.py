"""A small project on disk, in a simulated market, without any shared data."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from alamo.config import load_project
from alamo.connectors.clocks import FixedClock
from alamo.project import Project
from alamo.store import open_stores

START = datetime(2026, 1, 5, tzinfo=UTC)

ALAMO_TOML = """
name = "corner shop"
currency = "EUR"
attribution = "Everything here is simulated."
[cycle]
days = 28
first_start = 2026-01-05
[outcome]
residual_horizon_days = 90
[exploration]
opening_share = 0.5
floor_minimum = 0.1
[simulation]
scenario = "corner"
seed = 7
"""
ACTIONS = {
    "mail": 'id = "mail"\nname = "Mail"\nchannel = "email"\nlevel = "upsell"\ncost = 0.1\neligible = "orders >= 1"\n',
    "letter": 'id = "letter"\nname = "Letter"\nchannel = "post"\nlevel = "upsell"\ncost = 0.8\n',
}
LIMITS = """
[[limit]]
name = "budget"
use = "cost"
maximum = 60
[contact]
max_actions = 1
caps = [{ channel = "email", maximum = 1, days = 14 }]
"""
SCENARIO = """
name = "corner"
customers = 400
cycle_days = 28
currency = "EUR"
[population]
from = "orders"
[consent]
email = 0.9
post = 0.9
[[action]]
id = "mail"
channel = "email"
cost = 0.1
fatigue = 0.05
effect = { mean = 0.1, on = "conversion", spread = 0.05, by = ["recency"] }
[[action]]
id = "letter"
channel = "post"
cost = 0.8
effect = { mean = 0.0 }
"""


def orders_csv(n_customers: int = 400, seed: int = 3) -> str:
    """One year of orders: a line per purchase, two categories, heavy buyers and rare ones."""
    rng = np.random.default_rng(seed)
    lines = ["order_id,product,category,quantity,date,price,customer_id,country"]
    number = 0
    for customer in range(n_customers):
        rate = rng.gamma(1.0, 6.0)
        for day in np.sort(rng.choice(365, size=min(1 + rng.poisson(rate), 60), replace=False)):
            moment = START - timedelta(days=int(day) + 1) + timedelta(hours=int(rng.integers(8, 20)))
            category = ("tea", "mugs")[int(rng.random() < 0.4)]
            lines.append(
                f"o{number},{category}-1,{category},{rng.integers(1, 4)},{moment:%Y-%m-%d %H:%M:%S},"
                f"{rng.gamma(4.0, 5.0):.2f},k{customer:03d},DE"
            )
            number += 1
    return "\n".join(lines) + "\n"


def write_project(folder: Path) -> Path:
    """Write the project's files and its orders; nothing is imported yet."""
    for name in ("actions", "scenarios"):
        (folder / name).mkdir(parents=True)
    (folder / "alamo.toml").write_text(ALAMO_TOML)
    (folder / "limits.toml").write_text(LIMITS)
    for name, text in ACTIONS.items():
        (folder / "actions" / f"{name}.toml").write_text(text)
    (folder / "scenarios" / "corner.toml").write_text(SCENARIO)
    (folder / "orders.csv").write_text(orders_csv())
    return folder


@pytest.fixture
def start() -> datetime:
    """Start of cycle 1."""
    return START


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project folder with files but no data."""
    return write_project(tmp_path / "corner")


@pytest.fixture
def project(folder: Path):
    """The project, opened, with its orders imported."""
    with Project.open(folder) as opened:
        opened.import_file("orders", ["orders.csv"])
        yield opened


@pytest.fixture
def outside(folder: Path) -> Callable[[datetime], Project]:
    """Opens the project on audience files instead of a simulated market, at a moment of one's choice."""
    toml = (folder / "alamo.toml").read_text()
    (folder / "alamo.toml").write_text(toml.split("[simulation]")[0])

    def at(moment: datetime) -> Project:
        files = load_project(folder)
        return Project(files, open_stores(files.root, files.settings), FixedClock(moment))

    return at


@pytest.fixture
def real(folder: Path, outside: Callable[[datetime], Project]):
    """Opens the project, with its orders and consent imported, on audience files at a moment of one's choice."""
    (folder / "consent.csv").write_text(
        "customer_id,channel,state,date\n"
        + "".join(f"k{i:03d},{channel},granted,2025-01-01\n" for i in range(400) for channel in ("email", "post"))
    )

    with outside(START + timedelta(hours=10)) as project:
        project.import_file("orders", [folder / "orders.csv"])
        project.import_file("consent", [folder / "consent.csv"])
    return outside


@pytest.fixture(scope="session")
def three_cycles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a project that has turned three cycles; the plan of the fourth waits. To be copied."""
    folder = write_project(tmp_path_factory.mktemp("seasoned") / "corner")
    with Project.open(folder) as opened:
        opened.import_file("orders", ["orders.csv"])
        opened.run(until=START + timedelta(days=3 * 28 + 1), approve_as="tests")
    return folder


@pytest.fixture(scope="module")
def seasoned(three_cycles: Path, tmp_path_factory: pytest.TempPathFactory):
    """A project that has turned three cycles, opened: a copy for the tests of one file."""
    with Project.open(shutil.copytree(three_cycles, tmp_path_factory.mktemp("copy") / "corner")) as opened:
        yield opened
