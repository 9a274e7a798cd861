from __future__ import annotations

import math

import numpy as np

from alamo.numerics.compiled import compiled
from alamo.numerics.exponential import exp_nonpositive


@compiled
def _many(x: np.ndarray, out: np.ndarray) -> None:
    for i in range(x.size):
        out[i] = exp_nonpositive(x[i])


def test_the_relative_error_stays_below_three_rounding_errors():
    x = -np.concatenate([np.linspace(0, 2, 20_001), np.geomspace(1e-300, 700, 20_001)])
    got = np.array([exp_nonpositive(v) for v in x])
    assert np.abs(got / np.array([math.exp(v) for v in x]) - 1).max() < 3e-16


def test_it_is_exactly_one_at_zero_and_zero_far_below():
    assert exp_nonpositive(0.0) == 1.0
    assert exp_nonpositive(-700.5) == 0.0
    assert exp_nonpositive(-math.inf) == 0.0


def test_compiled_in_a_loop_it_gives_the_bits_of_plain_python():
    x = -np.random.default_rng(0).exponential(5.0, 20_000)
    out = np.empty(len(x))
    _many(x, out)
    plain = np.array([exp_nonpositive.py_func(float(v)) for v in x])
    assert out.tobytes() == plain.tobytes()


def test_it_never_falls_as_its_argument_rises_by_more_than_a_rounding_error():
    x = np.sort(-np.random.default_rng(1).exponential(3.0, 50_000))
    got = np.array([exp_nonpositive(v) for v in x])
    assert (got[1:] >= got[:-1] * (1 - 2.3e-16)).all()
