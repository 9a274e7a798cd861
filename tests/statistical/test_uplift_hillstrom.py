"""Uplift on real covariates with known effects (Hillstrom): what the mixture gains or loses against the best e-mail."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from benchmarks.hillstrom_worlds import ARMS, FEATURES, email_world, gain_percent

from alamo.prediction import UpliftSpec, analyze_uplift
from alamo.prediction.analysis.prepared import prepare
from alamo.prediction.analysis.trial import read_trial
from alamo.prediction.belief import FILE, LOOP

pytestmark = pytest.mark.statistical

FIRST_SEED = 700


@cache
def gains(folder: Path, outcome: str, world: str, seeds: int) -> tuple[list[float], list[float], list[float]]:
    """Return gain, the oracle's gain, and coverage of customers' effects at nominal 90 %, one entry per seed."""
    gain, oracle, covered = [], [], []
    for seed in range(FIRST_SEED, FIRST_SEED + max(4, seeds // 5)):
        real = email_world(folder, outcome, world, seed)
        result = analyze_uplift(
            real.draw(10_000 + seed),
            UpliftSpec("arm", ARMS[0], "outcome", features=FEATURES, segments=("cell",), seed=seed),
        )
        scores = result.scores_table()
        n = len(real.truth)
        held_out = np.asarray(scores["holdout"])[:n]
        values = np.asarray(scores["value_mean"]).reshape(2, n).T[held_out]
        sd = np.asarray(scores["value_sd"]).reshape(2, n).T[held_out]
        truth = real.truth[held_out]
        gain.append(gain_percent(values, truth))
        oracle.append(gain_percent(truth, truth))
        covered.append(float((np.abs(values - truth) <= 1.645 * sd).mean()))
    return gain, oracle, covered


def upper(values: list[float]) -> float:
    return float(np.mean(values) + 2.0 * np.std(values, ddof=1) / np.sqrt(len(values)))


@pytest.mark.parametrize("outcome", ["visit", "conversion"])
@pytest.mark.parametrize("world", ["mixed", "smooth", "homogeneous"])
def test_the_mixture_loses_next_to_nothing_in_any_world(test_data, outcome, world, n_seeds):
    gain, _, _ = gains(test_data, outcome, world, n_seeds)
    assert upper(gain) > -0.2
    assert np.median(gain) > -0.2


def test_the_mixture_captures_a_share_of_the_oracle_on_visits(test_data, n_seeds):
    gain, oracle, _ = gains(test_data, "visit", "mixed", n_seeds)
    assert upper([g / o for g, o in zip(gain, oracle, strict=True)]) > 0.35
    assert np.mean(gain) > 0.0


def test_differences_off_the_segments_are_found_where_outcomes_are_frequent(test_data, n_seeds):
    """Under the belief of the loop, made for money with a heavy tail, everybody gets one effect there."""
    smaller, gained = [], []
    for seed in range(FIRST_SEED, FIRST_SEED + max(4, n_seeds // 5)):
        spec = UpliftSpec("arm", ARMS[0], "outcome", features=FEATURES, segments=("cell",), seed=seed)
        real = email_world(test_data, "visit", "smooth", seed)
        ready = prepare(read_trial(real.draw(10_000 + seed), spec), spec, FEATURES)
        truth, inputs = real.truth[ready.held_out], ready.inputs.take(ready.held_out)
        file, loop = (ready.fit(spec.learners, belief=belief).effects_of(inputs) for belief in (FILE, LOOP))
        smaller.append(float(np.sqrt(((file - truth) ** 2).mean() / ((loop - truth) ** 2).mean())))
        gained.append(gain_percent(file, truth) - gain_percent(loop, truth))
    assert upper(smaller) < 1.0
    assert np.mean(gained) > 0.0


@pytest.mark.parametrize(("world", "least"), [("mixed", 0.85), ("smooth", 0.80), ("homogeneous", 0.90)])
def test_intervals_of_customers_own_effects_cover_as_recorded(test_data, world, least, n_seeds):
    _, _, covered = gains(test_data, "visit", world, n_seeds)
    assert upper(covered) > least
