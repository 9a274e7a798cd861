"""What a project returns becomes plain JSON without help, and is what the command prints."""

from __future__ import annotations

import json
from typing import Any

import pytest

from alamo.cli.main import run
from alamo.engine.report import KINDS
from alamo.measurement import STAGES
from alamo.project import Project


def plain(answer: Any) -> dict[str, Any]:
    """Return what JSON makes of a result; fails on NumPy scalars, moments and NaN."""
    written = answer.to_dict()
    read = json.loads(json.dumps(written, allow_nan=False))
    assert read == written
    return read


@pytest.mark.parametrize("kind", KINDS)
def test_a_report_is_what_the_command_prints(seasoned: Project, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    report = seasoned.report(kind)
    assert run(["-C", str(seasoned.files.root), "report", kind, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == plain(report)
    assert report.schema in repr(report)
    assert "<table>" in report._repr_html_()
    assert report.to_arrow().num_rows == len(report.records())


def test_effects_by_stage_and_cycle_stand_beside_the_pooled_ones(seasoned: Project) -> None:
    found = seasoned.report("effects").to_dict()
    assert [(row["action"], row["cycle"]) for row in found["over_time"]] == [
        (action, cycle) for action in ("letter", "mail") for cycle in (1, 2, 3)
    ]
    assert {trend["action"]: trend["cycles"] for trend in found["trends"]} == {"letter": 3, "mail": 3}
    pooled = {row["action"]: row["n"] for row in found["rows"] if row["segment"] is None}
    for action in ("letter", "mail"):
        assert sum(row["n"] for row in found["over_time"] if row["action"] == action) == pooled[action]
        stages = [row["stage"] for row in found["by_stage"] if row["action"] == action]
        assert stages == [stage for stage in STAGES if stage in stages]
        assert len(stages) > 2


def test_a_plan_is_what_the_command_prints(seasoned: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-C", str(seasoned.files.root), "plan", "show", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == plain(seasoned.plan_at_gate()) | {"attribution": seasoned.settings.attribution}


def test_everything_a_project_returns_is_plain(seasoned: Project) -> None:
    decided = seasoned.context.history.query("SELECT decision_id FROM decisions ORDER BY decision_id LIMIT 1")
    for answer in (
        seasoned.status(),
        seasoned.doctor(),
        seasoned.explain(decided["decision_id"][0].as_py()),
        seasoned.import_file("orders", ["orders.csv"], preview=True),
        seasoned.measure(),
        seasoned.infer(),
        seasoned.predict(),
        seasoned.steer(),
        seasoned.run(),
    ):
        assert plain(answer)


def test_the_numbers_of_an_explanation_add_up(seasoned: Project) -> None:
    decided = seasoned.context.history.query(
        "SELECT decision_id FROM decisions WHERE action_id <> 'none' ORDER BY decision_id LIMIT 5"
    )
    for decision_id in decided["decision_id"].to_pylist():
        told = seasoned.explain(decision_id).to_dict()
        assert told["currency"] == "EUR"
        for row in told["options"]:
            assert row["gross_money"] - row["cost_money"] == pytest.approx(row["value_mean_money"])
            assert row["value_mean_money"] - row["limits_money"] == pytest.approx(row["net_money"])
