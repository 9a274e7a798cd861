"""Model health of a running loop: judged once a cycle, never by the loop itself, with reasons where data are thin."""

from __future__ import annotations

from datetime import timedelta

import pyarrow as pa
import pytest

from alamo.domain.errors import InsufficientDataError
from alamo.domain.health_table import CHECKS
from alamo.engine.health import judge_health
from alamo.engine.health_advice import advise
from alamo.engine.health_evidence import judged_cycles, rivals_judged
from alamo.project import Project


@pytest.fixture(scope="module")
def rows(seasoned: Project) -> list[dict]:
    return seasoned.report("health").to_dict()["rows"]


def of(rows: list[dict], check: str, cycle: int) -> list[dict]:
    return [row for row in rows if (row["aspect"], row["cycle"]) == (check, cycle)]


def test_every_check_of_a_finished_cycle_is_there(rows):
    for check in CHECKS:
        assert any(row["verdict"] != "refused" for row in of(rows, check, 3)), check
    assert {row["subject"] for row in of(rows, "calibration slope", 3)} == {"mail", "letter"}


def test_of_the_cycle_that_is_planned_only_its_customers_are_judged(rows):
    assert {row["aspect"] for row in rows if row["cycle"] == 4} == {"feature drift"}


def test_the_first_cycle_predicted_nothing_so_nothing_is_judged(rows):
    for check in ("calibration level", "calibration slope", "forecast", "feature drift", "effect drift"):
        assert {row["verdict"] for row in of(rows, check, 1)} == {"refused"}
    assert of(rows, "value forecast", 1)[0]["verdict"] != "refused"


def test_every_simple_rule_and_the_last_model_challenge(rows):
    for check in ("challenger", "challenger loss"):
        assert {row["subject"] for row in of(rows, check, 3)} == {"zero", "one effect", "segments", "last model"}
        (last,) = [row for row in of(rows, check, 2) if row["subject"] == "last model"]
        assert last["verdict"] == "refused"  # the first cycle's model valued nothing
    assert {row["verdict"] for row in of(rows, "challenger", 1)} == {"refused"}


def test_contacting_nobody_earns_nothing_and_one_effect_is_the_pooled_one_of_the_day(seasoned, rows):
    (zero,) = [row for row in of(rows, "challenger", 3) if row["subject"] == "zero"]
    assert zero["expected"] == 0.0
    table = rivals_judged(seasoned.context, judged_cycles(seasoned.context, [1, 2, 3])[2], None)
    day = table["one effect"].to_pylist()[:4], table["action_id"].to_pylist()[:4]
    known = seasoned.context.history.query(
        "SELECT action_id, mean_money FROM effects WHERE segment = '*' AND as_of_day = '2026-03-02'"
    ).to_pylist()
    means = {row["action_id"]: row["mean_money"] for row in known}
    assert [means[action] for action in day[1]] == day[0]


def test_a_forecast_is_what_the_plan_promised_beside_what_its_cycle_brought(seasoned, rows):
    (forecast,) = of(rows, "forecast", 2)
    plan = next(plan for plan in seasoned.plans() if plan.cycle == 2)
    loop = next(row for row in seasoned.report("loop").to_dict()["rows"] if row["cycle"] == 2)
    assert forecast["expected"] == pytest.approx(plan.summary["expected"]["gain_money"])
    assert forecast["found"] == pytest.approx(loop["gain_money"])
    assert forecast["value"] == pytest.approx(forecast["found"] - forecast["expected"])


def test_a_value_forecast_counts_the_margin_of_all_windows(seasoned, rows):
    (both,) = [row for row in of(rows, "value forecast", 2) if row["subject"].startswith("cycles 1 to 2")]
    came = seasoned.context.history.query("SELECT sum(margin_money) AS m FROM observations WHERE cycle <= 2")
    assert both["subject"] == "cycles 1 to 2: 56 days"
    assert 0.985 < both["found"] / came["m"][0].as_py() < 1.0  # discounted at 10 % a year over 28 days on average
    assert both["value"] == pytest.approx(both["found"] / both["expected"])


def test_judging_again_reads_and_writes_nothing(seasoned, rows):
    history = seasoned.context.history
    before = history.snapshot_version("health")
    assert judge_health(seasoned.context) == []
    assert seasoned.report("health").to_dict()["rows"] == rows
    assert history.snapshot_version("health") == before


def test_health_changes_nothing_that_the_loop_decides_by(seasoned, rows):
    before = {step.step: step.changed for step in seasoned.run().turns[0].steps}
    assert before == {"measure": False, "infer": False, "predict": False, "steer": False}


def test_a_cycle_that_is_finished_later_is_judged_later(folder, start):
    with Project.open(folder) as project:
        project.import_file("orders", ["orders.csv"])
        with pytest.raises(InsufficientDataError, match="nothing to report on health"):
            project.report("health")
        project.run(until=start + timedelta(days=1), approve_as="tests")
        assert judge_health(project.context) == [1]
        assert {row["verdict"] for row in project.report("health").to_dict()["rows"]} == {"refused"}
        project.run(until=start + timedelta(days=29), approve_as="tests")
        assert judge_health(project.context) == [1, 2]


def test_advice_names_what_fails_and_what_fails_again(seasoned):
    row = {"aspect": "forecast", "subject": "programme", "verdict": "fails"}
    calm = advise(seasoned.context, [])
    assert (calm.retrain, calm.failing) == (False, 0)
    once = advise(seasoned.context, [row | {"cycle": 3}, row | {"cycle": 2, "verdict": "holds"}])
    assert once.failing == 1
    assert "forecast of programme (cycle 3)" in " ".join(once.why)
    assert "does not mend it" not in " ".join(once.why)
    again = advise(seasoned.context, [row | {"cycle": 3}, row | {"cycle": 2}])
    assert "failed in the cycle before too" in " ".join(again.why)
    mended = advise(seasoned.context, [row | {"cycle": 3, "verdict": "holds"}, row | {"cycle": 2}])
    assert mended.failing == 0


def test_the_status_names_what_fails_in_one_line_and_is_silent_where_nothing_does(seasoned, rows):
    def lines() -> list[str]:
        return [line.reason for line in seasoned.status().support if line.what == "the model as it is"]

    assert lines() == []
    history = seasoned.context.history
    kept = history.query("SELECT * FROM health WHERE cycle = 3")
    verdicts = [
        "fails" if row["aspect"] == "forecast" else "replace" if row["aspect"] == "challenger" else row["verdict"]
        for row in kept.to_pylist()
    ]
    broken = kept.set_column(kept.column_names.index("verdict"), "verdict", pa.array(verdicts))
    history.replace("health", broken, where={"cycle": 3}, batch="broken")
    assert lines() == ["forecast of programme, cycle 3, fails and 4 more; alamo report health"]
    history.replace("health", kept, where={"cycle": 3}, batch="mended")
    assert lines() == []


def test_what_an_experiment_taught_is_judged_by_the_first_cycle(real, folder, start):
    lines = ["customer_id,date,action_id,propensity,spend"]
    for i in range(400):
        action, spend = ("mail", 60.0) if i % 2 else ("none", 20.0)
        lines.append(f"k{i:03d},2025-12-01 10:00:00,{action},0.5,{spend + i * 7 % 13:.2f}")
    (folder / "experiment.csv").write_text("\n".join(lines) + "\n")
    with real(start + timedelta(hours=10)) as project:
        project.import_file("experiment", [folder / "experiment.csv"])
        plan = project.run().turns[0].plan
        (drift,) = project.report("health").to_dict()["rows"]
        assert drift["verdict"] == "refused"
        assert "0 customers on one side" in drift["reason"]
        project.approve(plan.plan_id, by="ann")
        project.launch(plan.plan_id, by="ann")
    with real(start + timedelta(days=29)) as project:
        project.import_file("orders", [folder / "orders.csv"], complete_until=(start + timedelta(days=28)).date())
        project.run()
        rows = project.report("health").to_dict()["rows"]
    (level,) = [row for row in of(rows, "calibration level", 1) if row["subject"] == "mail"]
    assert level["verdict"] == "refused"  # nobody ordered, so the rows of an arm say nothing of its error
    assert "only 0 bought" in level["reason"]
    assert "fails" in {row["verdict"] for row in of(rows, "forecast", 1)}
