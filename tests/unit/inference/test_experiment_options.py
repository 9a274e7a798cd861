"""Options of an experiment file together: a check that is asked for besides does not move an effect."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from alamo.inference.experiment import analyze_experiment
from alamo.inference.experiment_result import ExperimentResult
from alamo.inference.experiment_spec import ExperimentSpec
from alamo.inference.guardrail import Guardrail


def file(n: int = 4000) -> pa.Table:
    """Regions differ in sales, so that their means remove variance, and in what the mail does."""
    rng = np.random.default_rng(3)
    region, arm = rng.integers(0, 6, n), rng.integers(0, 3, n)
    spend = np.where(rng.random(n) < 0.6, rng.gamma(4.0, 1.0, n) + 3.0 * region + (arm == 1) * region, 0.0)
    return pa.table(
        {
            "arm": np.array(["none", "mail", "call"])[arm],
            "region": [f"r{place}" for place in region],
            "day": np.datetime64("2024-01-01") + rng.integers(0, 40, n),
            "spend": spend,
            "balance": spend - 5.0,
            "orders": (spend > 0.0).astype(int),
            "left": (rng.random(n) < 0.05).astype(int),
        }
    )


def run(ridge, *outcomes: str, **options) -> ExperimentResult:
    spec = ExperimentSpec("arm", "none", outcomes, features="none", segments=("region",), **options)
    return analyze_experiment(file(), spec, ridge)


@pytest.mark.parametrize(
    "besides",
    [
        {"aa": 1},
        {"guardrails": {"left": Guardrail("up", 0.01)}},
        {"time": "day", "over_time": "week"},
        {"winsorise": 0.9999999},
        {"fdr": 0.05, "detect": {"spend": "5%"}},
    ],
    ids=["aa", "guardrail", "over time", "a cap above nearly everything", "fdr and detect"],
)
def test_a_check_besides_does_not_move_an_effect(ridge, besides) -> None:
    plain, checked = run(ridge, "spend", "balance"), run(ridge, "spend", "balance", **besides)
    assert plain.rows[0].method == "doubly robust, means by segment"
    assert len(plain.largest_units) == len(checked.largest_units) == 4
    tolerance = 1e-5 if "winsorise" in besides else 1e-12
    for one, other in zip(plain.rows, checked.rows, strict=True):
        assert (one.action, one.segment, one.outcome, one.method) == (
            other.action, other.segment, other.outcome, other.method
        )  # fmt: skip
        assert (other.mean, other.se) == pytest.approx((one.mean, one.se), rel=tolerance)


def test_a_guardrail_besides_does_not_move_a_ratio(ridge) -> None:
    plain = run(ridge, "spend/orders")
    assert plain.rows == run(ridge, "spend/orders", guardrails={"left": Guardrail("up")}).rows


def test_capping_and_periods_are_answered_for_means_by_segment_too(ridge) -> None:
    result = run(ridge, "spend", winsorise=0.99, time="day", over_time="week")
    assert [row.action for row in result.winsorised] == ["call", "mail"]
    assert {(row.action, row.outcome) for row in result.periods} == {("call", "spend"), ("mail", "spend")}
    uncapped = run(ridge, "spend").rows[0]
    assert result.winsorised[0].mean_uncapped == pytest.approx(uncapped.mean)
    assert result.rows[0].mean != pytest.approx(uncapped.mean)
