"""Effects on the real e-mail file: intervals looked at after every row or account, and segments with known effects."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from benchmarks.evidence import draws, looks
from benchmarks.hillstrom_worlds import ARMS, FEATURES, email_world
from scipy.stats import binom

import alamo

pytestmark = pytest.mark.statistical

ROWS, FIRST_SEED = 20_000, 300
COMPARISONS = 33
"""Counts of misses compared with what is allowed: 12 cells of rows twice, 9 of accounts."""


def _allowed(replications: int) -> float:
    """Return the misses that a true .05 exceeds in one of 1,000 runs of all comparisons, by the binomial law."""
    return float(binom.isf(0.001 / COMPARISONS, replications, looks.ALPHA))


def _arms(test_data, outcome: str, effect: str):
    none, mail = draws.pools(test_data, outcome)
    return {"nil": (none, none), "helpful": (none, mail), "harmful": (mail, none)}[effect]


@pytest.mark.parametrize("draw", [draws.stream, draws.accounts])
@pytest.mark.parametrize("scheme", draws.SHARES)
def test_the_running_sums_followed_here_are_the_analysis(test_data, draw, scheme):
    rng = np.random.default_rng(1)
    stream = draw(*_arms(test_data, "visit", "helpful"), scheme, 30_000, rng)
    assert looks.follow(stream).shown[-1]
    for planned in (None, 4_000):
        looks.at_random(stream, rng, planned)


@pytest.mark.parametrize("effect", ["nil", "helpful", "harmful"])
@pytest.mark.parametrize("scheme", draws.SCHEMES)
def test_an_effect_looked_at_after_every_row_is_covered_where_rows_were_planned(test_data, scheme, effect, n_seeds):
    arms, runs = _arms(test_data, "visit", effect), 5 * n_seeds
    for planned in (ROWS, 2_000):
        unit, missed, shown = looks.units(planned, ROWS), 0, 0
        for seed in range(FIRST_SEED, FIRST_SEED + runs):
            stream = draws.stream(*arms, scheme, ROWS, np.random.default_rng(seed))
            seen = looks.follow(stream)
            shown += bool(seen.shown.any())
            missed += looks.missed(seen, unit, stream.truth)
        assert shown == runs
        assert missed <= _allowed(runs)


@pytest.mark.parametrize("effect", ["nil", "helpful", "harmful"])
@pytest.mark.parametrize("scheme", draws.SHARES)
def test_accounts_drawn_as_a_whole_are_covered_after_every_account(test_data, scheme, effect, n_seeds):
    arms, runs = _arms(test_data, "visit", effect), 5 * n_seeds
    unit, missed = looks.units(ROWS // 5, ROWS), 0
    for seed in range(FIRST_SEED, FIRST_SEED + runs):
        stream = draws.accounts(*arms, scheme, ROWS, np.random.default_rng(seed))
        missed += looks.missed(looks.follow(stream), unit, stream.truth)
    assert missed <= _allowed(runs)


@pytest.mark.parametrize(("outcome", "world"), [("visit", "mixed"), ("visit", "smooth"), ("conversion", "mixed")])
def test_segments_with_known_effects_are_covered(test_data, outcome, world, n_seeds):
    covered = []
    for seed in range(FIRST_SEED, FIRST_SEED + max(n_seeds // 4, 3)):
        real = email_world(test_data, outcome, world, seed)
        table = draws.with_bands(real.draw(seed))
        rows = np.sort(np.random.default_rng(seed).permutation(table.num_rows)[: table.num_rows // 2])
        names = {"action": "arm", "control": ARMS[0], "outcome": "outcome", "features": FEATURES}
        answer = alamo.estimate_effects(table.take(pa.array(rows)), segments=draws.SEGMENTS, level=0.9, **names)
        truth = draws.mean_effects(table, real.truth)
        hits = [
            (row.lower <= truth[row.segment][ARMS.index(row.action) - 1] <= row.upper, row.n + row.n_control)
            for row in answer.rows
            if row.segment is not None
        ]
        assert len(hits) > 100
        covered.append(np.average([hit for hit, _ in hits], weights=[size for _, size in hits]))
    # nominal .90, to reach .87; cells of one draw share their prior, so the spread over draws sets the slack
    assert np.mean(covered) >= 0.87 - 2.0 * np.std(covered, ddof=1) / np.sqrt(len(covered))
