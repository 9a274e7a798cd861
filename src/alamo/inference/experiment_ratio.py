"""Ratio outcomes of an experiment file (``spend/orders``): when they are refused, and as they are on other rows."""

from __future__ import annotations

from dataclasses import replace
from math import ceil, isfinite

import numpy as np
import numpy.typing as npt

from alamo.domain.reasons import Refusal
from alamo.inference.experiment_comparison import Comparison
from alamo.numerics.ratio_metric import MOST_DENOMINATOR_CV, denominator_cv, linearised_ratio


def ratio_refusal(comparison: Comparison) -> Refusal | None:
    """Return why a ratio cannot be compared between the two arms: a denominator near nil; None for other outcomes."""
    parts = comparison.rows.ratios.get(comparison.outcome)
    if parts is None:
        return None
    rows = comparison.rows
    groups = np.arange(len(rows)) if rows.groups is None else rows.groups
    for arm in (comparison.arm, 0):
        inside = rows.arm == arm
        cv = denominator_cv(rows.outcomes[parts[1]], inside, comparison.chance.drawn, groups)
        if inside.any() and cv > MOST_DENOMINATOR_CV:
            return Refusal(
                f"effect of {comparison.action!r} on {comparison.outcome!r}",
                f"the denominator {parts[1]!r} is near nil under {rows.arms[arm]!r} ({_size(cv)}), "
                "so the ratio is unstable and its interval would be too narrow",
                _cure(cv, comparison.units(inside)),
            )
    return None


def linearised_on(comparison: Comparison, keep: npt.NDArray[np.bool_]) -> Comparison:
    """Return the comparison with a ratio linearised about that of the rows to keep; other outcomes as they are.

    One unit may hold so much of the denominator that a line about the ratio with it is far from the one without.
    """
    rows, parts = comparison.rows, comparison.rows.ratios.get(comparison.outcome)
    if parts is None:
        return comparison
    over, under = (rows.outcomes[part][keep] for part in parts)
    outcome = comparison.scored.outcome.copy()
    outcome[keep] = linearised_ratio(over, under, rows.arm[keep], comparison.chance.drawn[keep], len(rows.arms))
    return replace(comparison, scored=replace(comparison.scored, outcome=outcome))


def _size(cv: float) -> str:
    return f"its mean is known to ± {cv:.0%} only" if isfinite(cv) else "its mean is not above 0"


def _cure(cv: float, units: int) -> str:
    if not isfinite(cv):
        return "name a denominator that is above 0 on average: --outcome NUM/DEN"
    missing = ceil(units * ((cv / MOST_DENOMINATOR_CV) ** 2 - 1.0))
    return f"needs about {missing:,} more units in that arm, or a more frequent denominator: --outcome NUM/DEN"


def no_segments(comparison: Comparison) -> Refusal:
    """Return why segments of a ratio are not given."""
    over, under = comparison.rows.ratios[comparison.outcome]
    return Refusal(
        f"effect of {comparison.action!r} on {comparison.outcome!r} by segment",
        "a ratio of a small segment is biased by its own denominator, so ratios are given for everybody only",
        f"look at its two parts by segment: --outcome {over},{under}",
    )
