"""Sequential sample-ratio checks: do the arms drawn agree with the probabilities that were logged?

Each check is an e-value, a likelihood ratio whose expectation is at most 1 when the ratio is as designed, so it may be
looked at after every row: a mismatch at level α when the e-value reaches 1/α.

Source: Lindon & Malek (2022), "Anytime-valid inference for multinomial count data", NeurIPS.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

MISMATCH = 0.01
"""Level at which a sample-ratio mismatch is declared."""

_CONCENTRATION = 1000.0
_TILTS = np.concatenate([-np.geomspace(0.01, 1.0, 8)[::-1], np.geomspace(0.01, 1.0, 8)])
TILT_FACTORS = tuple(math.expm1(tilt) for tilt in _TILTS)
"""e^λ − 1 of each tilt λ: a row's expected likelihood is 1 + p·(e^λ − 1)."""


def multinomial_log_e(counts: Floats, shares: Floats) -> Floats:
    """Return the log e-value of a mismatch between counts (…, k) and constant design shares (k,), shape (…).

    Notes
    -----
    E = Γ(c)/Γ(c+n) · Π Γ(cθ_a + n_a)/Γ(cθ_a) · Π θ_a^(−n_a) with c = 1,000. Periods of constant shares multiply:
    add their log e-values.

    Raises
    ------
    ValueError
        If a share is not positive or they do not add up to one.
    """
    share = np.asarray(shares, dtype=np.float64)
    if (share <= 0.0).any() or not math.isclose(float(share.sum()), 1.0, abs_tol=1e-9):
        raise ValueError("design shares must be positive and add up to one")
    n, prior = np.asarray(counts, dtype=np.float64), _CONCENTRATION * share
    total = n.sum(axis=-1)
    arms = gammaln(prior + n) - gammaln(prior) - n * np.log(share)
    log_e: Floats = gammaln(prior.sum()) - gammaln(prior.sum() + total) + arms.sum(axis=-1)
    return log_e


def tilted_log_likelihoods(drawn: Bools, p: Floats) -> Floats:
    """Return Σ log of the likelihood ratio of a tilted arm for each tilt λ of a fixed grid, shape (16,).

    For logged probabilities that change from row to row: with 1{A=a} ~ Bernoulli(p), each factor
    exp(λ·1{A=a}) / (1 − p + p·e^λ) has expectation one, so products over rows are nonnegative martingales for every λ.
    Sums over disjoint sets of rows add; `mixture_log_e` turns them into one e-value.

    Parameters
    ----------
    drawn
        Whether the arm was drawn, shape (n,).
    p
        Its logged probability, shape (n,).
    """
    expected = np.array([np.log1p(p * factor).sum() for factor in TILT_FACTORS])
    return tilted_from_sums(float(np.count_nonzero(drawn)), expected)


def tilted_from_sums(drawn: float | Floats, expected: Floats) -> Floats:
    """Return the same from the number of rows that drew the arm and Σ log(1 + p·(e^λ − 1)) of each tilt, shape (…, 16).

    Parameters
    ----------
    drawn
        Scalar, or shape (…, 1).
    expected
        Shape (…, 16).
    """
    return np.asarray(_TILTS * drawn - expected)


def mixture_log_e(log_likelihoods: Floats) -> Floats:
    """Return the log e-value of the uniform mixture over `tilted_log_likelihoods`, shape (…) from (…, 16)."""
    top = log_likelihoods.max(axis=-1, keepdims=True)
    log_e: Floats = top[..., 0] + np.log(np.exp(log_likelihoods - top).mean(axis=-1))
    return log_e


def p_value(log_e: float) -> float:
    """Return the always-valid p-value of the largest log e-value seen so far: min(1, 1/E)."""
    return math.exp(-max(log_e, 0.0))


def looked_at(log_e: Floats, tests: int) -> tuple[float, int | None]:
    """Return the smallest always-valid p-value of all looks, and the place of the first at which it was a mismatch.

    Parameters
    ----------
    log_e
        Log e-value at each look, the largest of as many `tests` (Bonferroni), shape (k,).
    """
    smallest = min(1.0, tests * p_value(float(log_e.max(initial=0.0))))
    if smallest > MISMATCH:
        return smallest, None
    enough = min(math.log(tests / MISMATCH), float(log_e.max()))  # the largest is, whatever the logarithm rounds to
    return smallest, int(np.argmax(log_e >= enough))


def inverse_weight_p_value(inverse_p_sums: Floats, inverse_p_squares: Floats, n: int) -> float:
    """Return a fixed-n p-value for logs that hold only the probability of the arm that was drawn.

    The mean of 1{A=a}/e_a is one for every arm when the logged probabilities are right; the worst arm's two-sided
    normal p-value, times the number of arms (Bonferroni). Not always-valid.

    Parameters
    ----------
    inverse_p_sums, inverse_p_squares
        Σ 1{A=a}/e and Σ 1{A=a}/e² of each arm, shape (k,).
    n
        Number of rows.
    """
    mean = inverse_p_sums / n
    spread = np.sqrt(np.maximum(inverse_p_squares / n - mean**2, 1e-300) / n)
    z = float(np.abs((mean - 1.0) / spread).max())
    return min(1.0, len(mean) * math.erfc(z / math.sqrt(2.0)))
