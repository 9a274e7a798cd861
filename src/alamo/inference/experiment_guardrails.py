"""Guardrails of an experiment file: the harm of each action, and whether it stays within the margin."""

from __future__ import annotations

from alamo.inference.comparison import PooledEffect
from alamo.inference.experiment_comparison import Comparison, contrast_effect, effect_row
from alamo.inference.experiment_result import GuardrailRow
from alamo.inference.experiment_spec import ExperimentSpec
from alamo.inference.guardrail import Guardrail, verdict_of


def guardrail_row(comparison: Comparison, guardrail: Guardrail, spec: ExperimentSpec) -> GuardrailRow:
    """Return what the action does to the guardrail, and the verdicts of both intervals.

    A relative margin is part of the contrast, harm − share·control, so that control's own error counts.
    """
    effect = contrast_effect(comparison, spec)
    harm = contrast_effect(comparison, spec, sign=guardrail.sign)
    share = guardrail.margin if guardrail.relative else 0.0
    beyond = contrast_effect(comparison, spec, sign=guardrail.sign, less_control=share)
    row = effect_row(comparison, effect)
    margin = guardrail.margin * (row.baseline or 0.0) if guardrail.relative else guardrail.margin
    fixed = 0.0 if guardrail.relative else guardrail.margin
    return GuardrailRow(
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


def _interval(effect: PooledEffect) -> tuple[float, float]:
    return effect.estimate.lower, effect.estimate.upper


def _less(interval: tuple[float, float], margin: float) -> tuple[float, float]:
    return interval[0] - margin, interval[1] - margin
