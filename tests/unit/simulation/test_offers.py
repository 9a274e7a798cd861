from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from alamo.inference.loop_rows import LoopLog
from alamo.simulation.offers import MOST_GROUPS, WELL_FILLED, Offers, merged_tiers

SEGMENTS = tuple(
    f"{value} · {recency} · few categories"
    for value in ("low value", "middle value", "high value")
    for recency in ("recent", "cooling", "lapsing")
)
AT = datetime(2026, 1, 5, tzinfo=UTC)


def log(effect, n=18_000, seed=1, noise=10.0, segments=SEGMENTS, drop=()):
    """A log of one cycle: `a` with probability .4 changes the outcome by effect[segment], `b` changes nothing."""
    rng = np.random.default_rng(seed)
    segment = rng.integers(0, len(segments), n)
    names, p = np.array(["none", "a", "b"]), np.array([0.4, 0.4, 0.2])
    drawn = rng.choice(3, n, p=p)
    mu = np.column_stack([np.zeros(n), np.asarray(effect)[segment], np.zeros(n)])
    outcome = mu[np.arange(n), drawn] + noise * rng.standard_t(3, n)
    gamma = np.zeros((n, 3))
    gamma[np.arange(n), drawn] = outcome / p[drawn]
    ids = [f"d{i:06d}" for i in range(n)]
    observations = pa.table(
        {
            "decision_id": ids,
            "unit_id": ids,
            "cycle": np.ones(n, dtype=np.int64),
            "decided_at": pa.array([AT] * n, pa.timestamp("us", tz="UTC")),
            "action_id": names[drawn],
            "orders_window": np.ones(n, dtype=np.int64),
            "outcome_money": outcome,
            "segment": np.array(segments)[segment],
        }
    )
    kept = [k for k in range(3) if names[k] not in drop]
    scores = pa.table(
        {
            "decision_id": np.repeat(ids, len(kept)),
            "action_id": np.tile(names[kept], n),
            "p": np.tile(p[kept], n),
            "mu_money": np.zeros(n * len(kept)),
            "gamma_money": gamma[:, kept].ravel(),
        }
    )
    return LoopLog.of(scores, observations)


def test_a_real_difference_between_groups_is_offered_to_the_right_ones():
    effect = np.repeat([-3.0, 0.0, 6.0], 3)
    offers = Offers.of(log(effect), ["a", "b"])
    found = offers.values(SEGMENTS)[:, 0]
    assert (found[effect > 0] > 2.0).all()
    assert (found[effect < 0] < 0.0).all()


def test_chance_differences_between_groups_are_drawn_towards_the_action_as_a_whole():
    market = log(np.full(9, 1.0), noise=20.0)
    offers = Offers.of(market, ["a", "b"])
    rows = market.action("a")
    raw = [rows.score[market.segment[rows.place] == code].mean() for code in range(9)]
    assert np.std(offers.by_group[:, 0]) < 0.5 * np.std(raw)
    assert offers.everybody[0] == pytest.approx(rows.score.mean())


def test_an_action_without_a_log_is_worth_nothing_to_anybody():
    offers = Offers.of(log(np.zeros(9), drop=("b",)), ["a", "b", "never"])
    assert np.isneginf(offers.everybody[1:]).all()
    assert np.isneginf(offers.by_group[:, 1:]).all()
    assert np.isfinite(offers.everybody[0])


def test_without_any_log_there_is_no_offer():
    assert np.isneginf(Offers.of(log(np.zeros(9), n=0), ["a", "b"]).values(["low value · recent · x"])).all()


def test_with_too_few_groups_or_an_unseen_segment_the_pooled_effect_stands():
    offers = Offers.of(log(np.array([4.0, -4.0]), segments=SEGMENTS[:2]), ["a", "b"])
    assert offers.values([*SEGMENTS[:2], "no purchase yet"])[:, 0] == pytest.approx(np.full(3, offers.everybody[0]))


def test_tiers_are_merged_until_groups_are_few_and_well_filled():
    sizes = {(v, r): 4_000 for v in range(3) for r in range(3)} | {(2, 2): 100, None: 90}
    groups = merged_tiers(sizes)
    assert set(groups) == set(sizes)
    assert len(set(groups.values())) <= MOST_GROUPS
    assert groups[(2, 2)] in (groups[(1, 2)], groups[(2, 1)])  # a neighbour, not just anybody
    assert sum(place == groups[None] for place in groups.values()) == 1
    filled = merged_tiers({(v, r): WELL_FILLED // 4 for v in range(3) for r in range(3)})
    counts = np.bincount(list(filled.values())) * (WELL_FILLED // 4)
    assert counts.min() >= WELL_FILLED
    assert merged_tiers({}) == {}
