"""A switch is biased on purpose: its interval must hold the truth where it switches, and where it would be tempted to.

Each world is simulated 300 times; coverage of nominal 95 % may be off by three binomial standard errors, 3.8 points.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from tests.unit.inference.conftest import Ridge

from alamo.inference.off_policy import LoggedDecisions, TargetPolicy, score_policy, weights
from alamo.inference.off_policy.valuation import value_of

pytestmark = pytest.mark.statistical

LOGS = 300
OFF = 3.0 * np.sqrt(0.95 * 0.05 / LOGS)
World = tuple[LoggedDecisions, TargetPolicy, np.ndarray, float]


def drawn_rarely(rng: np.random.Generator) -> World:
    """An action drawn in 1 of 100 rows earns 10, the other 0; half of the policy's worth is in those rows.

    The policy is known at the drawn action alone, so the model is a constant and wrong by nearly 10 on them, ten
    standard deviations of the outcome.
    """
    n, p = 12_000, 0.01
    rare = rng.random(n) < p
    log = LoggedDecisions(
        ("a", "b"), rare.astype(np.int64), np.where(rare, p, 1.0 - p), 10.0 * rare, np.zeros(n, dtype=np.int64)
    )
    return log, TargetPolicy(np.full(n, 0.5)), np.empty((n, 0)), 5.0


def one_heavy_row(rng: np.random.Generator) -> World:
    """About one row in 4,000 weighs 8, all others at most about 1; its outcome is three above the model's."""
    n = 4_000
    x = rng.integers(0, 2, n)
    e, target = np.where(x == 1, 1.0 / 2_000.0, 0.5), np.where(x == 1, 0.004, 0.5)
    b = rng.random(n) < e
    y = x + 3.0 * x * b + rng.normal(size=n)
    log = LoggedDecisions(("a", "b"), b.astype(np.int64), np.where(b, e, 1.0 - e), y, np.zeros(n, dtype=np.int64))
    policy = TargetPolicy(np.where(b, target, 1.0 - target), np.column_stack([1.0 - target, target]))
    return log, policy, x[:, None].astype(float), 0.5 + 0.5 * 0.004 * 3.0


def outcomes(world: Callable[[np.random.Generator], World]) -> tuple[float, float]:
    """Return how often the interval of switch-dr holds the truth, and how often it switched."""
    covered, switched = [], []
    for seed in range(LOGS):
        log, policy, context, truth = world(np.random.default_rng([seed, 5]))
        scores = score_policy(log, policy, context, Ridge())["switch-dr"]
        value = value_of(log, weights(log, policy), scores, 0.95)
        covered.append(value.lower <= truth <= value.upper)
        switched.append(scores.threshold is not None)
    return float(np.mean(covered)), float(np.mean(switched))


def test_rows_the_model_is_wrong_about_are_not_switched_off() -> None:
    covered, _ = outcomes(drawn_rarely)
    assert covered > 0.95 - OFF  # a bound of one standard deviation of the outcome: 80 %


def test_where_it_switches_its_interval_still_holds_the_truth() -> None:
    covered, switched = outcomes(one_heavy_row)
    assert switched > 0.1
    assert covered > 0.95 - OFF
