"""Fatigue in a played market, in which contacts cost permissions and not answers: measured, and told."""

from __future__ import annotations

from datetime import timedelta

from alamo.project import Project


def test_the_loop_measures_fatigue_and_says_what_is_known(folder, start):
    (folder / "limits.toml").write_text("[contact]\nprice_fatigue = true\n")
    with Project.open(folder) as project:
        project.import_file("orders", ["orders.csv"])
        project.run(until=start + timedelta(days=3 * 28 + 1), approve_as="tests")
        steps = {record.key: record.detail for record in project.context.state.steps.all()}
        first, last = steps["cycle-1/infer"], steps["cycle-4/infer"]
        assert [one["reason"] for one in first["refusals"] if "next contacts" in one["what"]] == [
            "no cycle has matured yet"
        ]
        refused = [one for one in last["refusals"] if "next contacts" in one["what"]]
        assert ("fatigue" in last) != bool(refused)
        report = project.report("contacts").to_dict()
        assert (report["fatigue"] is None) == bool(refused)
        assert report["refusals"] == refused
        charged = project.plan(None).summary["fatigue"]
        assert bool(charged) == bool(report["fatigue"] and report["fatigue"]["found"])
