"""Effects over cycles of a loop that learns: slopes are covered, wear-off is found, a constant effect left alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import binom

from alamo.domain.tables import DR_SCORES
from alamo.inference.effect_breakdown import CycleTrend, EffectBreakdown, break_down
from alamo.inference.scored_log import ScoredLog
from alamo.numerics.doubly_robust import scores
from alamo.store import MemoryHistory

pytestmark = pytest.mark.statistical

CUSTOMERS, CYCLES, EFFECT, SPREAD = 400, 6, 1.0, 2.0
START = datetime(2025, 1, 6, tzinfo=UTC)
STAGES = ("new", "active", "loyal", "at risk", "lapsed", "lost")


def play(seed: int, slope: float, history: MemoryHistory) -> EffectBreakdown:
    """Six cycles in which the share of the mail follows what it seems to have brought so far, customer by customer."""
    rng = np.random.default_rng(seed)
    base, taste = np.exp(rng.normal(size=CUSTOMERS)), rng.normal(size=CUSTOMERS)
    stage = rng.integers(0, len(STAGES), CUSTOMERS)
    tables, scored, seen = [], [], []
    for cycle in range(1, CYCLES + 1):
        so_far = np.concatenate(seen) if seen else np.zeros(1)
        drift = so_far.mean() / (so_far.std() / np.sqrt(len(so_far))) if seen else 0.0
        p = np.clip(0.3 + 0.2 * np.tanh(drift) + 0.2 * np.tanh(taste), 0.05, 0.95)
        p = np.column_stack([1.0 - p, p])
        arm = (rng.random(CUSTOMERS) < p[:, 1]).astype(np.int64)
        effect = EFFECT + slope * (cycle - 1) + 0.5 * taste
        outcome = base + effect * arm + SPREAD * rng.standard_t(5, CUSTOMERS)
        gamma = scores(np.column_stack([base, base]), arm, outcome, p[np.arange(CUSTOMERS), arm])
        seen.append(gamma[:, 1] - gamma[:, 0])
        tables.append(_decisions(cycle, arm, outcome, stage))
        scored.append(_scores(cycle, p, base, gamma))
    log = ScoredLog.of(history, pa.concat_tables(tables), scores=pa.concat_tables(scored), by_stage=True)
    return break_down(log, ["mail"], 0.95)


def play_rare(seed: int, history: MemoryHistory, rate: float = 0.02) -> EffectBreakdown:
    """Three cycles of a mail that is drawn for one in twenty and changes nothing; `rate` of the customers buy."""
    rng = np.random.default_rng([7, seed])
    p = np.tile([0.95, 0.05], (CUSTOMERS, 1))
    base = np.full(CUSTOMERS, 40.0 * rate)
    tables, scored = [], []
    for cycle in (1, 2, 3):
        arm = (rng.random(CUSTOMERS) < 0.05).astype(np.int64)
        orders = (rng.random(CUSTOMERS) < rate).astype(np.int64)
        outcome = 40.0 * orders * rng.lognormal(-0.125, 0.5, CUSTOMERS)
        gamma = scores(np.column_stack([base, base]), arm, outcome, p[np.arange(CUSTOMERS), arm])
        decided = _decisions(cycle, arm, outcome, np.zeros(CUSTOMERS, dtype=np.int64))
        tables.append(
            decided.set_column(decided.column_names.index("orders_window"), "orders_window", pa.array(orders))
        )
        scored.append(_scores(cycle, p, base, gamma))
    log = ScoredLog.of(history, pa.concat_tables(tables), scores=pa.concat_tables(scored), by_stage=True)
    return break_down(log, ["mail"], 0.95)


def _decisions(cycle: int, arm: np.ndarray, outcome: np.ndarray, stage: np.ndarray) -> pa.Table:
    at = START + timedelta(days=28 * cycle)
    return pa.table(
        {
            "decision_id": [f"{cycle}-{i}" for i in range(CUSTOMERS)],
            "unit_id": [f"u{i}" for i in range(CUSTOMERS)],
            "cycle": np.full(CUSTOMERS, cycle),
            "decided_at": pa.array([at] * CUSTOMERS, pa.timestamp("us", tz="UTC")),
            "action_id": np.array(["none", "mail"])[arm],
            "outcome_money": outcome,
            "orders_window": np.ones(CUSTOMERS, dtype=np.int64),
            "state": [f"{STAGES[s]}|0 contacts|unanswered|unprompted" for s in stage],
        }
    )


def _scores(cycle: int, p: np.ndarray, base: np.ndarray, gamma: np.ndarray) -> pa.Table:
    ids = np.repeat([f"{cycle}-{i}" for i in range(CUSTOMERS)], 2)
    columns = {
        "decision_id": ids,
        "unit_id": np.repeat([f"u{i}" for i in range(CUSTOMERS)], 2),
        "cycle": np.full(len(ids), cycle),
        "action_id": np.tile(["none", "mail"], CUSTOMERS),
        "fold": np.zeros(len(ids), dtype=np.int64),
        "p": p.ravel(),
        "mu_money": np.repeat(base, 2),
        "gamma_money": gamma.ravel(),
    }
    return DR_SCORES.check(pa.table(columns))


@pytest.fixture(scope="module")
def history() -> MemoryHistory:
    return MemoryHistory(threads=1)


def _plays(history: MemoryHistory, n: int, slope: float) -> list[EffectBreakdown]:
    return [play(seed, slope, history) for seed in range(n)]


def _missed(trends: list[CycleTrend], slope: float) -> int:
    return sum(not trend.lower <= slope <= trend.upper for trend in trends)


def test_a_constant_effect_seldom_seems_to_move_and_its_parts_are_covered(history, n_seeds):
    found = _plays(history, 5 * n_seeds, 0.0)
    trends = [trend for play in found for trend in play.trends]
    assert len(trends) == len(found)
    allowed = binom.ppf(0.999, len(trends), 0.05)
    assert _missed(trends, 0.0) <= allowed
    assert sum(trend.says != "no trend found" for trend in trends) <= allowed
    cycles = [row for play in found for row in play.over_time]
    assert len(cycles) == CYCLES * len(found)
    misses = sum(not row.lower <= EFFECT <= row.upper for row in cycles)  # tastes add up to about nil
    assert misses <= binom.ppf(0.999, len(cycles), 0.05)
    stages = [row for play in found for row in play.by_stage]
    assert sum(not row.lower <= EFFECT <= row.upper for row in stages) <= binom.ppf(0.999, len(stages), 0.05)


def test_an_effect_that_wears_off_is_found_to_and_its_slope_is_covered(history, n_seeds):
    found = _plays(history, max(5 * n_seeds, 80), -0.25)  # fewer say little of a mean within three of its errors
    trends = [trend for play in found for trend in play.trends]
    assert _missed(trends, -0.25) <= binom.ppf(0.999, len(trends), 0.05)
    assert {trend.says for trend in trends} <= {"wears off", "no trend found"}
    assert np.mean([trend.says == "wears off" for trend in trends]) > 0.8
    assert abs(np.mean([trend.slope for trend in trends]) + 0.25) < 3.0 * _error(trends)


def test_a_thin_arm_in_which_nobody_bought_for_a_cycle_is_no_harm(history, n_seeds):
    found = [play_rare(seed, history) for seed in range(3 * n_seeds)]
    cycles = [row for play in found for row in play.over_time]
    assert len(cycles) > 2 * len(found)
    assert sum(row.found for row in cycles) <= binom.ppf(0.999, len(cycles), 0.05)
    trends = [trend for play in found for trend in play.trends]
    assert sum(trend.says != "no trend found" for trend in trends) <= binom.ppf(0.999, len(trends), 0.05)
    stages = [row for play in found for row in play.by_stage]
    assert sum(row.found for row in stages) <= binom.ppf(0.999, len(stages), 0.05)


def test_cycles_in_which_nobody_bought_have_neither_effect_nor_trend(history):
    found = play_rare(0, history, rate=0.0)
    assert (found.over_time, found.trends) == ((), ())
    assert any("nobody bought" in refusal.reason for refusal in found.refusals)


def _error(trends: list[CycleTrend]) -> float:
    return float(np.std([trend.slope for trend in trends], ddof=1) / np.sqrt(len(trends)))
