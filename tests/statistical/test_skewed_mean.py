"""Checks of model health keep their promise far out, where verdicts are: thin arms, rare and heavy-tailed orders.

A kind of check has a sixth of 5 %, and shares it over its checks. Every world is drawn 6,000 times; alarms are at most
as many as a test that keeps its level exceeds with probability 1e-4 (binomial law). The normal law exceeds it.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, norm

from alamo.inference.health import value_forecast
from alamo.inference.health.checks import FAMILIES
from alamo.numerics.skewed_mean import SkewedMean

pytestmark = pytest.mark.statistical

DRAWS, ALPHA = 6_000, 0.05 / FAMILIES
FEW, MANY = 0.5 * ALPHA, ALPHA


def most(alpha: float) -> float:
    return float(binom.isf(1e-4, DRAWS, alpha))


def orders(rng: np.random.Generator, n: int, rate: float, spread: float = 0.8) -> np.ndarray:
    return (rng.random(n) < rate) * 50.0 * np.exp(spread * rng.normal(size=n) - 0.5 * spread**2)


def two_arms(rng: np.random.Generator, n: int, p: float, rate: float) -> np.ndarray:
    """Scores of an action drawn with chance `p` that changes nothing."""
    left = orders(rng, n, rate) - 50.0 * rate
    return np.where(rng.random(n) < p, left / p, -left / (1.0 - p))


def whole_plan(rng: np.random.Generator, n: int, p_none: float, rate: float) -> np.ndarray:
    """Gains of a plan that contacts everybody but a share `p_none` and changes nothing."""
    left = orders(rng, n, rate) - 50.0 * rate
    return left - np.where(rng.random(n) < p_none, left / p_none, 0.0)


@pytest.mark.parametrize(
    ("world", "n", "share", "rate", "alpha"),
    [(two_arms, 6_000, 0.1, 0.05, FEW), (whole_plan, 6_000, 0.05, 0.1, MANY)],
)
def test_thirty_buyers_in_the_thin_arm_alarm_as_rarely_as_promised(world, n, share, rate, alpha) -> None:
    alarms = normal = 0
    for seed in range(DRAWS):
        found = SkewedMean.of(world(np.random.default_rng([31, seed]), n, share, rate))
        alarms += found.p_value() < alpha
        normal += 2.0 * norm.sf(abs(found.mean) / found.se) < alpha
    assert alarms <= most(alpha) < normal


def test_what_is_wrong_is_still_seen() -> None:
    """An effect of four standard errors, of 200 buyers in the smaller arm."""
    seen = 0
    for seed in range(200):
        values = two_arms(np.random.default_rng([32, seed]), 8_000, 0.5, 0.05)
        seen += SkewedMean.of(values).less(-4.0 * values.std() / np.sqrt(len(values))).p_value() < FEW
    assert seen >= binom.isf(1.0 - 1e-4, 200, 0.8)


@pytest.mark.parametrize("edge", [0.8, 1.25])
def test_a_forecast_on_the_edge_of_its_tolerance_fails_as_rarely_as_promised(edge: float) -> None:
    alarms = 0
    for seed in range(DRAWS):
        came = edge * orders(np.random.default_rng([33, seed]), 1_000, 0.1, 1.0)
        found = value_forecast("x", np.full(1_000, 5.0), came, 0.95)
        alarms += found.p_value is not None and found.p_value < MANY
    assert alarms <= most(MANY)
