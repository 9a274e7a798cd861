"""The outcome model of a policy's value: cross-fitted by unit, asked only for what an estimator needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alamo.domain.ports import FittedOutcome, OutcomeLearner
from alamo.inference.off_policy.log import LoggedDecisions, TargetPolicy
from alamo.numerics.folds import fold_splits, hashed_rows, unit_folds
from alamo.numerics.hashing import unit_keys

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

FOLDS = 5
_MOST_ROWS = 200_000
"""More rows cost time and memory and teach next to nothing."""
_BLOCK = 50_000


@dataclass(frozen=True, slots=True)
class ModelValues:
    """What an outcome model says, from fits that never saw the row's unit; shapes (n,).

    Attributes
    ----------
    at_drawn
        q(x, A), of the action drawn; q(x) where the policy is known only there.
    under_target
        q_π(x) = Σ_a π(a|x)·q(x, a); q(x) likewise.
    """

    at_drawn: Floats
    under_target: Floats


def cross_fit(
    log: LoggedDecisions, policy: TargetPolicy, context: Floats, learner: OutcomeLearner, *, salt: str = "policy"
) -> ModelValues:
    """Return the model's values for every row.

    Parameters
    ----------
    context
        Features known before the draw, shape (n, d); d may be 0. The place in the slate is added here.
    salt
        Of the folds.

    Notes
    -----
    Where the policy is known only for the action drawn the model is one of the context: E[w | x] = 1, so it is a
    control variate and the estimate stays unbiased. Else it is one of context and action, an indicator per action.
    """
    n_actions = 0 if policy.p_every is None else len(log.actions)
    asked = _Asked(with_places(log, context), log, policy, n_actions)
    values = ModelValues(np.empty(len(log)), np.empty(len(log)))
    for train, held_out in fold_splits(log_folds(log, salt)):
        model = asked.fit(learner, train)
        for rows in np.array_split(held_out, max(1, -(-len(held_out) // _BLOCK))):
            values.at_drawn[rows], values.under_target[rows] = asked.values(model, rows)
    return values


def cross_fit_every(log: LoggedDecisions, context: Floats, learner: OutcomeLearner, *, salt: str = "policy") -> Floats:
    """Return q(x, a) of every row and action of the log, from fits that never saw the row's unit, shape (n, k)."""
    nobody = TargetPolicy(np.zeros(len(log)))
    asked = _Asked(with_places(log, context), log, nobody, len(log.actions))
    values = np.empty((len(log), len(log.actions)))
    for train, held_out in fold_splits(log_folds(log, salt)):
        model = asked.fit(learner, train)
        for action in range(len(log.actions)):
            values[held_out, action] = model.predict(asked.design(held_out, np.full(len(held_out), action)))
    return values


def log_folds(log: LoggedDecisions, salt: str, k: int = FOLDS) -> Integers:
    """Return folds by unit, from a hash of its number in the log, so that a second run has the same folds."""
    return unit_folds(unit_keys(str(group) for group in log.groups.tolist()), salt, k)


def with_places(log: LoggedDecisions, context: Floats) -> Floats:
    """Return the context with one indicator per place of the slate, where there are several."""
    if len(log.positions) < 2:
        return context
    return np.column_stack([context, np.equal.outer(log.position, np.arange(len(log.positions)))])


@dataclass(frozen=True, slots=True)
class _Asked:
    context: Floats
    log: LoggedDecisions
    policy: TargetPolicy
    n_actions: int

    def fit(self, learner: OutcomeLearner, train: Integers) -> FittedOutcome:
        rows = train[hashed_rows(len(train), _MOST_ROWS, "train")]
        design = self.design(rows, self.log.drawn[rows])
        if not design.shape[1]:
            return _Constant(float(self.log.outcome[train].mean()))
        return learner.fit(design, self.log.outcome[rows])

    def design(self, rows: Integers, action: Integers) -> Floats:
        if not self.n_actions:
            return self.context[rows]
        return np.column_stack([self.context[rows], np.equal.outer(action, np.arange(self.n_actions))]).astype(float)

    def values(self, model: FittedOutcome, rows: Integers) -> tuple[Floats, Floats]:
        """Return q(x, A) and q_π(x) of `rows`; contexts that occur several times are asked once."""
        if self.policy.p_every is None:
            plain = model.predict(self.design(rows, self.log.drawn[rows]))
            return plain, plain
        context, place = np.unique(self.context[rows], axis=0, return_inverse=True)
        place, drawn, p = place.reshape(-1), self.log.drawn[rows], self.policy.p_every[rows]
        design = np.column_stack([context, np.zeros((len(context), self.n_actions))]).astype(float)
        first = context.shape[1]
        at_drawn, expected = np.empty(len(rows)), np.zeros(len(rows))
        for action in range(self.n_actions):
            design[:, first + action] = 1.0
            q = model.predict(design)[place]
            design[:, first + action] = 0.0
            expected += p[:, action] * q
            at_drawn[drawn == action] = q[drawn == action]
        return at_drawn, expected


@dataclass(frozen=True, slots=True)
class _Constant:
    mean: float

    def predict(self, features: Floats) -> Floats:
        return np.full(len(features), self.mean)
