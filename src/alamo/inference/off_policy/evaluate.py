"""A log of decisions and a policy that has not run yet: what would it have earned, and does the log know?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.domain.ports import OutcomeLearner
from alamo.domain.reasons import Refusal
from alamo.inference.off_policy import estimators
from alamo.inference.off_policy.context import choose_context
from alamo.inference.off_policy.estimators import Scores
from alamo.inference.off_policy.log import LoggedDecisions, TargetPolicy, read_log, read_target, target_columns
from alamo.inference.off_policy.outcome_model import cross_fit
from alamo.inference.off_policy.overlap import overlap_of, refusals_of, weights
from alamo.inference.off_policy.result import Interval, PolicyResult, PolicyRow
from alamo.inference.off_policy.spec import PolicySpec
from alamo.inference.off_policy.valuation import Valued, enough_outcomes, gain_of, value_of
from alamo.numerics.confidence_sequence import LEAST_CHANCE, LEAST_NONZERO
from alamo.numerics.doubly_robust import mean_by_group

Floats = npt.NDArray[np.float64]

_WORSE = 1.05
"""An outcome model that makes the standard error larger by more than this is not gone by."""
_APART = 1.96
"""Standard errors between ``dr`` and ``snips`` beyond which the features of the model are not trusted."""


def analyze_policy(table: pa.Table, spec: PolicySpec, learner: OutcomeLearner) -> PolicyResult:
    """Return the value of the policy that `spec` describes, by four estimators.

    Parameters
    ----------
    table
        One row per decision (and place of a slate).
    spec
        Which columns are what.
    learner
        Fits the outcome model of the doubly robust estimators.

    Raises
    ------
    UsageError
        If a column does not exist or is no number.
    InputError
        If a value is missing or out of range; column and row are named.
    NotIdentifiedError
        If the log drew one action only, or never what the policy does.
    InsufficientDataError
        If the outcome never varies.

    Notes
    -----
    *Assumes* logged propensities, and that the policy acts on what was known before the draw. *Not supported*: effects
    of one decision on later ones (each row is valued on its own outcome), interactions between the places of a slate.
    """
    log = read_log(table, spec)
    policy = read_target(table, spec, log)
    context = choose_context(table, spec, log, [weights(log, policy)], target_columns(table, spec))
    scores = score_policy(log, policy, context.matrix, learner)
    return _result(log, policy, scores, spec, (context.names, context.refusals))


def score_policy(
    log: LoggedDecisions, policy: TargetPolicy, context: Floats, learner: OutcomeLearner
) -> dict[str, Scores]:
    """Return the scores of all four estimators by name; `context` has the shape (n, d)."""
    weight = weights(log, policy)
    model = cross_fit(log, policy, context, learner)
    tau = estimators.best_threshold(weight, log.outcome, model, log.unit)
    found = (
        estimators.ips(weight, log.outcome),
        estimators.snips(weight, log.outcome),
        estimators.doubly_robust(weight, log.outcome, model),
        estimators.switch_doubly_robust(weight, log.outcome, model, tau),
    )
    return {scores.name: scores for scores in found}


def _result(
    log: LoggedDecisions,
    policy: TargetPolicy,
    scores: dict[str, Scores],
    spec: PolicySpec,
    context: tuple[tuple[str, ...], tuple[Refusal, ...]],
) -> PolicyResult:
    weight, overlap = weights(log, policy), overlap_of(log, policy)
    tightest = None if spec.planned is None else float(spec.planned)
    values = {name: value_of(log, weight, part, spec.level, tightest) for name, part in scores.items()}
    gains = {name: gain_of(log, weight, part, spec.level, tightest) for name, part in scores.items()}
    refused = refusals_of(overlap)
    names, left_out = context
    doubted = _doubted(scores, log, names)
    chosen = None if refused else "snips" if doubted else _choice(values)
    behaviour = mean_by_group(log.outcome, log.unit)
    return PolicyResult(
        rows=tuple(
            PolicyRow(name, item.mean, item.se, item.lower, item.upper, overlap.ess, name == chosen)
            for name, item in values.items()
        ),
        refusals=(*refused, *doubted, *_withheld(log, weight), *left_out),
        behaviour_value=behaviour.mean,
        behaviour_se=behaviour.se,
        overlap=overlap,
        differences=tuple(Interval(name, **asdict(item)) for name, item in gains.items()),
        always_valid=tuple(Interval(name, **asdict(item)) for name, item in values.items()),
        switch_threshold=scores["switch-dr"].threshold,
        features=names,
        level=spec.level,
    )


def _choice(values: dict[str, Valued]) -> str:
    """Return the estimator to go by: the doubly robust one unless its model adds noise. Looks at errors only."""
    return "dr" if values["dr"].se <= _WORSE * values["snips"].se else "snips"


def _doubted(scores: dict[str, Scores], log: LoggedDecisions, features: tuple[str, ...]) -> tuple[Refusal, ...]:
    """Return why the doubly robust value is not gone by, where the one that looks at no feature contradicts it.

    Both estimate the same where every feature was known before the draw; the difference is judged by its own paired
    standard error. Where no feature was used there is none to doubt.
    """
    if not features:
        return ()
    gap = mean_by_group(scores["dr"].score - scores["snips"].score, log.unit)
    if not abs(gap.mean) > _APART * gap.se:
        return ()
    reason = (
        f"dr lies {gap.mean:+.3g} from snips, {abs(gap.mean) / gap.se if gap.se > 0.0 else np.inf:.1f} standard errors "
        f"of the difference: a feature may have come after the draw ({', '.join(features)})"
    )
    cure = "go by snips, or name only columns known before the draw: --features"
    return (Refusal("value by an outcome model", reason, cure),)


def _withheld(log: LoggedDecisions, weight: Floats) -> Sequence[Refusal]:
    """Return why there is no always-valid interval, where there is none."""
    what = "always-valid intervals of the policy"
    shown = enough_outcomes(log.outcome, weight)
    if shown < LEAST_NONZERO:
        reason = f"the policy has shown {shown:.0f} effective non-zero outcomes, {LEAST_NONZERO} are needed"
        missing = int(np.ceil(len(log) * (LEAST_NONZERO / max(shown, 1.0) - 1.0)))
        return [Refusal(what, reason, f"needs about {missing:,} more rows")]
    if log.p_drawn.min() < LEAST_CHANCE:
        reason = f"some rows were drawn with a probability below {LEAST_CHANCE:g}: what they hide has no bound"
        return [Refusal(what, reason, "keep a floor under every eligible action")]
    return []
