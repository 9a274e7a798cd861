"""Agreement of groupings: the published example, extremes, and labels matched by what they share."""

from __future__ import annotations

import numpy as np
import pytest

from alamo.numerics.agreement import adjusted_rand, matched, overlap


def test_a_table_worked_out_by_hand() -> None:
    a = np.array([0, 0, 0, 1, 1, 1])
    b = np.array([0, 0, 1, 1, 2, 2])
    together, in_a, in_b, every = 2, 6, 3, 15  # pairs: in both, in a, in b, of all
    expected = in_a * in_b / every
    assert adjusted_rand(a, b) == pytest.approx((together - expected) / ((in_a + in_b) / 2 - expected))


def test_renumbered_labels_agree_and_chance_does_not() -> None:
    rng = np.random.default_rng(1)
    a = rng.integers(0, 5, 4000)
    assert adjusted_rand(a, (a + 2) % 5) == 1.0
    assert abs(adjusted_rand(a, rng.integers(0, 5, 4000))) < 0.01
    assert adjusted_rand(np.zeros(4), np.ones(4)) == 1.0
    assert adjusted_rand(np.arange(4), np.arange(4)[::-1]) == 1.0
    with pytest.raises(ValueError, match="not of the same rows"):
        adjusted_rand(a, a[:5])


def test_labels_are_matched_by_overlap_and_only_where_most_is_shared() -> None:
    a = np.array(["x"] * 10 + ["y"] * 10 + ["z"] * 4)
    b = np.array(["2"] * 10 + ["1"] * 9 + ["3"] * 5)
    shared = overlap(a, b)
    assert shared.sum() == 24
    assert matched(shared).tolist() == [1, 0, 2]
    assert matched(shared, least=0.95).tolist() == [1, -1, -1]
    assert matched(np.zeros((2, 0))).tolist() == [-1, -1]
