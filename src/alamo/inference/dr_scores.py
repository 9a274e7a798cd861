"""Doubly robust scores of the loop: one row per decision and action it could have drawn.

The outcome model of a cycle is fitted on earlier cycles only (predictable, so running means of the scores are
martingales); the first cycle has no past and is cross-fitted by unit. Long windows of different cycles overlap, so an
earlier row of the same unit holds what this row's draw brought about: there every cycle is cross-fitted by unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.action import NO_ACTION
from alamo.domain.features import feature_columns
from alamo.domain.ports import ContinuationValue, OutcomeLearner
from alamo.domain.tables import DR_SCORES
from alamo.inference.outcome_model import OutcomeRows, cross_fitted, fit_outcome_model
from alamo.inference.outcomes import column, residual_values
from alamo.numerics.doubly_robust import scores
from alamo.numerics.encoding import FeatureEncoder
from alamo.numerics.folds import unit_folds
from alamo.numerics.hashing import unit_keys

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_FOLDS = 5
_LEAST_DAYS = 28.0
_MOST_PAST_ROWS = 100_000
"""The newest rows teach enough; more cost seconds and win nothing."""
_MOST_OVERLAPPING_ROWS = 30_000
"""Fitted once a fold, and what the difference of two outcomes has to teach is little."""


def cycle_dr_scores(
    observations: pa.Table,
    cycle: int,
    learner: OutcomeLearner,
    *,
    salt: str,
    models: Mapping[int, ContinuationValue] | None = None,
    overlapping: bool = False,
) -> pa.Table:
    """Return DR_SCORES of one cycle.

    Parameters
    ----------
    observations
        OBSERVATIONS with ``outcome_money`` and the features as of the decision, of this cycle and the earlier ones.
    cycle
        The cycle to score; rows of later cycles are not looked at.
    learner
        Fits the outcome model.
    salt
        Of the folds.
    models
        The value model frozen before each cycle: what it expected of the customer at the decision removes most of the
        variance. Without it a customer's own rate times own spend stands in.
    overlapping
        Windows of different cycles overlap: the outcome model never sees a row of the units it scores.

    Notes
    -----
    The universal control is not scored (it had no chance of an action), but earlier cycles' rows of it teach the
    outcome model what no action brings. Actions with probability 0 are not in the set.
    """
    table = _past_and_now(observations, cycle, _MOST_OVERLAPPING_ROWS if overlapping else _MOST_PAST_ROWS)
    now = np.asarray(table["cycle"]) == cycle
    scored = np.flatnonzero(now & ~np.asarray(table["universal_control"]))
    if not len(scored):
        return DR_SCORES.empty()
    actions = _actions(table)
    rows = _outcome_rows(table, actions, models)
    current = table.take(pa.array(scored))
    folds = unit_folds(unit_keys(current["unit_id"].to_pylist()), salt, _FOLDS)
    past = np.flatnonzero(~now)
    if overlapping:
        mu = _without_own_units(rows, table["unit_id"], salt, scored, (len(actions), learner))
    elif len(past):
        mu = fit_outcome_model(rows.take(past), len(actions), learner).predict(rows.take(scored))
    else:
        mu = cross_fitted(rows.take(scored), folds, len(actions), learner)
    gamma = scores(mu, rows.arm[scored], rows.outcome[scored], column(current, "p_action"))
    return _long_table(current, _Scored(actions, folds, mu, gamma))


def _without_own_units(
    rows: OutcomeRows, units: pa.ChunkedArray, salt: str, scored: Integers, model: tuple[int, OutcomeLearner]
) -> Floats:
    """Return μ(x, a) at the rows `scored` from models that never saw any row of the row's unit, (n_scored, n_arms)."""
    n_arms, learner = model
    folds = unit_folds(unit_keys(units.to_pylist()), salt, _FOLDS)
    mu = np.empty((len(scored), n_arms))
    for fold in np.unique(folds[scored]):
        mine = folds[scored] == fold
        fitted = fit_outcome_model(rows.take(np.flatnonzero(folds != fold)), n_arms, learner)
        mu[mine] = fitted.predict(rows.take(scored[mine]))
    return mu


def _past_and_now(observations: pa.Table, cycle: int, most_past_rows: int) -> pa.Table:
    """Return the cycle's rows after the newest `most_past_rows` earlier ones; a row without a propensity is none."""
    logged = observations.filter(pc.greater(observations["p_action"], 0.0))
    cycles = np.asarray(logged["cycle"])
    order = np.asarray(pc.sort_indices(logged, sort_keys=[("cycle", "ascending"), ("decision_id", "ascending")]))
    past, now = order[cycles[order] < cycle], order[cycles[order] == cycle]
    return logged.take(pa.array(np.concatenate([past[-most_past_rows:], now]).astype(np.int64)))


@dataclass(frozen=True, slots=True)
class _Scored:
    actions: list[str]
    folds: Integers
    mu: Floats
    gamma: Floats


def prior_values(observations: pa.Table, models: Mapping[int, ContinuationValue] | None) -> Floats:
    """Return what was expected of each customer before the decision (money), shape (n,)."""
    if "x" not in observations.column_names:  # experiments only: nobody's purchases are known
        return np.zeros(observations.num_rows)
    if models is not None:
        return np.maximum(residual_values(observations, models), 0.0)
    rate = column(observations, "x") / np.maximum(column(observations, "t_days"), _LEAST_DAYS)
    return np.maximum(rate * column(observations, "repeat_money"), 0.0)


def _actions(table: pa.Table) -> list[str]:
    eligible = pc.unique(pc.list_flatten(table["eligible"])).to_pylist()
    return [NO_ACTION, *sorted(set(eligible) - {NO_ACTION})]


def _outcome_rows(table: pa.Table, actions: list[str], models: Mapping[int, ContinuationValue] | None) -> OutcomeRows:
    encoder = FeatureEncoder.fit(table, feature_columns(table))
    arm = pc.index_in(table["action_id"], value_set=pa.array(actions))
    return OutcomeRows(
        features=encoder.transform(table),
        prior=prior_values(table, models),
        arm=np.asarray(arm, dtype=np.int64),
        outcome=column(table, "outcome_money"),
    )


def _long_table(decisions: pa.Table, scored: _Scored) -> pa.Table:
    """Turn the (n, k) arrays into one row per decision and eligible action of positive probability."""
    parent = np.asarray(pc.list_parent_indices(decisions["eligible"].combine_chunks()), dtype=np.int64)
    names = pc.list_flatten(decisions["eligible"])
    p = np.asarray(pc.list_flatten(decisions["p"]), dtype=np.float64)
    action = np.asarray(pc.index_in(names, value_set=pa.array(scored.actions)), dtype=np.int64)
    open_ = p > 0.0
    parent, action, p = parent[open_], action[open_], p[open_]
    at = pa.array(parent)
    return DR_SCORES.check(
        pa.table(
            {
                "decision_id": decisions["decision_id"].take(at),
                "unit_id": decisions["unit_id"].take(at),
                "cycle": decisions["cycle"].take(at),
                "action_id": pa.array(scored.actions).take(pa.array(action)),
                "fold": scored.folds[parent],
                "p": p,
                "mu_money": scored.mu[parent, action],
                "gamma_money": scored.gamma[parent, action],
            }
        )
    )
