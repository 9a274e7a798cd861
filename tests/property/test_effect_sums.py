"""Effects from sums in SQL are those from rows, whatever the order of rows and the number of threads; sums add."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alamo.domain.tables import DR_SCORES
from alamo.inference.effect_breakdown import break_down
from alamo.inference.effect_sums import ActionSums, effect_sums
from alamo.inference.effects import segment_sums
from alamo.inference.loop_ratio import ratio_check
from alamo.inference.loop_rows import LoopLog, segment_scores
from alamo.inference.scored_log import ScoredLog
from alamo.numerics.clustered import clustered_line
from alamo.numerics.confidence_sequence import residual_floor
from alamo.numerics.doubly_robust import mean_by_group, scores
from alamo.numerics.ratio_check import mixture_log_e, p_value, tilted_log_likelihoods
from alamo.store import MemoryHistory

ARMS = ("none", "mail", "post")
START = datetime(2025, 1, 6, tzinfo=UTC)
SEEDS = st.integers(0, 2**32 - 1)


def world(seed: int, money: float = 1.0) -> tuple[pa.Table, pa.Table]:
    """OBSERVATIONS and DR_SCORES of three cycles: units recur, actions come and go, some chances are next to nil."""
    rng = np.random.default_rng(seed)
    n, cycles = int(rng.integers(40, 200)), 3
    rows = n * cycles
    cycle = np.repeat(np.arange(1, cycles + 1), n)
    p = rng.dirichlet(np.ones(3), rows)
    p[rng.random(rows) < 0.1] = [0.7, 0.3, 0.0]
    p[rng.random(rows) < 0.1] = [0.5, 0.5 - 1e-9, 1e-9]
    arm = np.minimum((rng.random(rows)[:, None] > p.cumsum(axis=1)).sum(axis=1), 2)
    arm = np.where(p[np.arange(rows), arm] > 0.0, arm, 0)
    mu = money * rng.normal(5.0, 3.0, (rows, 3)).round(int(rng.integers(0, 6)))
    outcome = mu[np.arange(rows), arm] + money * rng.standard_t(4, rows)
    gamma = scores(mu, arm, outcome, p[np.arange(rows), arm])
    ids = np.array([f"d{i}" for i in range(rows)])
    decided = [START + timedelta(days=28 * int(c)) for c in cycle]
    unit = np.array([f"u{i}" for i in rng.integers(0, n, rows)])
    observations = pa.table(
        {
            "decision_id": ids,
            "unit_id": unit,
            "cycle": cycle,
            "decided_at": pa.array(decided, pa.timestamp("us", tz="UTC")),
            "action_id": np.array(ARMS)[arm],
            "outcome_money": outcome,
            "orders_window": rng.integers(0, 2, rows),
            "segment": pa.array([None if s == 4 else f"s{s}" for s in rng.integers(0, 5, rows)], pa.string()),
            "recency_days": pa.array(rng.uniform(0, 300, rows), mask=rng.random(rows) < 0.2),
            "money": rng.lognormal(3.0, 1.5, rows),
        }
    )
    where, which = np.nonzero(p > 0.0)
    scored = pa.table(
        {
            "decision_id": ids[where],
            "unit_id": unit[where],
            "cycle": cycle[where],
            "action_id": np.array(ARMS)[which],
            "fold": np.zeros(len(where), dtype=np.int64),
            "p": p[where, which],
            "mu_money": mu[where, which],
            "gamma_money": gamma[where, which],
        }
    )
    return observations, DR_SCORES.check(scored)


def close(found, expected) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9 * max(float(np.abs(expected).max()), 1e-3))


@pytest.fixture(scope="module")
def history() -> MemoryHistory:
    return MemoryHistory()


@pytest.mark.parametrize("money", [1e6, 1e9])
def test_the_largest_amounts_at_the_least_chance_fit_in_a_sum(history, money):
    """As where money has no cents and an action was drawn at one in a million, in the hundredth cycle."""
    observations, scored = world(1)
    later = pc.add(observations["cycle"], 97)
    lucky = int(np.flatnonzero(np.asarray(pc.equal(observations["action_id"], "mail")))[-1])
    outcome = np.where(np.arange(len(later)) == lucky, money, 0.0)
    observations = observations.drop_columns(["cycle", "outcome_money"]).append_column("cycle", later)
    observations = observations.append_column("outcome_money", [outcome])
    observations = observations.append_column("state", pa.array(["loyal|a|b"] * len(later)))
    row = np.asarray(pc.equal(scored["decision_id"], observations["decision_id"][lucky]))
    row = row & np.asarray(pc.equal(scored["action_id"], "mail"))
    columns = scored.to_pydict() | {
        "cycle": np.asarray(scored["cycle"]) + 97,
        "p": np.where(row, 1e-6, np.asarray(scored["p"])),
        "gamma_money": np.where(row, money / 1e-6, 0.0),
    }
    log = ScoredLog.of(history, observations, scores=pa.table(columns), by_stage=True)
    assert effect_sums(log)["mail"].units.squares == pytest.approx((money / 1e-6) ** 2)
    patterns = log.query(
        log.statements.by_pattern(100), kept=pa.table({"action_id": ["mail"] * 3, "cycle": [98, 99, 100]})
    )
    cycle = later[lucky].as_py()
    assert pc.sum(patterns["xyxy"]).as_py() == pytest.approx((cycle * money / 1e-6) ** 2)


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.sampled_from([0.01, 1.0, 3e8]))
def test_what_follows_from_sums_is_what_follows_from_rows(history, seed, money):
    observations, scored = world(seed, money)
    log, sums = LoopLog.of(scored, observations), effect_sums(ScoredLog.of(history, observations, scores=scored))
    assert sorted(sums) == ["mail", "post"]
    for action, found in sums.items():
        data = log.action(action)
        n, compared = len(data.score), data.drew_action | data.drew_none
        mean = mean_by_group(data.score, log.unit[data.place])
        close([found.units.mean().mean, found.units.mean().se], [mean.mean, mean.se])
        assert (found.units.mean().n, found.n_left_out) == (mean.n, data.n_left_out)
        cycle = log.cycle[data.place]
        scatter = sum(data.score[cycle == c].var() * (cycle == c).sum() for c in np.unique(cycle))
        close(found.cycles.scatter.sum() / n, scatter / n)
        residual = log.outcome[data.place] - np.where(data.drew_action, data.mu_action, data.mu_none)
        floor = residual_floor((residual**2)[compared], data.p_action[compared], data.p_none[compared])
        close(found.cycles.residual.sum() / found.cycles.weight.sum(), floor)
        close(found.cycles.gamma_none.sum() / n, data.gamma_none.mean())
        same_segments(found, log, data)
        same_ratio_check(found, data, cycle)


def same_segments(found: ActionSums, log: LoopLog, data) -> None:
    rows, sums = segment_scores(log, data).sums(), segment_sums(found, found.segments)
    place = [rows.names.index(name) for name in sums.names]
    for name in ("n_action", "n_control", "size", "score", "variance", "covariates"):
        close(getattr(sums, name), getattr(rows, name)[place])
    assert rows.size.sum() == sums.size.sum()


def same_ratio_check(found: ActionSums, data, cycle: np.ndarray) -> None:
    worst = 1.0
    for drawn, p in ((data.drew_action, data.p_action), (data.drew_none, data.p_none)):
        total = np.zeros(1)
        for c in np.unique(cycle):
            total = total + tilted_log_likelihoods(drawn[cycle == c], p[cycle == c])
            worst = min(worst, 2.0 * p_value(mixture_log_e(total)))
    close(ratio_check(found.cycles).p_value, worst)


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_parts_by_stage_and_cycle_are_those_from_rows(history, seed):
    observations, scored = world(seed)
    words = np.random.default_rng(seed).choice(["new", "active", "lost"], observations.num_rows)
    observations = observations.append_column("state", pa.array([f"{word}|0 contacts" for word in words]))
    log = LoopLog.of(scored, observations.set_column(7, "segment", pa.array(words)))
    found = break_down(ScoredLog.of(history, observations, scores=scored, by_stage=True), ["mail", "post"], 0.95)
    refused = [refusal.what for refusal in found.refusals]
    for action in ("mail", "post"):
        shown = any(row.action == action for row in found.by_stage)
        assert shown != (f"effect of {action} by stage and over time" in refused)
    for row in found.over_time:
        data = log.action(row.action)
        inside = log.cycle[data.place] == row.part
        mean = mean_by_group(data.score[inside], log.unit[data.place][inside])
        compared = inside & (data.drew_action | data.drew_none)
        residual = log.outcome[data.place] - np.where(data.drew_action, data.mu_action, data.mu_none)
        least = residual_floor((residual**2)[compared], data.p_action[compared], data.p_none[compared]) / inside.sum()
        close([row.mean, row.se], [mean.mean, max(mean.se, least**0.5)])
        assert row.n == (inside & data.drew_action).sum()
    for row in found.by_stage:
        data = log.action(row.action)
        stage = np.array(log.segment_names)[log.segment[data.place]]
        assert row.n == (data.drew_action & (stage == row.part)).sum()
    for trend in found.trends:
        data = log.action(trend.action)
        shown = [row.part for row in found.over_time if row.action == trend.action]
        kept = np.isin(log.cycle[data.place], shown)
        cycle, unit = log.cycle[data.place][kept].astype(float), log.unit[data.place][kept]
        line = clustered_line(cycle, data.score[kept], np.ones(kept.sum()), unit)
        close([trend.slope, trend.lower, trend.upper], [line.slope, *line.interval(0.95)])
        close([trend.first, trend.newest], [line.intercept + line.slope * c for c in (1, 3)])


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_sums_are_the_same_bits_in_any_order_and_on_any_number_of_threads(seed):
    observations, scored = world(seed)
    shuffled = scored.take(pa.array(np.random.default_rng(seed).permutation(scored.num_rows)))
    one = effect_sums(ScoredLog.of(MemoryHistory(threads=1), observations, scores=scored))
    other = effect_sums(ScoredLog.of(MemoryHistory(threads=4), observations, scores=shuffled))
    for action in one:
        assert one[action].units == other[action].units
        for name in ("score", "squares", "residual", "tilt_action"):
            assert np.array_equal(getattr(one[action].cycles, name), getattr(other[action].cycles, name))
        assert np.array_equal(one[action].segments.features, other[action].segments.features)


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_the_sums_of_a_cycle_are_those_of_its_own_rows(history, seed):
    observations, scored = world(seed)
    whole = effect_sums(ScoredLog.of(history, observations, scores=scored))
    alone = effect_sums(ScoredLog.of(history, observations, scores=scored.filter(pc.equal(scored["cycle"], 2))))
    without = effect_sums(ScoredLog.of(history, observations, scores=scored, late=[1, 3]))
    for action, found in alone.items():
        assert found.cycles.cycle.tolist() == [2]
        inside = whole[action].cycles.cycle == 2
        assert np.array_equal(found.cycles.squares, whole[action].cycles.squares[inside])
        assert np.array_equal(found.cycles.squares, without[action].cycles.squares)
