"""Control against itself, and what is said of files that are not what they seem."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from alamo.domain.errors import UsageError
from alamo.inference.experiment import analyze_experiment
from alamo.inference.experiment_result import ExperimentResult
from alamo.inference.experiment_spec import ExperimentSpec
from alamo.inference.guardrail import Guardrail


def file(n: int = 3000, *, arms: int = 2) -> pa.Table:
    rng = np.random.default_rng(1)
    arm = rng.integers(0, arms, n)
    spend = rng.gamma(2.0, 5.0, n) + 3.0 * (arm > 0)
    return pa.table({"arm": arm.astype(str), "spend": spend, "left": (rng.random(n) < 0.2).astype(int)})


def run(table: pa.Table, ridge, **options) -> ExperimentResult:
    return analyze_experiment(table, ExperimentSpec("arm", "0", ("spend",), features="none", **options), ridge)


def test_control_against_itself_is_found_about_as_often_as_said_whatever_the_action_did(ridge) -> None:
    result = run(file(), ridge, aa=100, guardrails={"left": Guardrail("up")})
    assert result.rows[0].found
    assert (result.placebo.splits, result.placebo.ratio_alarms) == (100, 0)
    assert [row.outcome for row in result.placebo.rows] == ["spend", "left"]
    for row in result.placebo.rows:
        assert (row.answered, row.expected) == (100, pytest.approx(5.0))
        assert row.false <= 5 + 2.5 * np.sqrt(4.75)
        assert row.anytime_false <= row.false
        assert row.p_value > 0.005
    told = json.loads(json.dumps(result.to_dict()))["aa"]
    assert told["rows"][0]["outcome"] == "spend"
    assert run(file(300), ridge).to_dict()["aa"] is None


def test_the_splits_are_the_same_every_time_and_have_the_shares_of_the_design(ridge) -> None:
    first, second = (run(file(400, arms=3), ridge, aa=5) for _ in range(2))
    assert first.placebo == second.placebo
    assert first.placebo.share == pytest.approx(0.5, abs=0.05)
    shares = {"0": 1.0, "1": 1.0, "2": 1.0}
    assert run(file(3000, arms=3), ridge, aa=1, shares=shares).placebo.share == pytest.approx(0.5)
    counts = run(file(3000, arms=4), ridge, aa=1, propensity=0.25).placebo
    assert counts.rows[0].answered == 1


def test_units_are_split_as_a_whole(ridge) -> None:
    rng = np.random.default_rng(2)
    unit = np.repeat(np.arange(200), 10)
    spend = rng.normal(10.0, 3.0, 200)[unit] + rng.normal(size=2000)
    arm = (unit % 2).astype(str)
    table = pa.table({"arm": arm, "u": unit, "account": unit, "spend": spend})
    for named in ({"unit": "u"}, {"cluster": "account"}):
        row = run(table, ridge, aa=60, **named).placebo.rows[0]
        assert row.false <= 3 + 2.5 * np.sqrt(2.85) + 2


def test_intervals_that_cannot_be_trusted_are_found_out(ridge) -> None:
    table = file(2000)
    tail = np.where(np.arange(2000) % 100 == 0, 1000.0, 0.0) * (table["arm"].to_numpy() == "0")
    heavy = pa.table({"arm": table["arm"], "spend": tail + 0.001 * np.random.default_rng(3).random(2000)})
    row = run(heavy, ridge, aa=100, shares={"0": 0.97, "1": 0.03}).placebo
    assert row is None  # the ratio check refuses the file itself: nothing is compared
    thin = pa.table({"arm": np.where(np.arange(2000) % 30, "0", "1"), "spend": heavy["spend"]})
    row = run(thin, ridge, aa=200).placebo.rows[0]
    assert row.p_value < 1e-6


def test_never_is_not_less_than_nothing() -> None:
    with pytest.raises(UsageError, match="with itself -1 times"):
        ExperimentSpec("arm", "0", ("spend",), aa=-1)


def test_a_leak_is_called_one_and_rows_of_one_unit_are_told_of(ridge) -> None:
    rng = np.random.default_rng(4)
    arm = rng.integers(0, 2, 2000)
    clicked = (rng.random(2000) < 0.02 + 0.3 * arm).astype(int)
    columns = {"arm": arm.astype(str), "clicked": clicked, "customer_id": rng.integers(0, 1500, 2000)}
    table = pa.table({**columns, "spend": rng.gamma(2.0, 5.0, 2000)})
    said = [f"{r.what}: {r.reason} {r.cure}" for r in analyze_experiment(table, _AUTO, ridge).refusals]
    assert any("'clicked'" in words and "(a leak)" in words and "not drawn at random" in words for words in said)
    assert any("not independent" in words and "--unit customer_id" in words for words in said)
    named = ExperimentSpec("arm", "0", ("spend",), unit="customer_id")
    assert not any("not independent" in refusal.reason for refusal in analyze_experiment(table, named, ridge).refusals)


_AUTO = ExperimentSpec("arm", "0", ("spend",))


def accounts(n: int) -> pa.Table:
    rng = np.random.default_rng(3)
    account = np.repeat(np.arange(n), 30)
    spend = rng.normal(10.0, 2.0, n)[account] + rng.normal(0.0, 3.0, len(account))
    return pa.table(
        {"arm": (account % 2).astype(str), "account": account, "spend": spend, "u": np.arange(len(account))}
    )


def test_few_clusters_are_drawn_with_replacement_as_many_as_the_arms_have(ridge) -> None:
    result = run(accounts(24), ridge, cluster="account", unit="u", aa=100)
    assert (result.placebo.redrawn, result.placebo.share) == (12, 0.5)
    row = result.placebo.rows[0]
    assert row.answered == 100
    assert row.false <= 5 + 2.5 * np.sqrt(4.75)
    assert result.rows[0].freedom == pytest.approx(22.0, abs=2.0)
    assert run(accounts(240), ridge, cluster="account", aa=2).placebo.redrawn is None
    assert run(accounts(24), ridge, aa=2).placebo.redrawn is None


def test_a_control_of_a_handful_of_clusters_cannot_be_compared_with_itself(ridge) -> None:
    result = run(accounts(10), ridge, cluster="account", aa=20)
    assert result.rows[0].outcome == "spend"
    assert result.placebo is None
    assert [refusal.cure for refusal in result.refusals if refusal.what == "control against itself"] == [
        "needs 6 clusters of control"
    ]


def test_an_arm_of_one_cluster_has_no_effect_to_show(ridge) -> None:
    table = accounts(6)
    alone = pa.array(np.where(table["account"].to_numpy() == 0, "1", "0"))
    result = run(table.set_column(0, "arm", alone), ridge, cluster="account", propensity=0.5)
    assert not result.rows
    assert any("only one cluster drew '1'" in refusal.reason for refusal in result.refusals)
