"""What a plan would be under other limits, and what more of each is worth, on a project on disk."""

from __future__ import annotations

from datetime import timedelta

import pytest

from alamo.domain.errors import InfeasibleError, InsufficientDataError, UsageError

MORE = '[[limit]]\nname = "budget"\nuse = "cost"\nmaximum = {most}\n'


@pytest.fixture
def planned(project, start):
    """Two cycles launched, the plan of the third waits."""
    project.run(start + timedelta(days=56), approve_as="tester")
    return project


def written(project, name, text):
    (project.files.root / name).write_text(text)
    return name


def stored(project):
    tables = ("proposals", "decisions", "scores", "profiles", "deliveries")
    return (
        {table: project.context.history.snapshot_version(table) for table in tables},
        [plan.plan_id for plan in project.plans()],
        sorted(path.name for path in (project.files.root / ".alamo/policy").iterdir()),
    )


def test_the_same_limits_change_nothing_and_others_store_nothing(planned):
    before = stored(planned)
    same = planned.plan_diff(limits=["limits.toml"]).to_dict()
    assert same["moves"] == []
    assert same["rows"] == []
    assert same["same"] == planned.plan().summary["customers"]
    less = planned.plan_diff(limits=[written(planned, "less.toml", MORE.format(most=20))]).to_dict()
    assert sum(row["customers"] for row in less["moves"]) > 0
    assert less["cost_change_money"] < 0
    assert stored(planned) == before


def test_a_what_if_is_the_plan_that_steering_under_these_limits_makes(planned):
    told = planned.plan_diff(limits=[written(planned, "less.toml", MORE.format(most=20))]).to_dict()
    figures = {row["what"]: row["after"] for row in told["rows"]}
    limits = (planned.files.root / "limits.toml").read_text().replace("maximum = 60", "maximum = 20")
    (planned.files.root / "limits.toml").write_text(limits)
    with type(planned).open(planned.files.root) as again:
        again.steer()
        summary = again.plan().summary
    assert summary["contacted"] == figures["contacted"]
    assert summary["cost_money"] == pytest.approx(figures["cost"])


def test_two_sets_of_limits_are_compared_with_each_other(planned):
    files = [written(planned, f"{most}.toml", MORE.format(most=most)) for most in (20, 40)]
    told = planned.plan_diff(limits=files).to_dict()
    assert [told["before"].split("/")[-1], told["after"].split("/")[-1]] == files
    bounds = next(row for row in told["rows"] if row["what"] == "bound of budget")
    assert (bounds["before"], bounds["after"]) == (20.0, 40.0)


def test_plans_are_compared_in_people_and_money(planned):
    last, newest = [plan.plan_id for plan in planned.plans()][-2:]
    told = planned.plan_diff().to_dict()
    assert (told["before"], told["after"]) == (last, newest)
    assert told["same"] + sum(row["customers"] for row in told["moves"]) == 400
    assert planned.plan_diff(newest, before=last).to_dict() == told
    first = planned.plan_diff(planned.plans()[0].plan_id).to_dict()
    assert first["before"] is None
    assert first["same"] is None


def test_advice_has_a_row_for_each_limit_with_a_concave_curve(planned):
    told = planned.plan_advice().to_dict()
    (row,) = told["rows"]
    assert (row["limit"], row["side"], row["bound"]) == ("budget", "maximum", 60.0)
    assert told["plan"] == planned.plan().plan_id
    slopes = [
        (right["value_money"] - left["value_money"]) / (right["bound"] - left["bound"])
        for left, right in zip(row["curve"], row["curve"][1:], strict=False)
    ]
    assert slopes == sorted(slopes, reverse=True)
    assert {name for entry in told["new_actions"] for name in entry["like"]} <= {"mail", "letter"}


def test_limits_that_cannot_be_met_are_refused_as_in_steering(planned):
    impossible = '[[limit]]\nname = "letters"\nactions = ["letter"]\nminimum = 5000\n'
    with pytest.raises(InfeasibleError, match="'letters'"):
        planned.plan_diff(limits=[written(planned, "impossible.toml", impossible)])


def test_a_plan_and_limits_at_once_are_refused(planned):
    name = written(planned, "less.toml", MORE.format(most=20))
    with pytest.raises(UsageError, match="one other set"):
        planned.plan_diff(limits=[name] * 3)
    with pytest.raises(UsageError, match="one other set"):
        planned.plan_diff(before=planned.plans()[0].plan_id, limits=[name])


def test_without_the_scores_of_its_day_a_plan_has_no_advice(planned):
    planned.context.history.replace(
        "scores", planned.context.history.query("SELECT * FROM scores WHERE FALSE"),
        where={"as_of_day": planned.plan().created_at.date().isoformat()}, batch="gone",
    )  # fmt: skip
    with pytest.raises(InsufficientDataError, match="no scores as of"):
        planned.plan_advice()
