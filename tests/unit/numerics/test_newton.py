"""Trust-region Newton on functions whose minimum is known."""

from __future__ import annotations

import numpy as np
import pytest

from alamo.numerics.newton import minimise, on_plane


def rosenbrock(z):
    x, y = z
    value = (1 - x) ** 2 + 100 * (y - x**2) ** 2
    gradient = np.array([-2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)])
    hessian = np.array([[2 - 400 * (y - 3 * x**2), -400 * x], [-400 * x, 200.0]])
    return value, gradient, hessian


def double_well(z):
    """Minima at x = ±1; at x = 0 the gradient has no component along the direction of negative curvature."""
    x, y = z
    return (
        x**4 / 4 - x**2 / 2 + y**2 / 2 + y,
        np.array([x**3 - x, y + 1]),
        np.array([[3 * x**2 - 1, 0.0], [0.0, 1.0]]),
    )


def runaway(z):
    """Falls for ever towards z = ∞, as the likelihood of an unidentified parameter does."""
    tail = np.exp(-z[0])
    return tail, np.array([-tail]), np.array([[tail]])


def test_a_curved_valley_is_followed_to_its_minimum():
    result = minimise(rosenbrock, [-1.2, 1.0])
    assert result.converged
    np.testing.assert_allclose(result.parameters, [1.0, 1.0], atol=1e-9)
    assert result.iterations < 60


def test_a_quadratic_takes_one_step_inside_the_first_radius():
    curvature = np.array([[2.0, 0.5], [0.5, 1.0]])
    result = minimise(lambda z: (0.5 * z @ curvature @ z, curvature @ z, curvature), [0.7, -0.6])
    assert result.iterations == 1
    np.testing.assert_allclose(result.parameters, 0.0, atol=1e-12)


def test_a_saddle_is_left_along_negative_curvature():
    result = minimise(double_well, [0.0, 0.0])
    assert result.converged
    np.testing.assert_allclose(np.abs(result.parameters[0]), 1.0, atol=1e-8)
    np.testing.assert_allclose(result.parameters[1], -1.0, atol=1e-8)


def test_a_runaway_is_walked_until_it_is_flat():
    result = minimise(runaway, [0.0])
    assert result.converged
    assert result.parameters[0] > 18.0
    assert result.iterations < 60


def test_a_step_outside_the_domain_is_shortened():
    def logarithm(z):
        x = z[0]
        if x <= 0:
            return np.inf, np.zeros(1), np.eye(1)
        return x - np.log(x), np.array([1 - 1 / x]), np.array([[1 / x**2]])

    result = minimise(logarithm, [3.0])
    assert result.parameters[0] == pytest.approx(1.0, abs=1e-8)


def test_a_budget_of_iterations_that_is_spent_is_not_convergence():
    assert not minimise(rosenbrock, [-1.2, 1.0], max_iterations=3).converged


def test_no_parameters_give_the_value_itself():
    plane = on_plane(rosenbrock, np.array([1.0, 2.0]), np.zeros((2, 0)))
    result = minimise(plane, np.zeros(0))
    assert result.converged
    assert result.value == pytest.approx(100.0)


def test_a_plane_restricts_value_gradient_and_hessian():
    offset, directions = np.array([0.5, -0.2]), np.array([[1.0], [2.0]])
    value, gradient, hessian = on_plane(rosenbrock, offset, directions)(np.array([0.3]))
    full = rosenbrock(np.array([0.8, 0.4]))
    assert value == pytest.approx(full[0])
    np.testing.assert_allclose(gradient, [full[1] @ [1, 2]])
    np.testing.assert_allclose(hessian, [[np.array([1, 2]) @ full[2] @ [1, 2]]])
