from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from alamo.numerics.small_assignment import assign_exactly


@pytest.mark.parametrize("seed", range(8))
def test_it_equals_the_best_of_all_plans(seed):
    rng = np.random.default_rng(seed)
    n, k = 5, 2
    unit = np.repeat(np.arange(n), k)
    value = rng.normal(1, 2, n * k)
    uses = np.stack([rng.integers(1, 4, n * k), -np.tile([1, 0], n)]).astype(float)
    bound = np.array([6.0, -2.0])
    best = -np.inf
    for plan in product([-1, 0, 1], repeat=n):
        cells = np.array([i * k + a for i, a in enumerate(plan) if a >= 0], dtype=int)
        if (uses[:, cells].sum(axis=1) <= bound).all():
            best = max(best, value[cells].sum())
    found = assign_exactly(value, unit, uses, bound)
    if np.isinf(best):
        assert found is None
    else:
        assert len(set(unit[found])) == len(found)
        assert (uses[:, found].sum(axis=1) <= bound + 1e-9).all()
        assert value[found].sum() == pytest.approx(best)


def test_without_cells_only_bounds_that_nobody_meets_are_met():
    none = np.zeros(0, dtype=np.int64)
    assert assign_exactly(np.zeros(0), none, np.zeros((1, 0)), np.array([1.0])).size == 0
    assert assign_exactly(np.zeros(0), none, np.zeros((1, 0)), np.array([-1.0])) is None
