"""Longer outcomes in the loop: measured once, scored once, shown beside the proxy, and acted on where that is asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.integration.loop.conftest import write_project

from alamo.domain.tables import CONTRACTS
from alamo.engine.infer import observations_with_outcome
from alamo.prediction import Correction
from alamo.project import Project

START = datetime(2026, 1, 5, tzinfo=UTC)
LONG = "residual_horizon_days = 90\nlong_days = 70\nact_on_calibrated = true\nprice_permissions = true"


def turned(folder: Path, cycles: int, outcome: str) -> Path:
    """A project that has turned `cycles` cycles and waits with the plan of the next."""
    write_project(folder)
    toml = folder / "alamo.toml"
    toml.write_text(toml.read_text().replace("residual_horizon_days = 90", outcome))
    with Project.open(folder) as project:
        project.import_file("orders", ["orders.csv"])
        project.run(until=START + timedelta(days=cycles * 28 + 1), approve_as="tests")
    return folder


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory):
    with Project.open(turned(tmp_path_factory.mktemp("long") / "corner", 5, LONG)) as project:
        yield project


def rows(project: Project, table: str, columns: str = "*") -> list[dict]:
    return project.context.history.query(f"SELECT {columns} FROM {table} ORDER BY ALL").to_pylist()


def test_a_decision_is_looked_at_again_when_its_long_window_has_closed(long):
    cycles = {row["cycle"] for row in rows(long, "long_observations", "DISTINCT cycle")}
    assert cycles == {1, 2, 3}  # 84 days after the start of cycle 3, 56 after that of cycle 4
    kept = long.context.history.query("SELECT * FROM long_outcomes")
    CONTRACTS["long_outcomes"].check(kept)
    assert kept.num_rows == 3 * 400
    scored = rows(long, "long_dr_scores", "DISTINCT cycle, long_days")
    assert scored == [{"cycle": cycle, "long_days": 70} for cycle in (1, 2, 3)]


def test_the_long_window_holds_the_short_one(long):
    wrong = long.context.history.query(
        """
        SELECT count(*) AS n FROM long_observations l JOIN observations o USING (decision_id)
        WHERE l.margin_money < o.margin_money - 1e-9 OR l.cost_money < o.cost_money - 1e-9
           OR (o.permission_lost AND NOT l.permission_lost) OR l.x_end < o.x_end OR l.short_end <> o.window_end
        """
    )
    assert wrong["n"][0].as_py() == 0


def test_the_report_shows_proxy_correction_and_calibrated_effect_side_by_side(long):
    report = long.report("effects").to_dict()
    mail = next(row for row in report["calibration"] if row["action"] == "mail")
    assert mail["label"] == "calibrated"
    assert mail["calibrated"]["mean"] == pytest.approx(mail["proxy"]["mean"] + mail["correction"]["mean"])
    pooled = next(row for row in report["rows"] if row["action"] == "mail" and row["segment"] is None)
    assert mail["proxy"]["mean"] == pytest.approx(pooled["mean"])
    assert mail["proxy"]["se"] == pytest.approx(pooled["se"])
    assert (mail["cycles_long"], mail["long_days"], mail["days_left"]) == (3, 70, None)
    reachable = rows(
        long, "observations WHERE decision_id IN (SELECT decision_id FROM dr_scores WHERE action_id <> 'none')"
    )
    channel_of = {action.id: action.channel for action in long.context.actions}
    gone = 0
    for row in reachable:
        open_ = {
            channel_of[name] for name, p in zip(row["eligible"], row["p"], strict=True) if name != "none" and p > 0
        }
        gone += open_ <= set(row["channels_lost"])
    assert len(reachable) > 1000
    assert report["permission_price"]["p_lost"] == pytest.approx((gone + 0.5) / (len(reachable) + 1))
    assert {one["channel"] for one in report["permission_price"]["channels"]} <= set(channel_of.values())


def test_values_carry_the_correction_and_say_so(long):
    step = long.predict()
    correction = rows(long, "calibrated_effects WHERE as_of = (SELECT max(as_of) FROM calibrated_effects)")
    kept = {
        row["action_id"]: Correction(row["correction_money"], row["correction_se"]).kept.money for row in correction
    }
    assert step.detail.get("corrections", {}) == {name: money for name, money in kept.items() if money}


def test_again_changes_nothing(long):
    before = {name: long.context.history.snapshot_version(name) for name in CONTRACTS}
    assert not any(step.changed for step in long.run().turns[0].steps)
    assert {name: long.context.history.snapshot_version(name) for name in CONTRACTS} == before


def test_an_outcome_is_charged_for_a_lost_permission_only_once_the_gain_is_found(long):
    outcomes = long.context.history.query(
        "SELECT o.*, b.permission_lost FROM outcomes o JOIN observations b USING (decision_id)"
    ).to_pylist()
    assert all(row["permission_money"] is not None for row in outcomes)
    assert not [row for row in outcomes if row["permission_money"] and not row["permission_lost"]]
    for row in outcomes:
        parts = row["margin_money"] + row["residual_value_money"] - row["cost_money"] - row["permission_money"]
        assert row["outcome_money"] == pytest.approx(parts)


def test_until_three_long_windows_have_closed_effects_are_called_proxies(tmp_path):
    with Project.open(turned(tmp_path / "corner", 1, LONG)) as project:
        report = project.report("effects").to_dict()
        row = report["calibration"][0]
        assert (row["label"], row["days_left"], row["calibrated"]["mean"]) == ("proxy", 98, None)
        assert any("about 98 more days" in refusal["cure"] for refusal in report["refusals"])
        assert "corrections" not in project.predict().detail


def test_by_default_nothing_is_measured_a_second_time(seasoned):
    for table in ("long_observations", "long_outcomes", "long_dr_scores", "calibrated_effects"):
        assert seasoned.context.history.snapshot_version(table) == 0
    report = seasoned.report("effects").to_dict()
    assert not {"calibration", "permission_price"} & report.keys()
    assert observations_with_outcome(seasoned.context).num_rows == 3 * 400
    assert rows(seasoned, "outcomes", "count(permission_money) AS n") == [{"n": 0}]
