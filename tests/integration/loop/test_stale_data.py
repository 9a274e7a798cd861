"""Orders that end long before today are called out before anybody decides on them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from tests.integration.loop.conftest import write_project

from alamo.cli.html.page import page
from alamo.cli.views import plan as views
from alamo.connectors.clocks import FixedClock
from alamo.engine.doctor import diagnose
from alamo.engine.loop import turn
from alamo.engine.status import status
from alamo.project import Project

YEARS = timedelta(days=16 * 365)


@pytest.fixture
def real(tmp_path: Path):
    """A project in the real world: the same orders, no simulation, no configured start."""
    folder = write_project(tmp_path / "old")
    text = (folder / "alamo.toml").read_text()
    text = text[: text.index("[simulation]")].replace("first_start = 2026-01-05\n", "")
    (folder / "alamo.toml").write_text(text)
    with Project.open(folder) as project:
        project.import_file("orders", ["orders.csv"])
        yield project


def test_years_later_the_doctor_the_status_and_the_plan_say_so(real: Project, start: datetime) -> None:
    late = replace(real.context, clock=FixedClock(start + YEARS))
    said = "your newest order is from 2026-01-04, 5,840 days ago, and today falls into cycle 209"
    findings = [found for found in diagnose(late).findings if found.what.startswith(said)]
    assert len(findings) == 1
    assert findings[0].severity == "warning"
    assert "alamo import orders FILE" in findings[0].cure
    assert "first_start" in findings[0].cure
    assert [line for line in status(late).support if not line.supported and line.reason.startswith(said)]
    plan = turn(late).plan
    (warning,) = plan.summary["warnings"]
    assert warning.startswith(said)
    out = StringIO()
    console = Console(file=out, width=100)
    for part in views.plan(plan.to_dict()):
        console.print(part)
    assert "Warning: your newest order is from 2026-01-04" in out.getvalue()
    assert "Warning: your newest order is from 2026-01-04" in page("plan", plan.to_dict())


def test_recent_orders_are_no_cause_for_a_warning(real: Project, start: datetime) -> None:
    soon = replace(real.context, clock=FixedClock(start + timedelta(days=1)))
    assert not [found for found in diagnose(soon).findings if "newest order" in found.what]
    assert not [line for line in status(soon).support if "newest order" in line.reason]
    assert turn(soon).plan.summary["warnings"] == []
