"""A small convex quadratic programme with bounds: the step of every price update."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from alamo.numerics.compiled import compiled

Floats = npt.NDArray[np.float64]

_TINY = 1e-300
_ROUNDS = 40
_SWEEPS = 10


def minimise_box_quadratic(hessian: Floats, gradient: Floats, lower: Floats, upper: Floats | None = None) -> Floats:
    """Return d that minimises g·d + ½ d'Hd subject to lower ≤ d ≤ upper.

    Coordinate sweeps find the active set, a Newton step on the free set finishes; repeated until a sweep gains nothing.
    Survives singular H, where general bounded least squares returned steps of the wrong sign.

    Parameters
    ----------
    hessian
        Symmetric, positive semidefinite, shape (m, m).
    gradient, lower, upper
        Shape (m,); lower ≤ 0 ≤ upper. `upper` None means unbounded.

    Source: Bertsekas (1982), "Projected Newton methods", SIAM J. Control Optim. 20(2), for the two-step scheme.
    """
    high = np.full(len(gradient), 1e30) if upper is None else upper
    step = np.clip(np.zeros(len(gradient)), lower, high)
    for _ in range(_ROUNDS if len(gradient) else 0):
        drop = _sweep(hessian, gradient, lower, high, step)
        total = -(gradient @ step + 0.5 * step @ hessian @ step)
        shortened = _newton_on_free(hessian, gradient, (lower, high), step)
        if not shortened and drop <= 1e-9 * total:
            break
    return step


@compiled
def _sweep(hessian: Floats, gradient: Floats, lower: Floats, upper: Floats, step: Floats) -> float:
    """Minimise over one coordinate after another, in place; return what the last sweep gained."""
    slope = gradient + hessian @ step
    drop = 0.0
    for _ in range(_SWEEPS):
        drop = 0.0
        for j in range(gradient.size):
            curvature = hessian[j, j] + _TINY
            move = min(max(step[j] - slope[j] / curvature, lower[j]), upper[j]) - step[j]
            if move != 0.0:
                drop -= move * (slope[j] + 0.5 * curvature * move)
                slope += move * hessian[j]
                step[j] += move
    return drop


def _newton_on_free(hessian: Floats, gradient: Floats, bounds: tuple[Floats, Floats], step: Floats) -> bool:
    """Take a Newton step on the coordinates off their bounds, in place; say whether a bound cut it short."""
    lower, upper = bounds
    free = np.flatnonzero((step > lower) & (step < upper))
    if not len(free):
        return False
    slope = (gradient + hessian @ step)[free]
    scale = 1.0 / np.sqrt(np.maximum(np.diag(hessian)[free], 0.0) + _TINY)  # rounding may leave it below zero
    matrix = hessian[np.ix_(free, free)] * scale[:, None] * scale + 1e-10 * np.eye(len(free))
    move = -scale * np.linalg.solve(matrix, slope * scale)
    with np.errstate(divide="ignore", invalid="ignore"):
        room = np.where(move < 0, lower[free] - step[free], upper[free] - step[free])
        reach = np.where(move != 0, room / move, np.inf)
    length = min(1.0, float(reach.min()))
    step[free] = np.clip(step[free] + length * move, lower[free], upper[free])
    return length < 1.0
