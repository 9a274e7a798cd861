"""One salted uniform number, compiled: the same bits as `alamo.numerics.hashing.uniforms`, for kernels.

Source: Steele, Lea & Flood (2014), "Fast splittable pseudorandom number generators", OOPSLA, fig. 16 (variant 13).
"""

from __future__ import annotations

import numpy as np

from alamo.numerics.compiled import compiled

_GOLDEN, _FIRST, _SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_30, _27, _31, _11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_TWO_53 = float(2**53)


@compiled
def uniform_of(key: np.uint64, salt: np.uint64) -> float:
    """Return the number in [0, 1) that `key` draws under the salt's key, on a grid of 2⁻⁵³."""
    z = (key ^ salt) + _GOLDEN
    z = (z ^ (z >> _30)) * _FIRST
    z = (z ^ (z >> _27)) * _SECOND
    return float((z ^ (z >> _31)) >> _11) / _TWO_53
