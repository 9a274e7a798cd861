"""A loop of twenty waves on real covariates: what it learns with pays while it learns."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.hillstrom_worlds import email_world
from benchmarks.uplift_evidence import waves
from benchmarks.uplift_evidence.wave_loop import Learning

pytestmark = pytest.mark.statistical

SEED, FLOOR = 77, 0.005


def test_the_share_of_draws_won_is_that_of_two_normals():
    """By hand: of two equal arms around 0, none is best in a quarter of draws, each arm in three eighths."""
    normal = np.random.default_rng(0).normal(size=(20_000, 2))
    won = waves.best_share(np.zeros((1, 2)), np.ones((1, 2)), normal)[0]
    assert won == pytest.approx([0.25, 0.375, 0.375], abs=4 * np.sqrt(0.25 / 20_000))
    assert waves.best_share(np.array([[0.1, 0.2], [-1.0, -2.0]]), np.zeros((2, 2)), normal).tolist() == [
        [0.0, 0.0, 1.0],
        [1.0, 0.0, 0.0],
    ]


def test_waves_drawn_evenly_lose_what_an_even_draw_loses(test_data):
    real = email_world(test_data, "visit", "mixed", SEED)
    gain = np.column_stack([np.zeros(len(real.truth)), real.truth])
    even = 1000.0 * float((gain.max(axis=1) - gain.mean(axis=1)).mean())
    assert waves.play(real.probability, waves.uniform_explorer, 1.0 / 3.0, SEED) == pytest.approx(even)


def test_the_loops_own_model_loses_under_half_of_what_sampling_without_shrinkage_loses(test_data):
    real = email_world(test_data, "visit", "mixed", SEED)
    cell = np.unique(np.asarray(real.covariates["cell"]).astype(str), return_inverse=True)[1]
    alone = waves.play(real.probability, waves.segment_means(cell, int(cell.max()) + 1), FLOOR, SEED)
    learnt = waves.play(real.probability, Learning(real, (), f"w{SEED}", "greedy"), FLOOR, SEED)
    assert learnt < 0.5 * alone
