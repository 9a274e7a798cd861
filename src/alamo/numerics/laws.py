"""Tails and quantiles of the chi-square, Student, F, binomial and Poisson laws, and ranks.

The bits are those of `scipy.stats` (the binomial tail to rounding). That package is never imported: with it every
command would take half a second more to start.

Source: the incomplete gamma and beta functions of `scipy.special` (Cephes, Moshier 1989; Boost).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import bdtrc, chdtrc, chdtri, fdtrc, fdtri, pdtr, stdtr, stdtrit

Floats = npt.NDArray[np.float64]


def chi_square_tail(x: float, freedom: float) -> float:
    """Return P(χ² > x)."""
    return float(chdtrc(freedom, x))


def chi_square_exceeded(p: float, freedom: float) -> float:
    """Return the value that χ² exceeds with probability `p`."""
    return float(chdtri(freedom, p))


def t_tail(t: float, freedom: float) -> float:
    """Return P(T > t) of Student's law."""
    return float(stdtr(freedom, -t))


def t_exceeded(p: float, freedom: float) -> float:
    """Return the value that Student's T exceeds with probability `p`."""
    return float(-stdtrit(freedom, p))


def f_tail(x: float, above: float, below: float) -> float:
    """Return P(F > x) with `above` and `below` degrees of freedom."""
    return float(fdtrc(above, below, x))


def f_exceeded(p: float, above: float, below: float) -> float:
    """Return the value that F exceeds with probability `p`."""
    return float(fdtri(above, below, 1.0 - p))


def binomial_tail(least: int, n: int, chance: float) -> float:
    """Return P(at least `least` of `n`)."""
    return 1.0 if least <= 0 else float(bdtrc(least - 1, n, chance))


def poisson_share(most: npt.ArrayLike, mean: npt.ArrayLike) -> Floats:
    """Return P(at most `most`) at each mean."""
    return np.asarray(pdtr(most, mean), dtype=np.float64)


def average_ranks(values: npt.NDArray[Any]) -> Floats:
    """Return the rank of each value, 1 for the least, shape (n,); equal values share the mean of their ranks."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Floats = (np.cumsum(counts) - 0.5 * (counts - 1.0))[place]
    return ranks
