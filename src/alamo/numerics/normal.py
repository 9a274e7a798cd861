"""The normal distribution: quantiles and p-values."""

from __future__ import annotations

from scipy.special import ndtr, ndtri


def z_value(level: float) -> float:
    """Return the two-sided normal quantile of `level` (1.96 at .95)."""
    return float(ndtri(0.5 + 0.5 * level))


def two_sided_p(z: float) -> float:
    """Return the probability of a standard normal at least as far from 0 as `z`."""
    return float(2.0 * ndtr(-abs(z)))
