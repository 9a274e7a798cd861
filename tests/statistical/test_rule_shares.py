"""Observed shares match the logged propensities: chi-square over a million draws, with limits loose and tight."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2, norm
from tests.unit.steering.worlds import RULE, five_rows, market, tables

from alamo.steering.limits import affordable
from alamo.steering.rule import BlockTerms, decide

N, K, DRAWS = 100_000, 5, 10
BINS = 20
SIGNIFICANCE = 1e-3


@pytest.mark.statistical
@pytest.mark.parametrize("tight", [1e6, 0.5])
def test_observed_shares_match_the_logged_propensities_over_a_million_draws(tight):
    """Σ over bins of ((observed − Σp)² / Σp(1−p)) is χ²; stops make draws a martingale, which leaves that unchanged."""
    cells = market(N, K, seed=2)
    limits = tables(five_rows(N, K, tight=tight), K)
    cells = cells.keep(affordable(cells, limits))
    observed, expected, variance = (np.zeros((K + 1, BINS)) for _ in range(3))
    stopped = 0
    for salt in range(DRAWS):
        terms = BlockTerms(np.zeros(limits.m), limits.bound.copy(), RULE, f"draw-{salt}")
        drawn = decide(cells, limits, terms)
        hit = np.zeros(cells.n_cells)
        hit[drawn.choice[drawn.choice >= 0]] = 1.0
        stopped += int((drawn.p == 0).sum())
        for a in range(K):
            mine = cells.action == a
            _add(observed[a], expected[a], variance[a], hit[mine], drawn.p[mine])
        _add(observed[K], expected[K], variance[K], (drawn.choice < 0).astype(float), drawn.p_none)
    assert (stopped > 0) == (tight < 1)
    used = variance > 5
    z = np.where(used, observed - expected, 0) / np.sqrt(np.where(used, variance, 1))
    statistic, degrees = (z**2).sum(axis=1), used.sum(axis=1)
    level = SIGNIFICANCE / (K + 1)
    assert (statistic <= chi2.ppf(1 - level, degrees)).all(), statistic / degrees
    total = (observed - expected).sum(axis=1) / np.sqrt(variance.sum(axis=1))
    assert (np.abs(total) <= norm.ppf(1 - level / 2)).all()


def _add(observed, expected, variance, hit, p):
    bin_of = np.minimum((p * BINS).astype(int), BINS - 1)
    observed += np.bincount(bin_of, hit, BINS)
    expected += np.bincount(bin_of, p, BINS)
    variance += np.bincount(bin_of, p * (1 - p), BINS)
