from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from alamo.numerics.cell_sums import CellSums
from alamo.numerics.doubly_robust import variance_by_cell


def _scatter(values: np.ndarray) -> float:
    """Return Σ(x − x̄)² in exact arithmetic."""
    exact = [Fraction(float(v)) for v in values]
    mean = sum(exact) / len(exact)
    return float(sum((v - mean) ** 2 for v in exact))


def test_the_sums_of_a_cell_are_those_of_its_numbers():
    values, cell = np.array([1.0, 0.0, 5.0, 2.0, 0.0]), np.array([0, 0, 0, 2, 2])
    sums = CellSums.of(values, cell, 4)
    assert sums.n.tolist() == [3, 0, 2, 0]
    assert sums.mean.tolist() == [2, 0, 1, 0]
    assert sums.scatter == pytest.approx([14, 0, 2, 0])
    assert sums.nonzero.tolist() == [2, 0, 1, 0]
    assert sums.least.tolist() == [0, np.inf, 0, np.inf]
    assert sums.most.tolist() == [5, -np.inf, 2, -np.inf]


def test_cents_on_a_million_survive_any_number_of_merges():
    rng = np.random.default_rng(1)
    values = np.round(1e6 + rng.choice([-0.01, 0.0, 0.01], 20_000), 2)
    day, arm = rng.integers(0, 50, 20_000), rng.integers(0, 2, 20_000)
    parts = [CellSums.of(values[day == d], arm[day == d], 2) for d in range(50)]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    exact = [_scatter(values[arm == a]) for a in (0, 1)]
    assert total.scatter == pytest.approx(exact, rel=1e-9)
    naive = [float((values[arm == a] ** 2).sum() - values[arm == a].sum() ** 2 / (arm == a).sum()) for a in (0, 1)]
    assert max(abs(n / e - 1.0) for n, e in zip(naive, exact, strict=True)) > 1e-3  # what raw sums would have lost


def test_grouping_cells_is_counting_their_rows_together():
    rng = np.random.default_rng(2)
    values, cell = rng.exponential(10.0, 500), rng.integers(0, 12, 500)
    group = np.arange(12) % 5
    merged, direct = CellSums.of(values, cell, 12).grouped(group, 5), CellSums.of(values, group[cell], 5)
    for name in ("n", "mean", "scatter", "nonzero", "least", "most"):
        assert getattr(merged, name) == pytest.approx(getattr(direct, name), rel=1e-12)


def test_sums_of_other_cells_do_not_add():
    one = CellSums.of(np.ones(2), np.array([0, 1]), 2)
    with pytest.raises(ValueError, match="2 and of 3 cells"):
        _ = one + CellSums.of(np.ones(2), np.array([0, 1]), 3)


def test_the_variance_of_a_cell_is_its_own_once_it_has_shown_outcomes_and_else_that_of_all():
    n, nonzero = np.array([100.0, 100.0, 100_000.0]), np.array([0.0, 3.0, 2001.0])
    squares = np.array([0.0, 30.0, 2000.0])  # of all: 2,030 in 100,200 rows, 20 outcomes come from 1,000 of them
    found = variance_by_cell(squares, n, nonzero)
    overall = 2030.0 / 100_200.0
    assert found == pytest.approx((squares + 1000.0 * overall) / (n + 1000.0))
    assert found[0] > 0.9 * overall
    assert found[2] == pytest.approx(0.02, rel=0.001)


def test_without_any_outcome_cells_keep_a_variance():
    assert (variance_by_cell(np.array([1.0, 0.0]), np.array([5.0, 5.0]), np.zeros(2)) > 0.0).all()
