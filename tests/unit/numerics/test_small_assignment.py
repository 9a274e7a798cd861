from __future__ import annotations

import ctypes
import os
from itertools import product

import numpy as np
import pytest
from scipy.optimize import milp

from alamo.numerics import small_assignment
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


def test_what_the_solver_prints_does_not_reach_standard_output(monkeypatch, capfd):
    def noisy(*arguments, **options):
        ctypes.CDLL(None).puts(b"a line of the solver's own")
        return milp(*arguments, **options)

    monkeypatch.setattr(small_assignment, "milp", noisy)
    os.write(1, b"before\n")
    found = assign_exactly(np.ones(2), np.array([0, 1]), np.ones((1, 2)), np.ones(1))
    os.write(1, b"after\n")
    ctypes.CDLL(None).fflush(None)
    out, err = capfd.readouterr()
    assert len(found) == 1
    assert out == "before\nafter\n"
    assert err == "a line of the solver's own\n"
