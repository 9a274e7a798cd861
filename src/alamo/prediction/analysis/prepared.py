"""A trial made ready: the split, what candidates look at, cross-fitted scores, and rows of one arm against control."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.domain.errors import InsufficientDataError
from alamo.domain.ports import FittedOutcome
from alamo.numerics import doubly_robust
from alamo.numerics.folds import fold_splits, unit_folds
from alamo.numerics.hashing import uniforms
from alamo.prediction.analysis.model import FittedUplift, kind_of
from alamo.prediction.analysis.segmenting import SEGMENT, Segmenting
from alamo.prediction.analysis.spec import UpliftSpec
from alamo.prediction.analysis.trial import Trial
from alamo.prediction.belief import FILE, Belief
from alamo.prediction.inputs import EffectInputs, InputEncoder
from alamo.prediction.learners import file_outcome
from alamo.prediction.rows import FOLDS, EffectRows
from alamo.prediction.stack import EffectStack, fit_stack

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Scored:
    """An outcome model μ at each arm and the scores Γ made with it, shape (n, k) each, of some rows of a trial."""

    mu: Floats
    gamma: Floats

    @property
    def contrasts(self) -> Floats:
        """Γ(a) − Γ(none) of every action, shape (n, k − 1)."""
        return self.gamma[:, 1:] - self.gamma[:, :1]


@dataclass(frozen=True, slots=True)
class PreparedTrial:
    """A trial with its inputs.

    Attributes
    ----------
    trial
        See `Trial`.
    features
        Columns the models look at.
    segmenting, encoder
        Learnt on the training rows.
    inputs
        Of all rows.
    train, held_out
        Indices of rows.
    costs
        Of each action.
    folds, scored
        Of the training rows, in their order; scores by outcome models that did not see the row's fold.
    """

    trial: Trial
    features: tuple[str, ...]
    segmenting: Segmenting
    encoder: InputEncoder
    inputs: EffectInputs
    train: Integers
    held_out: Integers
    costs: Floats
    folds: Integers
    scored: Scored

    @property
    def actions(self) -> tuple[str, ...]:
        """Arms other than control."""
        return self.trial.arms[1:]

    def fit(self, learners: Sequence[str], without_fold: int | None = None, belief: Belief = FILE) -> FittedUplift:
        """Fit the effect of every action on the training rows, perhaps without those of one fold."""
        kept = np.arange(len(self.train)) if without_fold is None else np.flatnonzero(self.folds != without_fold)
        n_segments = len(self.encoder.segments)
        rows = (self._rows(a, kept) for a in range(1, len(self.trial.arms)))
        return self.fitted(
            [fit_stack(mine, n_segments, scaled=False, learners=learners, belief=belief) for mine in rows]
        )

    def fitted(self, stacks: Sequence[EffectStack]) -> FittedUplift:
        """Return the model that `stacks` make."""
        costs = tuple(self.costs.tolist())
        looked_at = dict.fromkeys((*self.features, *self.segmenting.columns))
        found = ((name, kind_of(self.trial.table.column(name).type)) for name in looked_at)
        kinds = {name: kind for name, kind in found if kind is not None}
        return FittedUplift(self.actions, costs, self.features, self.segmenting, self.encoder, tuple(stacks), kinds)

    def score_held_out(self) -> Scored:
        """Return the scores of the rows held out, by an outcome model of all training rows."""
        trial, rows, train = self.trial, self.held_out, self.train
        model = _fit_outcome(self.inputs.tree[train], trial.arm[train], trial.outcome[train], len(trial.arms))
        mu = _predict_arms(model, self.inputs.tree[rows], len(trial.arms))
        return Scored(mu, doubly_robust.scores(mu, trial.arm[rows], trial.outcome[rows], trial.p_drawn[rows]))

    def _rows(self, a: int, kept: Integers) -> EffectRows:
        """Return rows of arm `a`; every row counts alike, because the file's average is what is asked for."""
        trial, mu, shares, rows = self.trial, self.scored.mu[kept], self.trial.shares, self.train[kept]
        score, arm = self.scored.gamma[kept, a] - self.scored.gamma[kept, 0], trial.arm[rows]
        spread = 1.0 / shares[a] + 1.0 / shares[0]
        noise = np.full(len(score), spread)
        if (trial.outcome[rows] >= 0.0).all() and mu.mean() > 0.0:
            floor = 0.05 * float(mu.mean())  # counts, rates, spend: the variance grows with the mean
            noise = np.maximum(mu[:, a], floor) / shares[a] + np.maximum(mu[:, 0], floor) / shares[0]
        outcome_variance = float(score.var() / spread)
        return EffectRows(
            inputs=self.inputs.take(rows),
            score=score,
            weight=np.ones(len(score)),
            noise=noise,
            unit=trial.group[rows],
            folds=self.folds[kept],
            drawn=int((arm == a).sum()),
            drawn_none=int((arm == 0).sum()),
            outcome_variance=outcome_variance,
            relative_variance=outcome_variance,
        )


def prepare(trial: Trial, spec: UpliftSpec, features: tuple[str, ...]) -> PreparedTrial:
    """Split by cluster, or by unit where there is none, learn encodings and cross-fit the outcome model on what stays.

    Raises
    ------
    InsufficientDataError
        If no unit is left to fit on.
    """
    away = uniforms(trial.keys, f"holdout/{spec.seed}") < spec.holdout
    train = np.flatnonzero(~away)
    if not len(train):
        raise InsufficientDataError(
            f"no {'cluster' if spec.cluster else 'unit'} is left to fit on",
            hint=f"Hold out fewer: --holdout 0.5, or give a file with more {'clusters' if spec.cluster else 'units'}.",
            code="uplift.too_few_units",
        )
    learnt = trial.table.take(pa.array(train))
    segmenting = Segmenting.fit(learnt, features, spec.segments)
    encoder = InputEncoder.fit(segmenting.described(learnt), features, SEGMENT, scaled=False)
    inputs = encoder.transform(segmenting.described(trial.table), SEGMENT)
    folds = unit_folds(trial.keys[train], f"uplift/{spec.seed}", FOLDS)
    return PreparedTrial(
        trial=trial,
        features=features,
        segmenting=segmenting,
        encoder=encoder,
        inputs=inputs,
        train=train,
        held_out=np.flatnonzero(away),
        costs=np.array([spec.costs.get(name, 0.0) for name in trial.arms[1:]]),
        folds=folds,
        scored=_cross_fit_outcome(trial, inputs, train, folds),
    )


def _cross_fit_outcome(trial: Trial, inputs: EffectInputs, train: Integers, folds: Integers) -> Scored:
    features, arm, outcome = inputs.tree[train], trial.arm[train], trial.outcome[train]
    mu = np.zeros((len(train), len(trial.arms)))
    splits = list(fold_splits(folds))
    design = np.column_stack([features, np.eye(len(trial.arms))[arm]])
    models = file_outcome().fit_parts(design, ((others, outcome[others]) for others, _ in splits))
    for (_, fold), model in zip(splits, models, strict=True):
        mu[fold] = _predict_arms(model, features[fold], len(trial.arms))
    return Scored(mu, doubly_robust.scores(mu, arm, outcome, trial.p_drawn[train]))


def _fit_outcome(features: npt.NDArray[np.float32], arm: Integers, outcome: Floats, n_arms: int) -> FittedOutcome:
    return file_outcome().fit(np.column_stack([features, np.eye(n_arms)[arm]]), outcome)


def _predict_arms(model: FittedOutcome, features: npt.NDArray[np.float32], n_arms: int) -> Floats:
    """Return the outcome model at every arm, shape (n, k)."""
    design = np.column_stack([features, np.zeros((len(features), n_arms))])
    columns = []
    for a in range(n_arms):
        design[:, -n_arms:] = np.eye(n_arms)[a]
        columns.append(model.predict(design))
    return np.column_stack(columns)
