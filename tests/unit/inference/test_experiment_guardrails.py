"""Guardrails and multiplicity of an experiment file."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from alamo.domain.errors import UsageError
from alamo.inference.experiment import analyze_experiment
from alamo.inference.experiment_result import ExperimentResult
from alamo.inference.experiment_spec import ExperimentSpec
from alamo.inference.guardrail import Guardrail, guardrails_of, verdict_of


def file(n: int = 20_000, seed: int = 1, *, harm: float = 0.0) -> pa.Table:
    """Mail and letter against none; 2 % leave, `harm` more of those who got the mail."""
    rng = np.random.default_rng(seed)
    arm = rng.integers(0, 3, n)
    return pa.table(
        {
            "arm": np.array(["none", "mail", "letter"])[arm],
            "spend": rng.gamma(2.0, 5.0, n) + 1.0 * (arm == 1),
            "left": (rng.random(n) < 0.02 + harm * (arm == 1)).astype(int),
            "margin": rng.gamma(2.0, 5.0, n),
        }
    )


def run(table: pa.Table, ridge, **options) -> ExperimentResult:
    return analyze_experiment(table, ExperimentSpec("arm", "none", ("spend",), features="none", **options), ridge)


def verdicts(result: ExperimentResult) -> dict[str, str]:
    return {row.action: row.verdict for row in result.guardrails}


@pytest.mark.parametrize(
    ("harm", "margin", "says"),
    [
        ((-0.2, -0.1), 0.0, "no harm beyond margin"),
        ((-0.2, 0.1), 0.0, "cannot say"),
        ((-0.2, 0.1), 0.2, "no harm beyond margin"),
        ((0.05, 0.1), 0.2, "harm within margin"),
        ((0.05, 0.3), 0.2, "harm"),
        ((0.25, 0.3), 0.2, "harm"),
    ],
)
def test_what_an_interval_of_the_harm_says(harm, margin, says) -> None:
    assert verdict_of(harm, (harm[0] - margin, harm[1] - margin)) == says


def test_words_are_read_and_others_refused_with_an_example() -> None:
    assert guardrails_of({"left": "up:0.005", "returns": "up:10%", "margin": Guardrail("down")}) == {
        "left": Guardrail("up", 0.005),
        "returns": Guardrail("up", 0.1, relative=True),
        "margin": Guardrail("down"),
    }
    for words in ("sideways", "up:much", "up:-1", "", "up:nan"):
        with pytest.raises(UsageError) as error:
            Guardrail.read(words)
        assert "--guardrail" in error.value.hint


def test_harm_is_seen_where_there_is_harm_and_not_where_the_margin_holds_it(ridge) -> None:
    result = run(file(harm=0.02), ridge, guardrails={"left": Guardrail("up", 0.01)})
    assert verdicts(result) == {"letter": "no harm beyond margin", "mail": "harm"}
    assert {row.outcome for row in result.rows} == {"spend"}
    kinder = run(file(harm=0.02), ridge, guardrails={"left": Guardrail("up", 0.05)})
    assert verdicts(kinder)["mail"] == "harm within margin"
    assert verdicts(run(file(harm=0.02), ridge, guardrails={"left": Guardrail("down", 0.01)}))["mail"] != "harm"


def test_a_small_file_cannot_say(ridge) -> None:
    result = run(file(1500), ridge, guardrails={"left": Guardrail("up", 0.001)})
    assert verdicts(result) == {"letter": "cannot say", "mail": "cannot say"}
    assert result.guardrails[0].anytime_verdict is None
    assert [refusal.what for refusal in result.refusals] == [
        f"always-valid interval of '{action}' on 'left'" for action in ("letter", "mail")
    ]


def test_a_relative_margin_carries_the_error_of_control(ridge) -> None:
    result = run(file(), ridge, guardrails={"margin": Guardrail("down", 0.1, relative=True)})
    row = result.guardrails[0]
    assert row.margin == pytest.approx(0.1 * row.baseline)
    assert row.verdict == row.anytime_verdict == "no harm beyond margin"
    # the least share that passes is larger than the plain interval says: control's mean is not known exactly
    share = row.upper * 1.0005 / row.baseline
    relative = run(file(), ridge, guardrails={"margin": Guardrail("up", share, relative=True)})
    absolute = run(file(), ridge, guardrails={"margin": Guardrail("up", row.upper * 1.0005)})
    assert absolute.guardrails[0].verdict == "no harm beyond margin"
    assert relative.guardrails[0].verdict == "cannot say"


@pytest.mark.parametrize("worse", ["up", "down"])
def test_a_share_of_a_loss_is_accepted_as_a_share_of_a_gain_is(ridge, worse) -> None:
    rng = np.random.default_rng(5)
    arm = rng.integers(0, 2, 4000)
    table = pa.table({"arm": np.array(["none", "mail"])[arm], "loss": rng.normal(-20.0, 4.0, 4000)})
    table = table.append_column("spend", pa.array(rng.gamma(2.0, 5.0, 4000)))
    row = run(table, ridge, guardrails={"loss": Guardrail(worse, 0.1, relative=True)}).guardrails[0]
    assert row.margin == pytest.approx(2.0, rel=0.02)
    assert row.verdict == row.anytime_verdict == "no harm beyond margin"


def test_guardrails_are_never_features_nor_net_of_cost_and_may_be_ratios(ridge) -> None:
    table = file()
    spec = ExperimentSpec(
        "arm", "none", ("spend",), costs={"mail": 5.0}, guardrails=guardrails_of({"margin": "down", "left/spend": "up"})
    )
    result = analyze_experiment(table, spec, ridge)
    assert result.features == ()
    margins = [row for row in result.guardrails if row.outcome == "margin" and row.action == "mail"]
    assert abs(margins[0].mean) < 1.0
    assert {row.outcome for row in result.guardrails} == {"margin", "left/spend"}
    assert result.intervals_shown == 2 * (2 + 4)
    with pytest.raises(UsageError, match="both an outcome and a guardrail"):
        run(table, ridge, guardrails={"spend": Guardrail("down")})


def test_adjusted_tests_are_the_pooled_effects_and_stand_beside_the_rows(ridge) -> None:
    table = file(2000, seed=4).append_column("town", pa.array(["n", "s"] * 1000))
    spec = ExperimentSpec("arm", "none", ("spend", "left", "margin"), segments=("town",), features="none", fdr=0.05)
    result = analyze_experiment(table, spec, ridge)
    tests = result.multiplicity.tests
    assert {(t.action, t.outcome) for t in tests} == {(r.action, r.outcome) for r in result.rows if r.segment is None}
    assert all(t.adjusted_p_value >= t.p_value for t in tests)
    smallest = min(tests, key=lambda test: test.p_value)
    assert smallest.adjusted_p_value <= len(tests) * smallest.p_value + 1e-12
    told = json.loads(json.dumps(result.to_dict()))["multiplicity"]
    assert (told["method"], told["rate"], len(told["tests"])) == ("Benjamini–Hochberg", 0.05, 6)
    assert run(file(500), ridge).to_dict()["multiplicity"] is None


def test_a_rate_that_is_no_rate_is_refused() -> None:
    with pytest.raises(UsageError, match="between 0 and 1"):
        ExperimentSpec("arm", "none", ("spend",), fdr=5.0)
