"""Expectations over the dropout probability p ~ Beta(a, b), at any a and b > 0.

The trapezoidal rule in v = logit(p) converges geometrically here, because densities of the Beta family and the
integrands of purchase forecasts are analytic in the strip |Im v| < π/2 (Trefethen & Weideman 2014, "The exponentially
convergent trapezoidal rule", SIAM Review 56(3), theorem 5.1). Unlike the closed form with 2F1 it has no singularity at
a = 1 and does not overflow for many purchases or long horizons.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import betaln, expit, polygamma, psi

Floats = npt.NDArray[np.float64]

_STEP = 0.36  # in logit(p): error about exp(-π²/0.36) = 1e-12, times a power of 2π/0.36
_STEP_PER_SD = 0.7  # for densities narrower than the strip: error exp(-2π²/0.7²) = 3e-18
_TAIL = 28.0  # tails are cut where they fall below exp(-28) of their scale
_SDS, _STEEP = 8.0, 20.0  # there a Beta's tail at 8 standard deviations is below exp(-8 sqrt(20)) = exp(-36)
_POINT_SD = 1e-4  # a narrower Beta is a point: the error is of the order of its variance


class DropoutNodes(NamedTuple):
    """Nodes p (m,) in [0, 1] with weights (m,) that add up to 1."""

    p: Floats
    weight: Floats


def dropout_nodes(a: float, b: float) -> DropoutNodes:
    """Return nodes and weights such that E f(p) ≈ Σ weight · f(p) for p ~ Beta(a, b).

    Assumes
    -------
    f is smooth at 0 and at 1: what lies beyond the outermost nodes is put on p = 0 and on p = 1.
    """
    sd = float(np.sqrt(polygamma(1, a) + polygamma(1, b)))
    if sd < _POINT_SD:
        return DropoutNodes(np.array([a / (a + b)]), np.ones(1))
    centre = float(psi(a) - psi(b))
    step = min(_STEP, _STEP_PER_SD * sd)
    # left of -log b the density times p falls like exp((a+1) v), right of log a times 1-p like exp(-(b+1) v);
    # where those slopes are steep, standard deviations are the tighter bound
    low, high = -np.log1p(b) - _TAIL / (a + 1.0), np.log1p(a) + _TAIL / (b + 1.0)
    low = max(low, centre - _SDS * sd) if a > _STEEP else low
    high = min(high, centre + _SDS * sd) if b > _STEEP else high
    v = np.arange(low, high + step, step)
    density = step * np.exp(a * v - (a + b) * np.logaddexp(0.0, v) - betaln(a, b))
    above = density[-1] * np.exp(-b * step) / -np.expm1(-b * step)
    below = max(0.0, 1.0 - float(density.sum()) - above)
    return DropoutNodes(np.concatenate([[0.0], expit(v), [1.0]]), np.concatenate([[below], density, [above]]))
