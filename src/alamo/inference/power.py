"""Power before the first cycle: how long until an effect of a given size shows."""

from __future__ import annotations

import math
from collections.abc import Callable

from scipy.special import ndtri

from alamo.domain.settings import InferenceSettings
from alamo.numerics.confidence_sequence import half_width
from alamo.numerics.normal import z_value

MOST_CYCLES = 1000
"""Where the search ends: an effect that needs more is out of reach."""

_POWER = 0.8


def cycles_needed(
    *,
    effect_money: float,
    outcome_sd_money: float,
    n_per_cycle: int,
    p_action: float,
    p_none: float,
    level: float,
) -> int:
    """Return the cycles after which the always-valid interval finds an effect with probability .8.

    Never more than `MOST_CYCLES`.

    Parameters
    ----------
    effect_money
        Effect per decision to be seen (sign ignored).
    outcome_sd_money
        Standard deviation of the outcome that is left after adjustment.
    n_per_cycle
        Decisions per cycle at which the action is eligible.
    p_action, p_none
        Probabilities of the action and of no action.
    level
        Of the interval.

    Raises
    ------
    ValueError
        If the effect is 0 or a probability, the spread or the number of decisions is not positive.
    """
    variance = _score_variance(effect_money, outcome_sd_money, p_action, p_none)
    n_opt = float(InferenceSettings().planned_cycles * n_per_cycle)
    return _first(effect_money, variance, n_per_cycle, lambda n: half_width(n, variance, alpha=1 - level, n_opt=n_opt))


def cycles_needed_fixed(
    *,
    effect_money: float,
    outcome_sd_money: float,
    n_per_cycle: int,
    p_action: float,
    p_none: float,
    level: float,
) -> int:
    """Return the same for the fixed-n interval looked at once; see `cycles_needed`."""
    variance = _score_variance(effect_money, outcome_sd_money, p_action, p_none)
    return _first(effect_money, variance, n_per_cycle, lambda n: z_value(level) * math.sqrt(variance / n))


def _score_variance(effect: float, sd: float, p_action: float, p_none: float) -> float:
    if effect == 0.0 or min(sd, p_action, p_none) <= 0.0:
        raise ValueError("power needs an effect, a spread, and positive probabilities")
    return sd**2 * (1.0 / p_action + 1.0 / p_none)


def _first(effect: float, variance: float, n_per_cycle: int, half_of: Callable[[int], float]) -> int:
    if n_per_cycle < 1:
        raise ValueError("power needs at least one decision a cycle")
    quantile = float(ndtri(_POWER))
    for cycles in range(1, MOST_CYCLES):
        n = cycles * n_per_cycle
        if abs(effect) >= half_of(n) + quantile * math.sqrt(variance / n):
            return cycles
    return MOST_CYCLES
