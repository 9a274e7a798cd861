"""The Open Bandit log (campaign "men", 10,000 impressions a policy): each policy valued from the log of the other.

The reference values were computed once by `obp` 0.5.7 (`InverseProbabilityWeighting`,
`SelfNormalizedInverseProbabilityWeighting`) on the same rows. ``open_bandit_thompson.csv`` is the action distribution
of its `BernoulliTS` with the publisher's priors (seed 12345, 100,000 draws), by item and place.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pytest

from alamo.inference.off_policy import PolicyResult, PolicySpec, analyze_policy
from alamo.prediction.learners import boosted_outcome

OBP = {
    "bts → uniform": {"ips": 0.0030086263272564823, "snips": 0.003189423162277403},
    "random → bts": {"ips": 0.00453356, "snips": 0.004604232164349609},
}
COLUMNS = {"action": "item_id", "propensity": "propensity_score", "outcome": "click", "position": "position"}


def log(folder: Path, name: str, target: np.ndarray) -> pa.Table:
    """Return a log with the new policy's probability of every item at the row's place."""
    text = pa_csv.ConvertOptions(column_types={"item_id": pa.string()})
    table = pa_csv.read_csv(folder / "open_bandit_men" / f"{name}_men.csv.gz", convert_options=text)
    place = table["position"].to_numpy() - 1
    for item in range(34):
        table = table.append_column(f"P_{item}", pa.array(target[item, place]))
    return table


@pytest.fixture(scope="module")
def results(test_data: Path) -> dict[str, PolicyResult]:
    thompson = np.loadtxt(Path(__file__).parent / "open_bandit_thompson.csv", delimiter=",", skiprows=1)[:, 1:]
    logs = {
        "bts → uniform": log(test_data, "bts", np.full((34, 3), 1 / 34)),
        "random → bts": log(test_data, "random", thompson),
    }
    spec = PolicySpec(**COLUMNS, target_prefix="P_")
    return {name: analyze_policy(table, spec, boosted_outcome()) for name, table in logs.items()}


@pytest.mark.parametrize("direction", OBP)
def test_weighted_means_are_those_of_obp(results: dict[str, PolicyResult], direction: str) -> None:
    found = {row.estimator: row.value for row in results[direction].rows}
    for estimator, value in OBP[direction].items():
        assert found[estimator] == pytest.approx(value, rel=0.0, abs=1e-9)


def test_a_log_that_hardly_explores_is_refused_and_one_that_does_is_not(results: dict[str, PolicyResult]) -> None:
    timid, bold = results["bts → uniform"], results["random → bts"]
    assert timid.overlap.ess == pytest.approx(655.71, abs=0.005)
    assert timid.overlap.largest_weight == pytest.approx(178.25, abs=0.005)
    assert timid.chosen is None
    assert any("effective sample size" in refusal.reason for refusal in timid.refusals)
    assert bold.overlap.ess > 1000.0
    assert bold.chosen is not None
    assert bold.chosen.estimator == "dr"


@pytest.mark.parametrize(("direction", "truth"), [("bts → uniform", 0.0046), ("random → bts", 0.0069)])
def test_every_interval_holds_what_the_policy_earned_when_it_ran(
    results: dict[str, PolicyResult], direction: str, truth: float
) -> None:
    own = 1.96 * np.sqrt(truth * (1.0 - truth) / 10_000)  # the policy's own log has an error too
    for row in results[direction].rows:
        assert row.lower - own < truth < row.upper + own


def test_only_what_was_known_before_the_draw_is_context(results: dict[str, PolicyResult]) -> None:
    for result in results.values():
        assert {f"user_feature_{j}" for j in range(4)} <= set(result.features)
        assert not {"timestamp", "click", "propensity_score", "item_id", "P_0"} & set(result.features)
        assert [part.position for part in result.overlap.positions] == ["1", "2", "3"]
        assert not [refusal for refusal in result.refusals if "beyond chance" in refusal.reason]
