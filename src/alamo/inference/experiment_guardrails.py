"""Guardrails of an experiment file: the harm of each action, and whether it stays within the margin."""

from __future__ import annotations

from alamo.domain.reasons import Refusal
from alamo.inference.comparison import PooledEffect
from alamo.inference.experiment_comparison import Comparison, contrast_effect, effect_row, not_anytime
from alamo.inference.experiment_result import GuardrailRow
from alamo.inference.experiment_spec import ExperimentSpec
from alamo.inference.guardrail import Guardrail, verdict_of


def guardrail_row(
    comparison: Comparison, guardrail: Guardrail, spec: ExperimentSpec
) -> tuple[GuardrailRow, list[Refusal]]:
    """Return what the action does to the guardrail with the verdicts of both intervals, and why one of them has none.

    A relative margin is part of the contrast, harm − share·control, so that control's own error counts.
    """
    effect = contrast_effect(comparison, spec)
    harm = contrast_effect(comparison, spec, sign=guardrail.sign)
    row = effect_row(comparison, effect)
    share = guardrail.margin if guardrail.relative else 0.0
    share = -share if (row.baseline or 0.0) < 0.0 else share  # 10 % of a loss is as much as of a gain
    beyond = contrast_effect(comparison, spec, sign=guardrail.sign, less_control=share)
    margin = guardrail.margin * abs(row.baseline or 0.0) if guardrail.relative else guardrail.margin
    fixed = 0.0 if guardrail.relative else guardrail.margin
    found = GuardrailRow(
        action=row.action,
        outcome=row.outcome,
        worse=guardrail.worse,
        margin=margin,
        mean=row.mean,
        se=row.se,
        lower=row.lower,
        upper=row.upper,
        anytime_lower=row.anytime_lower,
        anytime_upper=row.anytime_upper,
        n=row.n,
        n_control=row.n_control,
        baseline=row.baseline,
        verdict=verdict_of(_interval(harm), _less(_interval(beyond), fixed)),
        anytime_verdict=(
            None
            if harm.anytime is None or beyond.anytime is None
            else verdict_of(harm.anytime, _less(beyond.anytime, fixed))
        ),
    )
    return found, not_anytime(comparison, effect)


def _interval(effect: PooledEffect) -> tuple[float, float]:
    return effect.estimate.lower, effect.estimate.upper


def _less(interval: tuple[float, float], margin: float) -> tuple[float, float]:
    return interval[0] - margin, interval[1] - margin
