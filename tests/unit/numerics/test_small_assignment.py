from __future__ import annotations

import ctypes
import os
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from threading import Event

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


def test_two_threads_that_solve_at_once_leave_standard_output_where_it_was(monkeypatch, capfd):
    first_is_in, second_is_in, first_is_done = Event(), Event(), Event()

    def slow(*arguments, **options):
        if len(arguments[0]) == 1:
            first_is_in.set()
            second_is_in.wait(0.5)  # which does not happen where the second waits for the first
        else:
            second_is_in.set()
            first_is_done.wait(60)
        return milp(*arguments, **options)

    def first():
        found = assign_exactly(np.ones(1), np.arange(1), np.ones((1, 1)), np.ones(1))
        first_is_done.set()
        return len(found)

    def second():
        first_is_in.wait(60)
        return len(assign_exactly(np.ones(2), np.arange(2), np.ones((1, 2)), np.ones(1)))

    monkeypatch.setattr(small_assignment, "milp", slow)
    with ThreadPoolExecutor(2) as pool:
        solved = [pool.submit(first), pool.submit(second)]
    assert [one.result() for one in solved] == [1, 1]
    os.write(1, b"an answer\n")
    assert capfd.readouterr().out == "an answer\n"


def test_without_standard_error_the_solver_runs_and_leaves_no_file_open(monkeypatch, capfd):
    def broken(source, target):
        if source == 2:
            raise OSError
        return replaced(source, target)

    replaced, before = os.dup2, os.dup(1)
    os.close(before)
    monkeypatch.setattr(os, "dup2", broken)
    found = assign_exactly(np.ones(2), np.array([0, 1]), np.ones((1, 2)), np.ones(1))
    after = os.dup(1)
    os.close(after)
    os.write(1, b"an answer\n")
    assert (len(found), after) == (1, before)
    assert capfd.readouterr().out == "an answer\n"
