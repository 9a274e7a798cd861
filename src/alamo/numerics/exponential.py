"""The exponential function of non-positive numbers, the same bits on every machine.

The C library's `exp` differs between platforms in the last bit, and a vectorised one between a batch and a single row.
Propensities have to be replayed bit for bit, so the rule brings its own, out of multiplications and additions only.
"""

from __future__ import annotations

import math

import numpy as np

from alamo.numerics.compiled import compiled

_SMALLEST = -700.0
_PER_LN2 = 1.4426950408889634
_LN2_HIGH = 0.693147180369123816490  # 33 significant bits, so that a small integer times it is exact
_LN2_LOW = 1.90821492927058770002e-10
_HALVINGS = np.ldexp(1.0, -np.arange(1024))
_C2, _C3, _C4, _C5, _C6, _C7 = (1.0 / math.factorial(k) for k in range(2, 8))
_C8, _C9, _C10, _C11, _C12, _C13 = (1.0 / math.factorial(k) for k in range(8, 14))


@compiled
def exp_nonpositive(x: float) -> float:
    """Return eˣ for x ≤ 0 with a relative error below 3·10⁻¹⁶; 0 below −700.

    Source: Cody & Waite (1980), Software Manual for the Elementary Functions, ch. 6 (reduction); Taylor's polynomial of
    degree 13 on |r| ≤ ln 2 / 2, whose remainder is 4·10⁻¹⁸.
    """
    if x < _SMALLEST:
        return 0.0
    k = math.floor(x * _PER_LN2 + 0.5)
    r = (x - k * _LN2_HIGH) - k * _LN2_LOW
    s = r * r
    even = s * (_C2 + s * (_C4 + s * (_C6 + s * (_C8 + s * (_C10 + s * _C12)))))
    odd = s * (_C3 + s * (_C5 + s * (_C7 + s * (_C9 + s * (_C11 + s * _C13)))))
    return (1.0 + (r + (even + r * odd))) * _HALVINGS[-int(k)]
