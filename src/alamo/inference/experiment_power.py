"""What an experiment file can see: the smallest effect it finds with probability .8, and how much longer others need.

Source: Cohen (1988), "Statistical power analysis", §2; for the always-valid interval its half width is put in the
place of the fixed-n one (Waudby-Smith et al. 2024, Theorem 2.2). Standard errors fall with the root of the units.

Assumes that further units look like those so far. The size of the measured effect is a poor guide to the true one
(Hoenig & Heisey 2001): name the effect worth finding wherever there is one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, sqrt

from scipy.special import ndtri

from alamo.domain.reasons import Refusal
from alamo.inference.comparison import PooledEffect
from alamo.inference.effect_size import EffectSize
from alamo.inference.experiment_comparison import Answer
from alamo.inference.experiment_result import EffectRow, PowerRow
from alamo.inference.experiment_spec import ExperimentSpec
from alamo.numerics.confidence_sequence import half_width
from alamo.numerics.normal import z_value

POWER = 0.8
"""Probability of finding an effect of the size named."""

_MOST = 1000.0
_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class Pace:
    """How many units there are, and how many come in a day (None: unknown)."""

    units: int
    per_day: float | None


def power_rows(answer: Answer, spec: ExperimentSpec, pace: Pace) -> tuple[tuple[PowerRow, ...], tuple[Refusal, ...]]:
    """Return what the file can see of the pooled effect of `answer`, and why a size worth finding is none.

    Nothing where the effect was refused; the size is as measured where none is named, or none can be had.
    """
    if answer.pooled is None:
        return (), ()
    row = answer.rows[0]
    wanted = EffectSize.read(spec.detect[row.outcome]) if row.outcome in spec.detect else None
    asked = None if wanted is None else wanted.against(row.baseline)
    power = (_power_row(row, answer.pooled, spec.level, asked, pace),)
    if wanted is None or asked is not None:
        return power, ()
    what = f"effect worth finding of {row.action!r} on {row.outcome!r}"
    reason = "a share of control's mean is no size where that mean is 0"
    return power, (Refusal(what, reason, f"name it in the outcome's unit: --detect {row.outcome}=0.5"),)


def _power_row(row: EffectRow, effect: PooledEffect, level: float, asked: float | None, pace: Pace) -> PowerRow:
    """Return what the file can see of one effect, and what is missing until it sees `asked` (None: as measured)."""
    quantile = float(ndtri(POWER))
    se, sequence = effect.estimate.se, effect.sequence
    target = abs(row.mean) if asked is None else asked

    def fixed(times: float) -> float:
        return (z_value(level) + quantile) * se / sqrt(times)

    def anytime(times: float) -> float:
        n = max(round(sequence.n * times), 1)
        half = half_width(n, sequence.variance, alpha=1.0 - level, n_opt=sequence.n_opt)
        return half + quantile * se / sqrt(times)

    seen = asked is None and row.found
    seen_anytime = asked is None and effect.anytime_excludes_zero
    shown = effect.anytime is not None
    more = 0.0 if seen else _more(fixed, target)
    more_anytime = None if not shown else 0.0 if seen_anytime else _more(anytime, target)
    return PowerRow(
        action=row.action,
        outcome=row.outcome,
        detectable=fixed(1.0),
        anytime_detectable=anytime(1.0) if shown else None,
        target=target,
        target_measured=asked is None,
        units_needed=_units(more, pace),
        days_needed=_days(more, pace),
        anytime_units_needed=_units(more_anytime, pace),
        anytime_days_needed=_days(more_anytime, pace),
    )


def _more(detectable: Callable[[float], float], target: float) -> float | None:
    """Return how much more of the file it takes until `target` is detectable, as a multiple; None: out of reach."""
    if detectable(1.0) <= target:
        return 0.0
    low, high = 1.0, 2.0
    while detectable(high) > target:
        low, high = high, 2.0 * high
        if low > _MOST:
            return None
    for _ in range(40):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if detectable(middle) <= target else (middle, high)
    return high - 1.0


def _units(more: float | None, pace: Pace) -> int | None:
    return None if more is None else ceil(more * pace.units - _ROUNDING)


def _days(more: float | None, pace: Pace) -> int | None:
    return None if more is None or pace.per_day is None else ceil(more * pace.units / pace.per_day - _ROUNDING)
