"""The trend of an effect: found by chance as often as said where there is none, and nearly always where it is large."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from tests.unit.inference.conftest import Ridge

from alamo.inference import ExperimentSpec, Trend, analyze_experiment

pytestmark = pytest.mark.statistical


def trend(seed: int, fade: float, *, clusters: int = 0) -> Trend:
    """Eight weeks of heavy-tailed spend that grows; units by cluster share their arm, and a level of their own."""
    rng = np.random.default_rng(seed)
    n = 1600
    group = rng.permutation(np.arange(n) % clusters) if clusters else np.arange(n)
    arm = rng.permutation(np.arange(group.max() + 1) % 2)[group]
    week = rng.integers(0, 8, n)
    level = 3.0 * rng.normal(size=group.max() + 1)[group] if clusters else 0.0
    spend = rng.gamma(1.0, 5.0, n) + week + level + (2.0 - fade * week) * arm
    day = np.datetime64("2024-01-01") + 7 * week + rng.integers(0, 7, n)
    table = pa.table({"arm": arm.astype(str), "g": group, "day": day, "spend": spend})
    cluster = "g" if clusters else None
    spec = ExperimentSpec("arm", "0", ("spend",), features="none", time="day", cluster=cluster, over_time="week")
    return analyze_experiment(table, spec, Ridge()).trends[0]


@pytest.mark.parametrize("clusters", [0, 100])
def test_a_lasting_effect_shows_a_trend_as_seldom_as_said(clusters, n_seeds):
    found = [trend(seed, 0.0, clusters=clusters).says != "no trend found" for seed in range(15 * n_seeds)]
    assert np.mean(found) <= 0.06 + 2.5 * np.sqrt(0.06 * 0.94 / len(found))


def test_the_interval_of_the_trend_covers_and_a_steep_one_is_found(n_seeds):
    found = [trend(seed, 0.5) for seed in range(10 * n_seeds)]
    covered = np.mean([row.lower <= -0.5 <= row.upper for row in found])
    assert covered >= 0.94 - 2.5 * np.sqrt(0.06 * 0.94 / len(found))
    assert np.mean([row.says == "wears off" for row in found]) > 0.9


def test_a_period_of_an_action_rolled_out_bit_by_bit_is_as_uncertain_as_its_own_shares_say(n_seeds):
    outside, trends = [], []
    for seed in range(8 * n_seeds):
        rng = np.random.default_rng(seed)
        n = 6000
        week = rng.integers(0, 4, n)
        arm = (rng.random(n) < np.array([0.05, 0.1, 0.4, 0.6])[week]).astype(int)
        day = np.datetime64("2024-01-01") + 7 * week + rng.integers(0, 7, n)
        table = pa.table({"arm": arm.astype(str), "day": day, "spend": rng.normal(5.0, 1.0, n)})
        spec = ExperimentSpec("arm", "0", ("spend",), features="none", time="day", over_time="week")
        result = analyze_experiment(table, spec, Ridge())
        outside += [not row.lower <= 0.0 <= row.upper for row in result.periods]
        trends.append(result.trends[0].says != "no trend found")
    for found in (outside, trends):
        assert np.mean(found) <= 0.06 + 2.5 * np.sqrt(0.06 * 0.94 / len(found))
