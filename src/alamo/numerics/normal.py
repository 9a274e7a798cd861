"""The normal distribution's quantiles."""

from __future__ import annotations

from scipy.special import ndtri


def z_value(level: float) -> float:
    """Return the two-sided normal quantile of `level` (1.96 at .95)."""
    return float(ndtri(0.5 + 0.5 * level))
