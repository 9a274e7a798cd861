"""Checks of model health alarm as rarely as they say where nothing is wrong, and do alarm where something is.

Each world is drawn 300 times. Misses of nominal 5 % may be off by three binomial standard errors,
3·√(.05·.95/300) = 3.8 points.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from alamo.inference.health import JudgedRows, calibration
from alamo.numerics.clustered import clustered_line, homogeneity
from alamo.numerics.multiplicity import holm
from alamo.numerics.stability import ReferenceBins, stability

pytestmark = pytest.mark.statistical

DRAWS = 300
MOST = 0.05 + 3.0 * np.sqrt(0.05 * 0.95 / DRAWS)
LEVELS = np.array(list("abcdefghijklmnop"))

Draw = Callable[[np.random.Generator, int], np.ndarray]
COLUMNS: dict[str, Draw] = {
    "normal": lambda rng, n: rng.normal(size=n),
    "mostly zero": lambda rng, n: rng.poisson(0.3, n).astype(float),
    "heavy tail": lambda rng, n: np.exp(1.5 * rng.normal(size=n)),
    "flag": lambda rng, n: rng.random(n) < 0.2,
    "rare flag": lambda rng, n: rng.random(n) < 0.02,
    "never seen": lambda rng, n: rng.random(n) < 1.0 / (3.0 * n),
    "rare levels": lambda rng, n: LEVELS[np.minimum(rng.geometric(0.3, n) - 1, 15)],
    "half missing": lambda rng, n: np.where(rng.random(n) < 0.5, np.nan, rng.normal(size=n)),
}


def column(values: np.ndarray) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values.tolist(), from_pandas=True)])


@pytest.mark.parametrize("rows", [100, 2_000])
@pytest.mark.parametrize("name", list(COLUMNS))
def test_a_distribution_that_has_not_moved_is_said_to_have_as_rarely_as_promised(name: str, rows: int) -> None:
    draw, alarms = COLUMNS[name], 0
    for seed in range(DRAWS):
        rng = np.random.default_rng([1, rows, seed])
        bins = ReferenceBins.of(column(draw(rng, 3 * rows)))
        alarms += stability(bins, column(draw(rng, rows)), n_reference=3 * rows, n=rows).p_value < 0.05
    assert alarms / DRAWS <= MOST


def test_the_usual_rule_alarms_on_small_samples_where_nothing_has_moved_and_the_threshold_does_not() -> None:
    usual, ours = 0, 0
    for seed in range(DRAWS):
        rng = np.random.default_rng([2, seed])
        bins = ReferenceBins.of(column(rng.normal(size=100)))
        found = stability(bins, column(rng.normal(size=100)), n_reference=100, n=100)
        usual += found.psi > 0.1
        ours += found.psi > found.threshold(0.95)
    assert usual / DRAWS > 0.5
    assert ours / DRAWS <= MOST


def test_of_twenty_columns_one_is_said_to_have_moved_as_rarely_as_promised_for_all_together() -> None:
    alarms = 0
    for seed in range(DRAWS):
        rng = np.random.default_rng([3, seed])
        p = [
            stability(
                ReferenceBins.of(column(rng.normal(size=300))), column(rng.normal(size=300)), n_reference=300, n=300
            ).p_value
            for _ in range(20)
        ]
        alarms += holm(np.array(p)).min() < 0.05
    assert alarms / DRAWS <= MOST


class Log:
    """Doubly robust scores of customers decided about again and again: rare, heavy-tailed orders, uneven chances."""

    def __init__(self, rng: np.random.Generator, n: int, cycles: int, lift: np.ndarray) -> None:
        size = np.exp(rng.normal(0.0, 0.8, n))
        self.unit, self.cycle = np.tile(np.arange(n), cycles), np.repeat(np.arange(cycles), n)
        rows = n * cycles
        order = 10.0 * size[self.unit] * np.exp(0.5 * rng.normal(size=rows) - 0.125)
        chance = 0.02 * rng.gamma(2.0, 0.5, n)[self.unit]
        self.predicted = 10.0 * size[self.unit] * chance
        p = rng.uniform(0.05, 0.5, rows)
        drew = rng.random(rows) < p
        bought = rng.random(rows) < 0.12 + np.where(drew, chance * lift[self.cycle], 0.0)
        outcome = bought * order + rng.normal(size=n)[self.unit]
        left = outcome - 1.2 * size[self.unit]
        self.score = np.where(drew, left / p, -left / (1.0 - p))
        self.weight = p * (1.0 - p)


@pytest.mark.parametrize(("customers", "cycles"), [(600, 4), (3_000, 1), (3_000, 3)])
def test_predictions_that_are_right_have_a_slope_of_one(customers: int, cycles: int) -> None:
    misses = 0
    for seed in range(DRAWS):
        log = Log(np.random.default_rng([4, customers, cycles, seed]), customers, cycles, np.ones(cycles))
        line = clustered_line(log.predicted, log.score, log.weight, log.unit)
        low, high = line.interval(0.95)
        misses += not low <= 1.0 <= high
    assert misses / DRAWS <= MOST


@pytest.mark.parametrize("features", [1, 3])
def test_a_model_as_good_as_its_data_allow_is_called_wrong_as_rarely_as_promised(features: int) -> None:
    """Effects differ by features, as the model expects; it learns from one cycle and is judged by the next."""
    misses, n, noise = 0, 1_000, 10.0
    for seed in range(DRAWS):
        rng = np.random.default_rng([9, features, seed])
        wide = 3.0 * noise / np.sqrt(n)
        then, now = rng.normal(size=(2, n, features))
        truth = rng.normal(0.0, wide, features)
        covariance = np.linalg.inv(then.T @ then / noise**2 + np.eye(features) / wide**2)
        learnt = covariance @ then.T @ (then @ truth + rng.normal(0.0, noise, n)) / noise**2
        predicted = now @ learnt
        shared = np.abs(predicted) * np.sqrt(learnt @ covariance @ learnt) / (learnt @ learnt)
        effect, drew = now @ truth + rng.normal(0.0, noise, n), rng.random(n) < 0.5
        units = np.arange(n)
        rows = JudgedRows(
            "mail", effect, predicted, shared, np.full(n, 0.25), units, np.ones(n, np.int64), drew, ~drew, drew | ~drew
        )
        slope = calibration(rows, 0.95)[1]
        misses += slope.p_value < 0.05
    assert misses / DRAWS <= MOST


@pytest.mark.parametrize(("p", "rate"), [(0.005, 0.05), (0.02, 0.01), (0.05, 0.05), (0.3, 0.05)])
def test_a_level_that_is_right_is_called_wrong_as_rarely_as_promised_in_thin_arms_too(p: float, rate: float) -> None:
    misses, n = 0, 2_000
    units, ones = np.arange(n), np.ones(n)
    for seed in range(DRAWS):
        rng = np.random.default_rng([10, int(1_000 * p), int(100 * rate), seed])
        drew, bought = rng.random(n) < p, rng.random(n) < rate
        left = bought * 50.0 * np.exp(0.5 * rng.normal(size=n) - 0.125) - 50.0 * rate
        effect, nil = np.where(drew, left / p, -left / (1.0 - p)), np.zeros(n)
        rows = JudgedRows("mail", effect, nil, nil, p * (1.0 - p) * ones, units, ones.astype(int), drew, ~drew, bought)
        found = calibration(rows, 0.95)[0].p_value
        misses += found is not None and found < 0.05
    assert misses / DRAWS <= MOST


@pytest.mark.parametrize(("customers", "cycles"), [(600, 4), (3_000, 3), (1_500, 8)])
def test_effects_that_have_not_moved_are_said_to_have_as_rarely_as_promised(customers: int, cycles: int) -> None:
    alarms = 0
    for seed in range(DRAWS):
        log = Log(np.random.default_rng([5, customers, cycles, seed]), customers, cycles, np.ones(cycles))
        alarms += homogeneity(log.score, log.cycle, log.unit).p_value < 0.05
    assert alarms / DRAWS <= MOST


def test_an_effect_that_turns_round_in_the_newest_cycle_is_seen() -> None:
    alarms = 0
    for seed in range(40):
        log = Log(np.random.default_rng([6, seed]), 6_000, 3, np.array([4.0, 4.0, -2.0]))
        alarms += homogeneity(log.score, log.cycle, log.unit).p_value < 0.05
    assert alarms >= 36
