"""Many effects at once: false findings after adjustment, and what guardrails declare at the edge of their margin."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from tests.unit.inference.conftest import Ridge

from alamo.inference import ExperimentResult, ExperimentSpec, Guardrail, analyze_experiment

pytestmark = pytest.mark.statistical

ARMS = ("none", "a", "b", "c", "d", "e")


def trial(seed: int, lifts: tuple[float, ...]) -> ExperimentResult:
    """Five actions that share a control, two outcomes that move together; `lifts` by action on both."""
    rng = np.random.default_rng(seed)
    n = 3000
    arm = rng.integers(0, 6, n)
    spend = rng.normal(10.0, 4.0, n) + np.array([0.0, *lifts])[arm]
    table = pa.table({"arm": np.array(ARMS)[arm], "spend": spend, "visits": spend + rng.normal(0.0, 4.0, n)})
    spec = ExperimentSpec("arm", "none", ("spend", "visits"), features="none", fdr=0.1)
    return analyze_experiment(table, spec, Ridge())


def false_share(result: ExperimentResult, idle: str) -> float:
    found = [test for test in result.multiplicity.tests if test.found]
    return sum(test.action in idle for test in found) / max(len(found), 1)


def test_where_nothing_works_anything_is_found_at_most_as_often_as_the_rate(n_seeds):
    reps = 10 * n_seeds
    results = [trial(seed, (0.0,) * 5) for seed in range(reps)]
    adjusted = np.mean([false_share(result, "abcde") for result in results])
    plain = np.mean([any(row.found for row in result.rows) for result in results])
    assert adjusted <= 0.1 + 2.5 * np.sqrt(0.1 * 0.9 / reps)
    assert plain > 0.2


def test_where_some_work_the_share_of_false_findings_stays_under_the_rate_and_the_real_ones_are_found(n_seeds):
    reps = 10 * n_seeds
    results = [trial(seed, (1.5, 1.5, 0.0, 0.0, 0.0)) for seed in range(reps)]
    shares = np.array([false_share(result, "cde") for result in results])
    assert shares.mean() <= 0.1 + 2.5 * shares.std() / np.sqrt(reps)
    spend = [test for result in results for test in result.multiplicity.tests if test.outcome == "spend"]
    assert np.mean([test.found for test in spend if test.action in "ab"]) > 0.9


@pytest.mark.parametrize(
    "guardrail", [Guardrail("up", 0.02), Guardrail("up", 0.2, relative=True)], ids=["0.02", "20 %"]
)
def test_an_action_exactly_at_the_margin_is_rarely_called_harmless(guardrail, n_seeds):
    reps, harmless, seen = 20 * n_seeds, 0, 0
    for seed in range(reps):
        rng = np.random.default_rng(seed)
        arm = np.arange(4000) % 2
        left = rng.random(4000) < np.where(arm == 1, 0.12, 0.10)
        table = pa.table({"arm": np.where(arm, "mail", "none"), "spend": rng.normal(size=4000), "left": left})
        spec = ExperimentSpec("arm", "none", ("spend",), features="none", guardrails={"left": guardrail})
        verdict = analyze_experiment(table, spec, Ridge()).guardrails[0].verdict
        harmless += verdict in ("no harm beyond margin", "harm within margin")
        seen += verdict == "harm"
    assert harmless / reps <= 0.025 + 2.5 * np.sqrt(0.025 * 0.975 / reps)
    assert seen / reps > 0.3
