"""Many tests at once: p-values that stay right although several things were looked at."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def holm(p_values: Floats) -> Floats:
    """Return p-values adjusted for their number, shape (k,): rejecting those below α errs anywhere with chance ≤ α.

    Parameters
    ----------
    p_values
        Of k tests, in any dependence, in [0, 1], shape (k,).

    Source: Holm (1979), "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics
    6(2), §2.

    Examples
    --------
    >>> holm(np.array([0.01, 0.04, 0.03])).tolist()
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values, kind="stable")
    steps = p_values[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def benjamini_hochberg(p_values: Floats) -> Floats:
    """Return the adjusted p-values, shape (m,): declaring those ≤ q bounds the expected share of false findings by q.

    Notes
    -----
    Holds under independence and positive dependence, such as arms that share a control. Step-up: with
    sorted p_(1) ≤ … ≤ p_(m), the adjusted p_(i) is the least p_(j)·m/j over j ≥ i, at most 1.

    Source: Benjamini & Hochberg (1995), "Controlling the false discovery rate", JRSS B 57(1), §2–3; Benjamini &
    Yekutieli (2001), Annals of Statistics 29(4), Theorem 1.2.

    Raises
    ------
    ValueError
        If a p-value is not in [0, 1].
    """
    p = np.asarray(p_values, dtype=np.float64)
    if not ((p >= 0.0) & (p <= 1.0)).all():
        raise ValueError("p-values lie between 0 and 1")
    order = np.argsort(p, kind="stable")
    raw = p[order] * len(p) / np.arange(1, len(p) + 1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.minimum.accumulate(raw[::-1])[::-1], 1.0)
    return adjusted
