"""Sums of cells merge in any order and any grouping, and scale and shift with the numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alamo.numerics.cell_sums import CellSums

SEEDS = st.integers(0, 2**32 - 1)
LEVELS = st.sampled_from([0.0, 1.0, -3e3, 1e6])
FIELDS = ("n", "mean", "scatter", "nonzero", "least", "most")


def _check_same(one: CellSums, other: CellSums) -> None:
    for name in FIELDS:
        assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-12, abs=1e-300)


def _rows(seed: int, level: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 200))
    return level + rng.normal(size=n), rng.integers(0, 6, n), rng.integers(0, 5, n)


@given(SEEDS, LEVELS)
def test_days_merge_in_any_order_and_any_grouping(seed, level):
    values, cell, day = _rows(seed, level)
    parts = [CellSums.of(values[day == d], cell[day == d], 6) for d in range(5)]
    forward = parts[0] + parts[1] + parts[2] + parts[3] + parts[4]
    other = (parts[4] + parts[1]) + (parts[3] + (parts[0] + parts[2]))
    # the squares are of size 1 and carry the rounding of numbers of size `level`
    slack = 1e-12 * (1.0 + 1e-4 * abs(level))
    for name in FIELDS:
        tolerance = slack if name == "scatter" else 1e-12
        assert getattr(forward, name) == pytest.approx(getattr(other, name), rel=tolerance, abs=200 * slack)
    whole = CellSums.of(values, cell, 6)
    assert forward.scatter == pytest.approx(whole.scatter, rel=100 * slack, abs=200 * slack)
    assert forward.n.tolist() == whole.n.tolist()


@given(SEEDS)
def test_an_empty_part_changes_nothing(seed):
    values, cell, _ = _rows(seed, 5.0)
    sums = CellSums.of(values, cell, 6)
    _check_same(sums + CellSums.of(np.zeros(0), np.zeros(0, dtype=np.int64), 6), sums)


@given(SEEDS, st.floats(0.01, 100.0))
def test_scaling_the_numbers_scales_the_sums(seed, factor):
    values, cell, _ = _rows(seed, 1.0)
    one, scaled = CellSums.of(values, cell, 6), CellSums.of(factor * values, cell, 6)
    assert scaled.mean == pytest.approx(factor * one.mean)
    assert scaled.scatter == pytest.approx(factor**2 * one.scatter)


@given(SEEDS)
def test_the_order_of_rows_is_irrelevant(seed):
    values, cell, _ = _rows(seed, 1.0)
    order = np.random.default_rng(seed).permutation(len(values))
    _check_same(CellSums.of(values, cell, 6), CellSums.of(values[order], cell[order], 6))
