"""Uplift of an experiment file: fit on the training units, judge on the units held out, score every row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.errors import InsufficientDataError, UsageError
from alamo.domain.ports import FittedOutcome
from alamo.domain.reasons import Refusal
from alamo.numerics import doubly_robust
from alamo.numerics.folds import fold_splits, unit_folds
from alamo.numerics.grouping import Grouping
from alamo.numerics.hashing import uniforms
from alamo.prediction.analysis.holdout import HeldOut
from alamo.prediction.analysis.spec import HoldoutRow, LearnerRow, UpliftResult, UpliftSpec
from alamo.prediction.analysis.trial import Trial, choose_features, read_trial
from alamo.prediction.inputs import EffectInputs, InputEncoder
from alamo.prediction.learners import boosted_outcome
from alamo.prediction.rows import FOLDS, EffectRows
from alamo.prediction.stack import LEAST_DRAWN, EffectStack, fit_stack

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_SEGMENT = "(segment)"


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A trial with its inputs; `train` and `held_out` are row indices."""

    trial: Trial
    encoder: InputEncoder
    inputs: EffectInputs
    train: Integers
    held_out: Integers
    costs: Floats


def analyze_uplift(table: pa.Table, spec: UpliftSpec) -> UpliftResult:
    """Estimate whom each action of an experiment moves, and what choosing by it is worth.

    Raises
    ------
    UsageError
        For a column, arm or share that does not exist or is out of range.
    InputError
        If no row has both an arm and an outcome.
    """
    if not 0.0 <= spec.holdout < 1.0:
        raise UsageError(
            f"the holdout share {spec.holdout:g} is not in [0, 1)",
            hint="Use for example --holdout 0.5",
            code="uplift.bad_holdout",
        )
    trial = read_trial(table, spec)
    features, refusals = choose_features(trial, spec)
    ready = _prepare(trial, spec, features)
    nuisance = _cross_fit_outcome(ready, spec)
    stacks = tuple(
        fit_stack(_rows(ready, nuisance, a), len(ready.encoder.segments), scaled=False)
        for a in range(1, len(trial.arms))
    )
    holdout = _judge(ready, spec, stacks, nuisance) if stacks and len(ready.held_out) else ()
    return UpliftResult(
        rows=_learner_rows(trial.arms[1:], stacks),
        holdout=holdout,
        refusals=(*trial.refusals, *refusals, *_few_draws(trial.arms[1:], stacks), *_no_action(trial, spec)),
        features=features,
        units=len(np.unique(trial.unit)),
        units_holdout=len(np.unique(trial.unit[ready.held_out])),
        level=spec.level,
        score_rows=_score_rows(ready, spec, stacks),
    )


def _prepare(trial: Trial, spec: UpliftSpec, features: tuple[str, ...]) -> _Prepared:
    away = uniforms(trial.keys, f"holdout/{spec.seed}") < spec.holdout
    train = np.flatnonzero(~away)
    if not len(train):
        raise InsufficientDataError(
            "no unit is left to fit on",
            hint="Hold out fewer: --holdout 0.5, or give a file with more units.",
            code="uplift.too_few_units",
        )
    described = trial.table.append_column(_SEGMENT, _segment_names(trial, spec, features, train))
    encoder = InputEncoder.fit(described.take(pa.array(train)), features, _SEGMENT, scaled=False)
    return _Prepared(
        trial=trial,
        encoder=encoder,
        inputs=encoder.transform(described, _SEGMENT),
        train=train,
        held_out=np.flatnonzero(away),
        costs=np.array([spec.costs.get(name, 0.0) for name in trial.arms[1:]]),
    )


def _segment_names(trial: Trial, spec: UpliftSpec, features: tuple[str, ...], train: Integers) -> pa.ChunkedArray:
    """Return the segment of every row: of the named columns, or of groups of similar features."""
    if isinstance(spec.segments, tuple):
        parts = [pc.fill_null(trial.table.column(name).cast(pa.string()), "(missing)") for name in spec.segments]
        joined = pc.binary_join_element_wise(*parts, " · ")
        return pa.chunked_array([joined]) if isinstance(joined, pa.Array) else joined
    if spec.segments == "none" or not features:
        return pa.chunked_array([pa.repeat("all", len(trial))])
    encoder = InputEncoder.fit(
        trial.table.take(pa.array(train)).append_column(_SEGMENT, pa.repeat("all", len(train))),
        features,
        _SEGMENT,
        scaled=False,
    ).tree
    matrix = encoder.transform(trial.table)
    grouping = Grouping.fit(matrix[train], encoder.names)
    return pa.chunked_array([pa.array(grouping.labels).take(pa.array(grouping.assign(matrix)))])


@dataclass(frozen=True, slots=True)
class _Nuisance:
    """Cross-fitted outcome model μ̂ and scores Γ of the training rows, shape (n, k), and their folds."""

    mu: Floats
    gamma: Floats
    folds: Integers


def _cross_fit_outcome(ready: _Prepared, spec: UpliftSpec) -> _Nuisance:
    trial, train = ready.trial, ready.train
    features, arm, outcome = ready.inputs.tree[train], trial.arm[train], trial.outcome[train]
    folds = unit_folds(trial.keys[train], f"uplift/{spec.seed}", FOLDS)
    mu = np.zeros((len(train), len(trial.arms)))
    for others, fold in fold_splits(folds):
        model = _fit_outcome(features[others], arm[others], outcome[others], len(trial.arms))
        mu[fold] = _predict_arms(model, features[fold], len(trial.arms))
    return _Nuisance(mu, doubly_robust.scores(mu, arm, outcome, trial.p_drawn[train]), folds)


def _rows(ready: _Prepared, nuisance: _Nuisance, a: int) -> EffectRows:
    """Return the training rows of arm `a`; every row counts alike, because the file's average is what is asked for."""
    trial, mu, shares = ready.trial, nuisance.mu, ready.trial.shares
    score, arm = nuisance.gamma[:, a] - nuisance.gamma[:, 0], trial.arm[ready.train]
    spread = 1.0 / shares[a] + 1.0 / shares[0]
    noise = np.full(len(score), spread)
    if (trial.outcome[ready.train] >= 0.0).all() and mu.mean() > 0.0:
        floor = 0.05 * float(mu.mean())  # counts, rates, spend: the variance grows with the mean
        noise = np.maximum(mu[:, a], floor) / shares[a] + np.maximum(mu[:, 0], floor) / shares[0]
    outcome_variance = float(score.var() / spread)
    return EffectRows(
        inputs=ready.inputs.take(ready.train),
        score=score,
        weight=np.ones(len(score)),
        noise=noise,
        unit=trial.unit[ready.train],
        folds=nuisance.folds,
        drawn=int((arm == a).sum()),
        drawn_none=int((arm == 0).sum()),
        outcome_variance=outcome_variance,
        relative_variance=outcome_variance,
    )


def _judge(
    ready: _Prepared, spec: UpliftSpec, stacks: Sequence[EffectStack], nuisance: _Nuisance
) -> tuple[HoldoutRow, ...]:
    """Score the held-out rows with an outcome model of all training rows, and value the policy on them."""
    trial, rows, train = ready.trial, ready.held_out, ready.train
    model = _fit_outcome(ready.inputs.tree[train], trial.arm[train], trial.outcome[train], len(trial.arms))
    mu = _predict_arms(model, ready.inputs.tree[rows], len(trial.arms))
    gamma = doubly_robust.scores(mu, trial.arm[rows], trial.outcome[rows], trial.p_drawn[rows])
    sizes = np.bincount(trial.unit)
    inputs = ready.inputs.take(rows)
    held_out = HeldOut(
        score=gamma[:, 1:] - gamma[:, :1] - ready.costs,
        predicted=np.column_stack([stack.predict(inputs) for stack in stacks]) - ready.costs,
        training_mean=(nuisance.gamma[:, 1:] - nuisance.gamma[:, :1]).mean(axis=0) - ready.costs,
        group=trial.group[rows],
        units=1.0 / sizes[trial.unit[rows]],
        level=spec.level,
    )
    return held_out.judge(trial.arms[1:])


def _fit_outcome(features: npt.NDArray[np.float32], arm: Integers, outcome: Floats, n_arms: int) -> FittedOutcome:
    return boosted_outcome().fit(np.column_stack([features, np.eye(n_arms)[arm]]), outcome)


def _predict_arms(model: FittedOutcome, features: npt.NDArray[np.float32], n_arms: int) -> Floats:
    """Return the outcome model at every arm, shape (n, k)."""
    design = np.column_stack([features, np.zeros((len(features), n_arms))])
    columns = []
    for a in range(n_arms):
        design[:, -n_arms:] = np.eye(n_arms)[a]
        columns.append(model.predict(design))
    return np.column_stack(columns)


def _learner_rows(actions: Sequence[str], stacks: Sequence[EffectStack]) -> tuple[LearnerRow, ...]:
    return tuple(
        LearnerRow(action, learner, weight, stack.dr_loss.get(learner))
        for action, stack in zip(actions, stacks, strict=True)
        for learner, weight in stack.weights.items()
    )


def _few_draws(actions: Sequence[str], stacks: Sequence[EffectStack]) -> tuple[Refusal, ...]:
    return tuple(
        Refusal(
            f"uplift of {action}",
            f"{stack.drawn} rows drew it, {stack.drawn_none} drew control; at least {LEAST_DRAWN} of each are needed",
            "collect more randomised rows; until then its effect counts as zero",
        )
        for action, stack in zip(actions, stacks, strict=True)
        if min(stack.drawn, stack.drawn_none) < LEAST_DRAWN
    )


def _no_action(trial: Trial, spec: UpliftSpec) -> tuple[Refusal, ...]:
    if len(trial.arms) > 1:
        return ()
    reason = f"column {spec.action!r} holds nothing but the control value {spec.control!r}"
    return (Refusal("uplift", reason, "give a file in which some rows drew an action"),)


def _score_rows(ready: _Prepared, spec: UpliftSpec, stacks: Sequence[EffectStack]) -> pa.Table:
    trial = ready.trial
    held_out = np.zeros(len(trial), dtype=bool)
    held_out[ready.held_out] = True
    parts = []
    for action, cost, stack in zip(trial.arms[1:], ready.costs.tolist(), stacks, strict=True):
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
