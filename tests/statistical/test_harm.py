"""False pauses: over all looks the declared chance holds, for rare events, skewed money and adaptive policies too."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from alamo.inference.effect_sums import CycleSums
from alamo.inference.harm import METRIC_SHARES, outcome_harm, wave_share
from alamo.numerics.harm_bound import LARGEST_WEIGHT, harm_lower_bound, log_wealth
from alamo.numerics.ratio_check import TILT_FACTORS

pytestmark = pytest.mark.statistical

CYCLES, CUSTOMERS = 8, 1500


def most_by_chance(rate: float, runs: int) -> float:
    return rate + 3.0 * (rate * (1.0 - rate) / runs) ** 0.5


def cycles_of(rng: np.random.Generator, adaptive: bool):
    """Yield arm, p(a) and p(none) of each cycle; an adaptive policy moves with the outcomes it is told of."""
    lean = 0.0
    for _ in range(CYCLES):
        p_action = np.clip(0.2 + 0.15 * np.tanh(lean) + rng.uniform(-0.05, 0.05, CUSTOMERS), 0.03, 0.6)
        p_none = np.full(CUSTOMERS, 0.3)
        u = rng.random(CUSTOMERS)
        told = yield np.where(u < p_action, 1, np.where(u >= 0.7, 0, -1)), p_action, p_none
        lean += told if adaptive else 0.0


@pytest.mark.parametrize("adaptive", [False, True])
@pytest.mark.parametrize(("with_it", "without"), [(0.01, 0.0), (0.03, 0.03), (0.002, 0.002)])
def test_events_no_more_frequent_than_tolerated_are_seldom_called_harm(n_seeds, adaptive, with_it, without):
    """True harm is exactly what is tolerated: the worst case that is no harm."""
    runs, alpha, tolerated, crossed = 20 * n_seeds, 0.1, with_it - without, 0
    for run in range(runs):
        rng = np.random.default_rng([7, run])
        wealth, weight, told = 0.0, 0.0, None
        source = cycles_of(rng, adaptive)
        for _ in range(CYCLES):
            arm, p_action, p_none = source.send(told)
            happened = rng.random(CUSTOMERS) < np.where(arm == 1, with_it, without)
            wealth = wealth + log_wealth(1.0 * happened, 1.0 * (arm == 1), 1.0 * (arm == 0), p_action, p_none)
            weight += LARGEST_WEIGHT * CUSTOMERS
            told = 20.0 * (happened[arm == 0].mean() - happened[arm == 1].mean())
            if harm_lower_bound(wealth, weight, alpha) > tolerated:
                crossed += 1
                break
    assert crossed / runs <= most_by_chance(alpha, runs)


@pytest.mark.parametrize("adaptive", [False, True])
def test_an_outcome_that_nothing_changes_is_seldom_called_harmed(n_seeds, adaptive):
    """One order in four decisions, log-normal spend: the skewed outcome of a shop.

    The level is ten times that of a real pause: it shows a fault with fewer runs.
    """
    runs, alpha, crossed = 20 * n_seeds, 0.05, 0
    for run in range(runs):
        rng = np.random.default_rng([11, run])
        sums, told = [], None
        source = cycles_of(rng, adaptive)
        for cycle in range(1, CYCLES + 1):
            arm, p_action, p_none = source.send(told)
            y = np.where(rng.random(CUSTOMERS) < 0.25, rng.lognormal(3.0, 0.8, CUSTOMERS), 0.0)
            sums.append(_sums(cycle, y, arm, p_action, p_none))
            told = 0.05 * (y[arm == 1].mean() - y[arm == 0].mean())
            harm = outcome_harm(
                _joined(sums), "mail", cost_money=0.0, tolerated=0.0, alpha=alpha, n_opt=CYCLES * CUSTOMERS
            )
            if harm.crossed:
                crossed += 1
                break
    assert crossed / runs <= most_by_chance(alpha, runs)


def test_a_real_loss_is_found(n_seeds):
    found = 0
    for run in range(n_seeds):
        rng = np.random.default_rng([13, run])
        sums, source = [], cycles_of(rng, adaptive=False)
        for cycle in range(1, CYCLES + 1):
            arm, p_action, p_none = source.send(None)
            buys = rng.random(CUSTOMERS) < np.where(arm == 1, 0.15, 0.25)
            sums.append(_sums(cycle, np.where(buys, rng.lognormal(3.0, 0.8, CUSTOMERS), 0.0), arm, p_action, p_none))
        alpha = 0.05 * wave_share(1, 2) * METRIC_SHARES["outcome"]
        harm = outcome_harm(_joined(sums), "mail", cost_money=0.0, tolerated=0.0, alpha=alpha, n_opt=CYCLES * CUSTOMERS)
        assert harm.bound < 2.77  # a tenth of the orders, 27.7 each
        found += harm.crossed
    assert found >= 0.9 * n_seeds


def _sums(cycle: int, y, arm, p_action, p_none) -> dict[str, np.ndarray]:
    """Sums of one cycle as the loop adds them up, with the mean outcome so far as the outcome model."""
    mu = 7.0
    score = (arm == 1) * (y - mu) / p_action - (arm == 0) * (y - mu) / p_none
    drew = arm >= 0
    weight = 1.0 / (p_action + p_none)
    residual = (y - mu) ** 2 * (1.0 / p_action + 1.0 / p_none) * weight
    return {
        "cycle": cycle,
        "n": float(len(y)),
        "n_action": float((arm == 1).sum()),
        "n_control": float((arm == 0).sum()),
        "nonzero_action": float(((arm == 1) & (y > 0)).sum()),
        "nonzero_control": float(((arm == 0) & (y > 0)).sum()),
        "score": score.sum(),
        "squares": (score**2).sum(),
        "gamma_none": 0.0,
        "residual": residual[drew].sum(),
        "weight": weight[drew].sum(),
        "expected": p_action.sum(),
        "least_chance": min(p_action.min(), p_none.min()),
        "tilt_action": np.array([np.log1p(p_action * factor).sum() for factor in TILT_FACTORS]),
        "tilt_control": np.array([np.log1p(p_none * factor).sum() for factor in TILT_FACTORS]),
    }


def _joined(rows: list[dict[str, np.ndarray]]) -> CycleSums:
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    return CycleSums(decided_at=(datetime(2026, 1, 1, tzinfo=UTC),) * len(rows), **columns)
