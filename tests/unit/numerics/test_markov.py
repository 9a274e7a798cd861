"""Sizes ahead: chances add up, nobody is lost, families lend to the rare, and the middle is the middle."""

from __future__ import annotations

import numpy as np
import pytest

from alamo.numerics.markov import PRIOR, Moves, draw_sizes, expected_sizes, transition_chances

COUNTS = np.array([[[30.0, 10.0, 0.0], [5.0, 40.0, 5.0], [0.0, 0.0, 0.0]]])
NOBODY = np.zeros((1, 3))


def moves(joined: np.ndarray = NOBODY) -> Moves:
    return Moves(COUNTS, joined, np.array([0, 0, 1]))


def test_chances_are_counts_and_a_little_of_the_family() -> None:
    chance = transition_chances(COUNTS[0], np.array([0, 1, 2]))
    assert chance.sum(axis=1) == pytest.approx(1.0)
    assert chance[0] == pytest.approx([0.75, 0.25, 0.0])  # alone in its family: its own counts
    assert chance[2].tolist() == [0.0, 0.0, PRIOR / PRIOR]  # nobody was there yet: who comes stays
    lent = transition_chances(COUNTS[0], np.array([0, 0, 0]))
    assert lent[2] == pytest.approx(COUNTS[0].sum(axis=0) / COUNTS.sum())


def test_nobody_is_lost_and_newcomers_come_in_the_share_of_the_weight() -> None:
    rng = np.random.default_rng(0)
    start = np.array([100.0, 50.0, 10.0])
    sizes = draw_sizes(start, moves(), rng.random(50), rng)
    assert (sizes.sum(axis=1) == 160).all()
    assert (draw_sizes(start, moves(np.full((1, 3), 20.0)), np.zeros(5), rng) == start).all()
    more = draw_sizes(start, moves(np.full((1, 3), 20.0)), np.ones(400), rng).sum(axis=1).mean()
    se = np.sqrt(2 * 60 / 400)  # gamma and Poisson: the variance is twice the mean
    assert more == pytest.approx(160 + 60, abs=4 * se)


def test_draws_lie_about_what_is_expected() -> None:
    rng = np.random.default_rng(1)
    start = np.array([200.0, 100.0, 0.0])
    sizes = draw_sizes(start, moves(), np.full(2000, 0.5), rng)
    family = (
        0.5 * PRIOR / (40 + PRIOR) * (start @ np.abs(COUNTS[0] / [[40.0], [50.0], [1.0]] - COUNTS[0].sum(0) / 90.0))
    )
    se = sizes.std(axis=0) / np.sqrt(2000)  # the draws lean to the span they draw, so they carry less of the family
    assert (np.abs(sizes.mean(axis=0) - expected_sizes(start, moves())) <= 4 * se + family).all()


def test_without_a_past_there_is_no_forecast() -> None:
    none = Moves(np.zeros((0, 2, 2)), np.zeros((0, 2)), np.zeros(2, np.int64))
    with pytest.raises(ValueError, match="without a past span"):
        draw_sizes(np.ones(2), none, np.ones(3), np.random.default_rng(0))
