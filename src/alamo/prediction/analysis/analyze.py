"""Uplift of an experiment file: fit on the training units, judge on the units held out, score every row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.domain.errors import UsageError
from alamo.domain.reasons import Refusal
from alamo.prediction.analysis.explaining import explain, require_explainable
from alamo.prediction.analysis.figures import Draws, Figures, thin_overlap
from alamo.prediction.analysis.holdout import HeldOut
from alamo.prediction.analysis.model import FittedUplift
from alamo.prediction.analysis.prepared import PreparedTrial, Scored, prepare
from alamo.prediction.analysis.result import KeptRow, LearnerRow, UpliftResult
from alamo.prediction.analysis.spec import UpliftSpec
from alamo.prediction.analysis.trial import Trial, choose_features, read_trial
from alamo.prediction.learners import learners_named
from alamo.prediction.stack import LEAST_DRAWN, EffectStack

Floats = npt.NDArray[np.float64]


def analyze_uplift(table: pa.Table, spec: UpliftSpec) -> UpliftResult:
    """Estimate whom each action of an experiment moves, and what choosing by it is worth.

    Raises
    ------
    UsageError
        For a column, arm, share or learner that does not exist or is out of range.
    InputError
        If no row has both an arm and an outcome.
    """
    _check(spec)
    trial = read_trial(table, spec)
    features, refusals = choose_features(trial, spec)
    segmented = spec.segments if isinstance(spec.segments, tuple) else ()
    require_explainable(tuple(dict.fromkeys((*features, *segmented))), spec)
    ready = prepare(trial, spec, features)
    model = ready.fit(spec.learners)
    scored = ready.score_held_out() if model.actions and len(ready.held_out) else None
    judged = None if scored is None else _judged(ready, model, scored, spec)
    overlap = () if judged is None else judged.overlap()
    return UpliftResult(
        rows=_learner_rows(model.actions, model.stacks),
        holdout=() if judged is None else judged.held_out.judge(model.actions),
        refusals=(
            *trial.refusals,
            *refusals,
            *_refused(model.actions, model.stacks),
            *_no_action(trial, spec),
            *thin_overlap(overlap),
        ),
        features=features,
        units=len(np.unique(trial.unit)),
        units_holdout=len(np.unique(trial.unit[ready.held_out])),
        level=spec.level,
        figures=() if judged is None else judged.rows(),
        overlap=overlap,
        kept=tuple(KeptRow.of(name, stack) for name, stack in zip(model.actions, model.stacks, strict=True)),
        explanation=explain(ready, model, spec, None if scored is None else scored.contrasts),
        model=model,
        score_rows=_score_rows(ready, spec, model),
    )


def _check(spec: UpliftSpec) -> None:
    if not 0.0 <= spec.holdout < 1.0:
        raise UsageError(
            f"the holdout share {spec.holdout:g} is not in [0, 1)",
            hint="Use for example --holdout 0.5",
            code="uplift.bad_holdout",
        )
    if spec.explain < 0:
        raise UsageError(
            f"{spec.explain} rows cannot be explained",
            hint="Use for example --explain 100",
            code="uplift.bad_explain",
        )
    for name, choice in (("features", spec.features), ("segments", spec.segments)):
        if isinstance(choice, str) and choice not in ("auto", "none"):
            raise UsageError(
                f"{name} is {choice!r}, which is neither auto nor none",
                hint=f"Name columns as a list: {name}=[{choice!r}]",
                code="uplift.unknown_choice",
                details={"given": choice},
            )
    learners_named(spec.learners)  # a wrong name is said before the work, not after


def _judged(ready: PreparedTrial, model: FittedUplift, scored: Scored, spec: UpliftSpec) -> Figures:
    """Return the held-out rows with their scores and what the model says of them."""
    trial, rows = ready.trial, ready.held_out
    sizes = np.bincount(trial.unit)
    arm = trial.arm[rows]
    held_out = HeldOut(
        score=scored.contrasts - ready.costs,
        predicted=model.effects_of(ready.inputs.take(rows)) - ready.costs,
        training_mean=ready.scored.contrasts.mean(axis=0) - ready.costs,
        group=trial.group[rows],
        units=1.0 / sizes[trial.unit[rows]],
        level=spec.level,
    )
    residual = trial.outcome[rows] - scored.mu[np.arange(len(rows)), arm]
    draws = Draws(arm, trial.p_drawn[rows], trial.shares, trial.outcome[rows], residual)
    return Figures(held_out, draws, model.actions)


def _learner_rows(actions: Sequence[str], stacks: Sequence[EffectStack]) -> tuple[LearnerRow, ...]:
    return tuple(
        LearnerRow(action, learner, weight, stack.dr_loss.get(learner))
        for action, stack in zip(actions, stacks, strict=True)
        for learner, weight in stack.weights.items()
    )


def _refused(actions: Sequence[str], stacks: Sequence[EffectStack]) -> tuple[Refusal, ...]:
    return tuple(
        Refusal(
            f"uplift of {action}", _why(stack), "collect more randomised rows; until then its effect counts as zero"
        )
        for action, stack in zip(actions, stacks, strict=True)
        if stack.refused
    )


def _why(stack: EffectStack) -> str:
    if min(stack.drawn, stack.drawn_none) < LEAST_DRAWN:
        drew = f"{stack.drawn} rows drew it, {stack.drawn_none} drew control"
        return f"{drew}; at least {LEAST_DRAWN} of each are needed"
    return "outcomes do not vary, or all rows belong to one group, so that no row can be judged by others"


def _no_action(trial: Trial, spec: UpliftSpec) -> tuple[Refusal, ...]:
    if len(trial.arms) > 1:
        return ()
    reason = f"column {spec.action!r} holds nothing but the control value {spec.control!r}"
    return (Refusal("uplift", reason, "give a file in which some rows drew an action"),)


def _score_rows(ready: PreparedTrial, spec: UpliftSpec, model: FittedUplift) -> pa.Table:
    trial = ready.trial
    held_out = np.zeros(len(trial), dtype=bool)
    held_out[ready.held_out] = True
    parts = []
    for action, cost, stack in zip(model.actions, model.costs, model.stacks, strict=True):
        columns: dict[str, object] = {"row": trial.row}
        if spec.unit:
            columns[spec.unit] = trial.table.column(spec.unit)
        columns |= {
            "action": pa.repeat(action, len(trial)),
            "value_mean": stack.predict(ready.inputs) - cost,
            "value_sd": stack.spread.predict(ready.inputs),
            "cost": np.full(len(trial), cost),
            "holdout": held_out,
        }
        parts.append(pa.table(columns))
    return pa.concat_tables(parts) if parts else pa.table({"row": pa.array([], pa.int64())})
