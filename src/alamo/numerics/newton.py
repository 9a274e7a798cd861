"""Trust-region Newton for small smooth problems with analytic gradient and Hessian.

Made for likelihoods of a few parameters on the log scale. Such a likelihood may have an indefinite Hessian on the way,
and a long flat ridge where the data do not identify a parameter: the exact trust-region step handles the first, a
radius that grows while the quadratic model predicts well walks the second.

Source: Nocedal & Wright (2006), "Numerical Optimization", 2nd ed., ch. 4: algorithm 4.1 (radius) and section 4.3
(exact step from the eigenvalues of the Hessian, hard case included).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

Floats = npt.NDArray[np.float64]
Objective = Callable[[Floats], tuple[float, Floats, Floats]]
"""Maps parameters (k,) to value, gradient (k,) and Hessian (k, k)."""

_FIRST_RADIUS, _LARGEST_RADIUS, _SMALLEST_RADIUS = 1.5, 8.0, 1e-10
_ACCEPTED_RATIO = 1e-4
_ROUNDING = 1e-14  # relative decrease below which comparing two values of the objective says nothing


@dataclass(frozen=True, slots=True, eq=False)
class NewtonResult:
    """Where a minimisation ended.

    Attributes
    ----------
    parameters, gradient
        Shape (k,).
    hessian
        Shape (k, k).
    iterations
        Evaluations of the objective after the first.
    converged
        The gradient is within the tolerance, or no step can lower the value by more than its rounding error.
    """

    parameters: Floats
    value: float
    gradient: Floats
    hessian: Floats
    iterations: int
    converged: bool


def minimise(
    objective: Objective, start: npt.ArrayLike, *, tolerance: float = 1e-9, max_iterations: int = 200
) -> NewtonResult:
    """Minimise `objective` from `start`.

    Parameters
    ----------
    objective
        Value, gradient and Hessian; a value that is not finite is treated as too long a step.
    start
        Shape (k,); k = 0 gives the value itself. The objective must be finite there.
    tolerance
        Largest absolute gradient component at which to stop.
    """
    point = np.array(start, dtype=np.float64)
    value, gradient, hessian = objective(point)
    radius, iterations, done = _FIRST_RADIUS, 0, _flat(gradient, tolerance)
    while not done and iterations < max_iterations and radius > _SMALLEST_RADIUS:
        step, predicted = _trust_region_step(gradient, hessian, radius)
        new_value, new_gradient, new_hessian = objective(point + step)
        iterations += 1
        if predicted <= _ROUNDING * max(1.0, abs(value)):
            # values can no longer be compared: the step is kept if it flattens the gradient, and it is the last
            done = True
            accepted = bool(np.abs(new_gradient).max() < np.abs(gradient).max())
        else:
            ratio = (value - new_value) / predicted if np.isfinite(new_value) else -1.0
            radius = _next_radius(ratio, radius, float(np.linalg.norm(step)))
            accepted = ratio > _ACCEPTED_RATIO
        if accepted:
            point, value, gradient, hessian = point + step, new_value, new_gradient, new_hessian
            done = done or _flat(gradient, tolerance)
    return NewtonResult(point, float(value), gradient, hessian, iterations, done)


def on_plane(objective: Objective, offset: Floats, directions: Floats) -> Objective:
    """Return `objective` as a function of coordinates on the plane ``offset + directions @ z``.

    Parameters
    ----------
    offset
        Shape (k,).
    directions
        Shape (k, d), d ≤ k.
    """

    def restricted(z: Floats) -> tuple[float, Floats, Floats]:
        value, gradient, hessian = objective(offset + directions @ z)
        return value, directions.T @ gradient, directions.T @ hessian @ directions

    return restricted


def _flat(gradient: Floats, tolerance: float) -> bool:
    return gradient.size == 0 or bool(np.abs(gradient).max() <= tolerance)


def _next_radius(ratio: float, radius: float, length: float) -> float:
    if ratio < 0.25:
        return 0.25 * min(radius, length)
    if ratio > 0.75 and length > 0.99 * radius:
        return min(2.0 * radius, _LARGEST_RADIUS)
    return radius


def _trust_region_step(gradient: Floats, hessian: Floats, radius: float) -> tuple[Floats, float]:
    """Return the minimiser of the quadratic model within `radius`, and the decrease it predicts."""
    curvature, basis = np.linalg.eigh(hessian)
    slope = basis.T @ gradient
    step = _step_in_eigenbasis(slope, curvature, radius)
    predicted = -float(slope @ step + 0.5 * curvature @ step**2)
    return basis @ step, predicted


def _step_in_eigenbasis(slope: Floats, curvature: Floats, radius: float) -> Floats:
    """Solve ``(curvature + shift) step = -slope`` with the least shift ≥ 0 that keeps the step within `radius`."""
    scale = max(float(np.abs(curvature).max()), 1e-300)
    if curvature[0] > 1e-14 * scale:
        step: Floats = -slope / curvature
        if np.linalg.norm(step) <= radius:
            return step
    least = max(0.0, -float(curvature[0])) + 1e-12 * scale

    def excess(shift: float) -> float:
        return float(np.linalg.norm(slope / (curvature + shift))) - radius

    if excess(least) <= 0.0:  # the hard case: go on along the direction of least curvature to the boundary
        step = -slope / (curvature + least)
        step[0] -= np.copysign(np.sqrt(max(radius**2 - float(step @ step), 0.0)), slope[0])
        return step
    # the step is no longer than |slope| / (curvature[0] + shift): at `most` it is within the radius, rounding included
    most = 1.000001 * float(np.linalg.norm(slope)) / radius - float(curvature[0])
    shift = brentq(excess, least, max(most, 2.0 * least), rtol=1e-8)
    return -slope / (curvature + shift)
