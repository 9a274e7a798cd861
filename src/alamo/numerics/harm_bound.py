"""Always-valid lower bounds on harm: for events of yes or no exactly, for money asymptotically.

Of events (unsubscribed, complained, returned), rare and often never seen without the action, no normal approximation is
safe. So we bet. In a decision with probabilities p(a) of the action and p(0) of none, X = 1{drew a}·Y/p(a) −
1{drew none}·Y/p(0) has the action's effect on Y as its mean, whatever the policy was. A gambler who stakes the share f
of the largest safe bet holds, at a supposed harm m,

    E_f(m) = Π (1 + f·w·X) · exp(−m·f·Σ w),   w = min(p(0), 1/10),

which in expectation never grows while the w-weighted mean effect so far is at most m: 1 + x ≤ exp(x). Whether it ever
exceeds 1/α has a chance of at most α (Ville), at any number of looks, at any sample size, for any drift and adaptive
policy. The lower bound is the largest m at which the mean over several f exceeds 1/α. Sums of log wealth add over
disjoint decisions, and the supposed harm stands outside the product: what SQL adds up once gives any bound.

Source: Waudby-Smith & Ramdas (2024), "Estimating means of bounded random variables by betting", JRSS-B 86(1), §4; and
Waudby-Smith, Wu, Ramdas, Karampatziakis & Mineiro (2024), "Anytime-valid off-policy inference for contextual bandits",
ACM/IMS Journal of Data Science 1(3), §2, for logged propensities. Money: Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas
(2024), Annals of Statistics 52(6), one-sided sequence of appendix B.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from alamo.numerics.confidence_sequence import tightness

Floats = npt.NDArray[np.float64]

BETS = (0.9, 0.45, 0.2, 0.1, 0.05, 0.02, 0.01)
"""Shares f of the largest safe bet; their wealth is averaged, so none has to be chosen by the data."""

LARGEST_WEIGHT = 0.1
"""Decisions weigh alike unless none had a smaller chance than this: the control share of a new project."""

_HALVINGS = 60


def log_wealth(happened: Floats, drew_action: Floats, drew_none: Floats, p_action: Floats, p_none: Floats) -> Floats:
    """Return Σ log(1 + f·w·X) for each bet f, shape (n_bets,), from decisions of shape (n,) each.

    The same sums that `alamo.inference.harm_sums` lets SQL add up.
    """
    weight = np.minimum(p_none, LARGEST_WEIGHT)
    x = happened * (drew_action / p_action - drew_none / p_none)
    return np.array([np.log1p(share * weight * x).sum() for share in BETS])


def harm_lower_bound(wealth: Floats, weight: float, alpha: float) -> float:
    """Return the level 1 − `alpha` always-valid lower bound on the mean harm per decision.

    Parameters
    ----------
    wealth
        Σ log(1 + f·w·X) of each bet, shape (n_bets,).
    weight
        Σ w, positive.
    alpha
        In (0, 1).

    Raises
    ------
    ValueError
        If `weight` or `alpha` is out of range.

    Notes
    -----
    −1 at the least: harm is a difference of probabilities.
    """
    if not weight > 0.0 or not 0.0 < alpha < 1.0:
        raise ValueError(f"no bound on harm for a weight of {weight} at alpha = {alpha}")
    enough = -math.log(alpha)
    low, high = -1.0, 1.0
    if _log_e(wealth, weight, low) < enough:
        return low
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if _log_e(wealth, weight, middle) >= enough else (low, middle)
    return low


def one_sided_half_width(n: int, variance: float, *, alpha: float, n_opt: float) -> float:
    """Return how far a level 1 − `alpha` always-valid one-sided bound lies from a mean of `n` rows.

    Asymptotic: to be used with the rules of `alamo.numerics.confidence_sequence`.

    Raises
    ------
    ValueError
        If `n` or `n_opt` is below 1, or `alpha` not in (0, 1/2).
    """
    if n < 1 or n_opt < 1.0 or not 0.0 < alpha < 0.5:
        raise ValueError(f"no one-sided confidence sequence for n = {n}, n_opt = {n_opt}, alpha = {alpha}")
    rho2 = tightness(2.0 * alpha, n_opt)
    inner = n * rho2 + 1.0
    return math.sqrt(variance * 2.0 * inner / (n * n * rho2) * math.log1p(math.sqrt(inner) / (2.0 * alpha)))


def _log_e(wealth: Floats, weight: float, harm: float) -> float:
    """Return the log of the mean wealth of the bets at a supposed harm."""
    log_e = wealth - harm * weight * np.array(BETS)
    top = float(log_e.max())
    return top + math.log(float(np.exp(log_e - top).mean()))
