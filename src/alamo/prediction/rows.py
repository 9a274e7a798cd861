"""Training rows: one decision at which an action was open, with its doubly robust score difference and precision.

An adaptive log has rows of very different propensities: one drawn with probability .004 carries a hundredth of the
information of one drawn with .4, so rows are weighted by precision. Weights are functions of features and history only,
never of outcomes. What is estimated is E[Y(a) − Y(none) | x] at each x; means over rows are precision-weighted
means of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.action import NO_ACTION
from alamo.numerics.folds import unit_folds
from alamo.numerics.hashing import unit_keys
from alamo.numerics.moments import codes
from alamo.prediction.inputs import EffectInputs
from alamo.prediction.noise import NoiseModel, customer_size
from alamo.prediction.orders import OrderLog, OrderRows

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

FOLDS = 5


@dataclass(frozen=True, slots=True)
class EffectRows:
    """Rows of one action against no action.

    Attributes
    ----------
    inputs
        See `EffectInputs`.
    score
        Gross effect score Γ(a) − Γ(none) + cost, money, shape (n,).
    weight
        Precision up to a constant, positive, shape (n,).
    noise
        Modelled variance of the score up to a constant, shape (n,).
    unit, folds
        Code of the unit, and fold by unit, shape (n,).
    drawn, drawn_none
        Rows that drew the action, and that drew none.
    outcome_variance, relative_variance
        Mean residual variance of one outcome, in money² and against the squared money scale.
    orders
        The same rows seen as ordering or not; None where orders are not known.
    """

    inputs: EffectInputs
    score: Floats
    weight: Floats
    noise: Floats
    unit: Integers
    folds: Integers
    drawn: int
    drawn_none: int
    outcome_variance: float
    relative_variance: float
    orders: OrderRows | None = None

    def __len__(self) -> int:
        return len(self.score)


@dataclass(frozen=True, slots=True)
class DecisionLog:
    """Matured decisions and the scores of every action each could have drawn, matched by position.

    Attributes
    ----------
    inputs
        Of each decision, n rows.
    unit, folds
        Code of the unit, and fold by unit, shape (n,).
    action
        Action drawn, n rows.
    place
        Decision of each score row, shape (m,).
    scores
        Score rows: ``action_id, p, mu_money, gamma_money``.
    outcome_variance
        Modelled residual variance of the outcome, money², shape (n,).
    orders
        Who ordered; None where it is not known.
    """

    inputs: EffectInputs
    unit: Integers
    folds: Integers
    action: pa.ChunkedArray
    place: Integers
    scores: pa.Table
    outcome_variance: Floats
    orders: OrderLog | None = None

    @classmethod
    def of(cls, observations: pa.Table, dr_scores: pa.Table, inputs: EffectInputs, folds: Integers) -> DecisionLog:
        """Match scores to decisions; scores of unknown decisions or with probability 0 are left out."""
        place = pc.index_in(dr_scores.column("decision_id"), value_set=observations.column("decision_id"))
        keep = pc.and_(pc.is_valid(place), pc.greater(dr_scores.column("p"), 0.0))
        scores = dr_scores.filter(keep).select(["action_id", "p", "mu_money", "gamma_money"])
        at = np.asarray(place.filter(keep), dtype=np.int64)
        action = observations.column("action_id")
        drawn = np.asarray(pc.equal(scores.column("action_id"), action.take(pa.array(at))), dtype=bool)
        residual = (_floats(scores, "gamma_money") - _floats(scores, "mu_money")) * _floats(scores, "p")
        size = customer_size(inputs)
        return cls(
            inputs=inputs,
            unit=codes(np.asarray(observations.column("unit_id").to_numpy(zero_copy_only=False)))[0],
            folds=folds,
            action=action,
            place=at,
            scores=scores,
            outcome_variance=NoiseModel.fit(size[at[drawn]], residual[drawn]).variance(size),
            orders=OrderLog.of(observations, inputs, folds),
        )

    def rows_of(self, action_id: str, cost_money: float) -> EffectRows:
        """Return the rows at which `action_id` and no action were both possible."""
        gamma, p = self._spread(action_id)
        gamma_none, p_none = self._spread(NO_ACTION)
        rows = np.flatnonzero((p > 0.0) & (p_none > 0.0))
        inputs = self.inputs.take(rows)
        noise = self.outcome_variance[rows] * (1.0 / p[rows] + 1.0 / p_none[rows])
        drawn = self.action.take(pa.array(rows))
        return EffectRows(
            inputs=inputs,
            score=gamma[rows] - gamma_none[rows] + cost_money,
            weight=1.0 / noise,
            noise=noise,
            unit=self.unit[rows],
            folds=self.folds[rows],
            drawn=int(pc.sum(pc.equal(drawn, action_id)).as_py() or 0),
            drawn_none=int(pc.sum(pc.equal(drawn, NO_ACTION)).as_py() or 0),
            outcome_variance=float(self.outcome_variance.mean()),
            relative_variance=float((self.outcome_variance / self.inputs.scale**2).mean()),
            orders=None if self.orders is None else self.orders.rows_of(drawn, action_id, rows, p[rows], p_none[rows]),
        )

    def _spread(self, action_id: str) -> tuple[Floats, Floats]:
        """Return Γ and p of one action by decision, shape (n,) each; p = 0 where it was not possible."""
        mine = np.asarray(pc.equal(self.scores.column("action_id"), action_id), dtype=bool)
        gamma, p = np.zeros(len(self.inputs)), np.zeros(len(self.inputs))
        gamma[self.place[mine]] = _floats(self.scores, "gamma_money")[mine]
        p[self.place[mine]] = _floats(self.scores, "p")[mine]
        return gamma, p


def decision_folds(observations: pa.Table, salt: str) -> Integers:
    """Return the fold of each decision, by unit, shape (n,)."""
    return unit_folds(unit_keys(observations.column("unit_id").to_pylist()), f"uplift/{salt}", FOLDS)


def _floats(table: pa.Table, name: str) -> Floats:
    return np.asarray(table.column(name), dtype=np.float64)
