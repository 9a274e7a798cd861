"""Segments found from effects promise what they keep: on other units, and nothing where nothing is."""

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.inference.test_experiment_found import analyzed, trial

pytestmark = pytest.mark.statistical


def test_nothing_is_found_where_effects_do_not_differ() -> None:
    """With P(found) = .05 more than 6 of 40 have probability .004."""
    assert sum(len(analyzed(trial(1500, seed, 0.0)).rows) > 1 for seed in range(40)) <= 6


def test_intervals_of_found_segments_hold_the_truth() -> None:
    """The truth of a segment is ±effect as its cuts say; 95 % intervals over 12 worlds, two or more segments each."""
    held = []
    for seed in range(12):
        for row in analyzed(trial(5000, 50 + seed, 0.4)).rows:
            if row.segment is not None and row.segment in ("visits > 4", "visits ≤ 4"):
                truth = 0.4 if row.segment == "visits > 4" else -0.4
                held.append(row.lower <= truth <= row.upper)
    assert len(held) >= 12
    assert np.mean(held) >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / len(held))
