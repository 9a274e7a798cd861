from __future__ import annotations

import numpy as np
import pytest

from alamo.numerics.box_qp import minimise_box_quadratic


def kkt_violation(hessian, gradient, lower, upper, step):
    slope = gradient + hessian @ step
    at_lower, at_upper = step <= lower + 1e-12, step >= upper - 1e-12
    wrong = np.abs(slope)
    wrong = np.where(at_lower, np.maximum(-slope, 0), wrong)
    wrong = np.where(at_upper, np.maximum(slope, 0), wrong)
    return wrong.max()


@pytest.mark.parametrize("rank", [1, 3, 8])
@pytest.mark.parametrize("seed", range(5))
def test_the_step_meets_the_optimality_conditions_even_for_a_singular_hessian(rank, seed):
    rng = np.random.default_rng(seed)
    factor = rng.normal(size=(8, rank))
    hessian = factor @ factor.T
    gradient = hessian @ rng.normal(size=8)
    lower, upper = -rng.exponential(1.0, 8), rng.exponential(1.0, 8)
    step = minimise_box_quadratic(hessian, gradient, lower, upper)
    assert (step >= lower).all()
    assert (step <= upper).all()
    assert kkt_violation(hessian, gradient, lower, upper, step) < 1e-6 * np.abs(gradient).max()
    assert gradient @ step + 0.5 * step @ hessian @ step <= 0


def test_without_upper_bounds_only_the_lower_ones_hold():
    step = minimise_box_quadratic(np.diag([1.0, 1.0]), np.array([-5.0, 5.0]), np.array([-1.0, -1.0]))
    np.testing.assert_allclose(step, [5.0, -1.0], atol=1e-9)


def test_no_variables_give_no_step():
    assert minimise_box_quadratic(np.zeros((0, 0)), np.zeros(0), np.zeros(0)).shape == (0,)
